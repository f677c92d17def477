"""Kernels: what each primitive computes, on NumPy arrays.

The table `KERNELS` has the minimal basis, `neurenix.primitives.BASIS`, and no more: a
program comes without the other primitives, rewritten in these. A kernel gets an array
for each input and the instruction's parameters by name, and gives the outputs as
C-contiguous arrays. To make one primitive faster, add its kernel here.
"""

import math

import numpy as np

KERNELS = {}


def kernel(name):
    def register(function):
        KERNELS[name] = function
        return function

    return register


# ---- element by element; operands broadcast as NumPy's do ----------------------------


def elementwise(name, function):
    def run(*arrays):
        with np.errstate(all="ignore"):  # infinities and NaN are results, no errors
            result = function(*arrays)
        return [np.asarray(result, arrays[-1].dtype)]

    KERNELS[name] = run


def comparison(name, function):
    KERNELS[name] = lambda a, b: [np.asarray(function(a, b))]


def shifted_right(a, places):
    there = (places >= 0) & (places < 8 * a.dtype.itemsize)
    return np.where(there, np.right_shift(a, places), 0)


elementwise("add", np.add)
elementwise("mul", np.multiply)
elementwise("div", np.divide)
elementwise("remainder", np.remainder)  # has the divisor's sign
elementwise("pow", np.power)
elementwise("exp", np.exp)
elementwise("log", np.log)
elementwise("sin", np.sin)
elementwise("cos", np.cos)
elementwise("bitwise_and", np.bitwise_and)
elementwise("shift_right", shifted_right)
elementwise("where", np.where)
comparison("equal", np.equal)
comparison("less", np.less)


@kernel("cast")
def cast(a, dtype):
    """To integers: towards zero, and to the nearest end where there is no such integer;
    NaN becomes 0."""
    target = np.dtype(dtype.numpy)
    if a.dtype.kind == "f" and target.kind in "iu":
        ends = np.iinfo(target)
        whole = np.trunc(np.nan_to_num(a.astype(np.float64), posinf=np.inf))
        inside = (whole > ends.min) & (whole < ends.max)
        result = np.where(inside, whole, 0.0).astype(target)
        result = np.where(whole >= ends.max, target.type(ends.max), result)
        return [np.where(whole <= ends.min, target.type(ends.min), result)]
    with np.errstate(all="ignore"):
        return [a.astype(target)]


@kernel("bitcast")
def bitcast(a, dtype):
    return [np.ascontiguousarray(a).view(dtype.numpy).reshape(a.shape)]


# ---- movement ------------------------------------------------------------------------


def contiguous(a):
    return [np.array(a, order="C")]


@kernel("reshape")
def reshape(a, shape):
    return contiguous(a.reshape(shape))


@kernel("transpose")
def transpose(a, permutation):
    return contiguous(a.transpose(permutation))


@kernel("broadcast")
def broadcast(a, shape):
    return contiguous(np.broadcast_to(a, shape))


@kernel("slice")
def slice_(a, start, stop, step):
    return contiguous(a[tuple(map(slice, start, stop, step))])


@kernel("pad")
def pad(a, low, high, interior, value):
    """`interior` elements between neighbours, `low` before and `high` after them."""
    spread = [n + max(n - 1, 0) * i for n, i in zip(a.shape, interior)]
    shape = [n + x + y for n, x, y in zip(spread, low, high)]
    result = np.full(shape, value, a.dtype)
    places = [slice(x, x + n, i + 1) for x, n, i in zip(low, spread, interior)]
    result[tuple(places)] = a
    return [result]


# ---- sums, products, indices ---------------------------------------------------------


@kernel("sum")
def sum_(a, axes):
    with np.errstate(all="ignore"):
        return [np.asarray(a.sum(axes, dtype=a.dtype))]


@kernel("dot_general")
def dot_general(a, b, lhs_contract, rhs_contract, lhs_batch, rhs_batch):
    """Sums over the contracted axes: [batch.., others of a.., others of b..]."""

    def arranged(x, batch, contract, contract_last):
        free = [i for i in range(x.ndim) if i not in batch and i not in contract]
        sizes = [[x.shape[i] for i in group] for group in (batch, free, contract)]
        rows, terms = math.prod(sizes[1]), math.prod(sizes[2])
        order, matrix = [*batch, *free, *contract], [rows, terms]
        if not contract_last:
            order, matrix = [*batch, *contract, *free], [terms, rows]
        return x.transpose(order).reshape(sizes[0] + matrix), sizes[0], sizes[1]

    left, batch, rows = arranged(a, lhs_batch, lhs_contract, True)
    right, _, columns = arranged(b, rhs_batch, rhs_contract, False)
    with np.errstate(all="ignore"):
        product = np.matmul(left, right)
    return contiguous(product.reshape((*batch, *rows, *columns)))


def selections(x, index, axis, batch):
    """For each leading index: x's part with the axis in front, and indices in range."""
    clipped = np.clip(index, 0, max(x.shape[axis] - 1, 0))
    for b in np.ndindex(*x.shape[:batch]):
        yield b, np.moveaxis(x[b], axis - batch, 0), clipped[b]


@kernel("gather")
def gather(x, index, axis, batch):
    """x [b.., p.., n, s..] and index [b.., i..] to [b.., p.., i.., s..]: x at those
    places of n, which is `axis`; the first `batch` axes of both go together."""
    shape = (*x.shape[:axis], *index.shape[batch:], *x.shape[axis + 1 :])
    result = np.empty(shape, x.dtype)
    width = index.ndim - batch
    for b, rows, places in selections(x, index, axis, batch):
        found = rows[places]  # [i.., p.., s..]
        result[b] = np.moveaxis(
            found, range(width), range(axis - batch, axis - batch + width)
        )
    return [result]


@kernel("scatter_add")
def scatter_add(x, index, updates, axis, batch):
    """x with the updates, shaped like gather's output, added at those places."""
    result = np.array(x, order="C")
    width = index.ndim - batch
    for b, rows, places in selections(result, index, axis, batch):
        added = np.moveaxis(
            updates[b], range(axis - batch, axis - batch + width), range(width)
        )
        np.add.at(rows, places, added)  # rows is a view of the result
    return [result]


# ---- from nothing --------------------------------------------------------------------


@kernel("iota")
def iota(shape, axis, dtype):
    ramp = np.arange(shape[axis]).astype(dtype.numpy)
    along = [-1 if i == axis else 1 for i in range(len(shape))]
    return contiguous(np.broadcast_to(ramp.reshape(along), shape))


@kernel("constant")
def constant(value):
    return [value.array]
