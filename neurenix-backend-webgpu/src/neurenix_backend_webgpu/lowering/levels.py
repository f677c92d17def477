"""The order of pieces of work, and which of them run together: a pure function of what
waits for what."""

from __future__ import annotations

from collections.abc import Sequence

Waits = Sequence[Sequence[int]]  # of each piece, the earlier ones that it waits for


def turns(waits: Waits, alone: Sequence[bool]) -> list[list[int]]:
    """Pieces in turns, of which each holds one that runs `alone`, or all that are
    ready. Those that run alone go first: by then more of the others are ready at once.

    >>> turns([[], [], [0], [2], [1]], [False, True, False, True, False])
    [[1], [0, 4], [2], [3]]
    """
    missing = [len(before) for before in waits]
    after: list[list[int]] = [[] for _ in waits]
    for k, before in enumerate(waits):
        for b in before:
            after[b].append(k)
    ready = [k for k, n in enumerate(missing) if not n]
    out: list[list[int]] = []
    while ready:
        single = next((k for k in ready if alone[k]), None)
        turn = ready if single is None else [single]
        out.append(turn)
        ready = [k for k in ready if k not in set(turn)]
        for k in turn:
            for a in after[k]:
                missing[a] -= 1
                if not missing[a]:
                    ready.append(a)
        ready.sort()
    return out
