"""Einstein's summation, over `dot_general`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import InvalidArgumentError, ShapeError
from ..primitives import ops
from ..tensor import Tensor
from .matrices import diagonal
from .operands import operands
from .reduction import sum as sum_over
from .shape import broadcast_to

Labels = list[str]


def einsum(equation: str, *tensors: Any) -> Tensor:
    """The sum of products that an equation names: "ij,jk->ik" is the matrix product.

    Each axis has a letter; axes with one letter go together, letters that the output
    lacks are summed. Without "->" the output has, in the order of the alphabet, the
    letters that occur once. A letter twice in one operand means its diagonal; "..."
    stands for leading axes, which broadcast. Several operands are taken from the left.

    Raises InvalidArgumentError for an equation that does not fit the operands,
    ShapeError where axes with one letter differ in size.

    >>> import neurenix as nx
    >>> nx.einsum("ij,jk->ik", nx.ones(2, 3), nx.ones(3, 4)).shape
    (2, 4)
    >>> nx.einsum("ii", nx.eye(3)).item()
    3.0
    """
    if not isinstance(equation, str):
        raise InvalidArgumentError(f"einsum: {equation!r} is no equation, a str")
    parts = operands("einsum", *tensors) if tensors else []
    terms, output = _parsed(equation, [x.ndim for x in parts])
    terms, parts = _broadcast_rest(equation, terms, parts)
    sizes: dict[str, int] = {}
    for labels, x in zip(terms, parts, strict=True):
        for label, n in zip(labels, x.shape, strict=True):
            if sizes.setdefault(label, n) != n:
                shapes = " and ".join(str(p.shape) for p in parts)
                raise ShapeError(
                    f"einsum {equation!r}: {label!r} is {sizes[label]} and {n} "
                    f"in shapes {shapes}"
                )
    left, x = _alone(terms[0], parts[0], [*terms[1:], output])
    for k in range(1, len(parts)):
        right, y = _alone(terms[k], parts[k], [left, *terms[k + 1 :], output])
        left, x = _product(left, x, right, y, [*terms[k + 1 :], output])
    return _ordered(x, left, output)


def _parsed(equation: str, ranks: Sequence[int]) -> tuple[list[Labels], Labels]:
    """Labels of each operand's axes, and of the output's. The axes of "..." are
    numbered from the right: "0" is the last of them."""
    text = equation.replace(" ", "")
    before, arrow, after = text.partition("->")
    words = before.split(",")
    if len(words) != len(ranks):
        raise InvalidArgumentError(
            f"einsum {equation!r}: names {len(words)} operands, and {len(ranks)} "
            "are given"
        )
    terms = []
    for word, rank in zip(words, ranks, strict=True):
        letters = word.replace("...", "", 1)
        hidden = rank - len(letters)
        if hidden < 0 or (hidden and letters == word):
            raise InvalidArgumentError(
                f"einsum {equation!r}: {word!r} for an operand of rank {rank}"
            )
        terms.append(_spread(equation, word, hidden))
    widest = max((sum(k.isdigit() for k in t) for t in terms), default=0)
    if arrow:
        output = _spread(equation, after, widest)
        known = {k for t in terms for k in t}
        if len(set(output)) < len(output) or not known.issuperset(output):
            raise InvalidArgumentError(
                f"einsum {equation!r}: the output's letters must each occur once, and "
                "in an operand"
            )
    else:
        listed = [k for t in terms for k in t]
        once = sorted(k for k in listed if k.isalpha() and listed.count(k) == 1)
        output = [*_spread(equation, "...", widest), *once]
    return terms, output


def _spread(equation: str, word: str, hidden: int) -> Labels:
    head, dots, tail = word.partition("...")
    if any(not k.isalpha() for k in head + tail):
        raise InvalidArgumentError(
            f"einsum {equation!r}: {word!r} has more than letters and one '...'"
        )
    rest = [str(k) for k in reversed(range(hidden))] if dots else []
    return [*head, *rest, *tail]


def _broadcast_rest(
    equation: str, terms: list[Labels], parts: Sequence[Tensor]
) -> tuple[list[Labels], list[Tensor]]:
    """Stretch the axes of "..." that are 1 to what they meet."""
    widest: dict[str, int] = {}
    for labels, x in zip(terms, parts, strict=True):
        for label, n in zip(labels, x.shape, strict=True):
            if label.isdigit() and widest.get(label, 1) == 1:
                widest[label] = n
    stretched = []
    for labels, x in zip(terms, parts, strict=True):
        pairs = zip(labels, x.shape, strict=True)
        shape = tuple(widest[k] if k.isdigit() and n == 1 else n for k, n in pairs)
        stretched.append(broadcast_to(x, shape))
    return terms, stretched


def _alone(
    labels: Labels, x: Tensor, others: Sequence[Labels]
) -> tuple[Labels, Tensor]:
    """One operand, diagonals taken, and summed over what only it has."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            x = diagonal(x, 0, first, second)
            labels = [k for i, k in enumerate(labels) if i not in (first, second)]
            labels.append(label)
    needed = {k for other in others for k in other}
    gone = tuple(i for i, k in enumerate(labels) if k not in needed)
    if gone:
        x = sum_over(x, gone)
    return [k for k in labels if k in needed], x


def _product(
    left: Labels, x: Tensor, right: Labels, y: Tensor, others: Sequence[Labels]
) -> tuple[Labels, Tensor]:
    needed = {k for other in others for k in other}
    both = [k for k in left if k in right]
    batch = [k for k in both if k in needed]
    summed = [k for k in both if k not in needed]
    out = ops.dot_general(
        x,
        y,
        lhs_contract=tuple(left.index(k) for k in summed),
        rhs_contract=tuple(right.index(k) for k in summed),
        lhs_batch=tuple(left.index(k) for k in batch),
        rhs_batch=tuple(right.index(k) for k in batch),
    )
    free = [k for k in (*left, *right) if k not in both]
    return [*batch, *free], out


def _ordered(x: Tensor, labels: Labels, output: Labels) -> Tensor:
    order = tuple(labels.index(k) for k in output)
    return x if order == tuple(range(x.ndim)) else ops.transpose(x, permutation=order)
