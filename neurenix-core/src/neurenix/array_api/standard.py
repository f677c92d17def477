"""The functions that the Python array API standard 2024.12 names, section by section,
and why some are absent here."""

from __future__ import annotations

NAMES = {
    "Constants": "e inf nan newaxis pi",
    "Data types": "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 "
    "float64 complex64 complex128",
    "Creation": "arange asarray empty empty_like eye from_dlpack full full_like "
    "linspace meshgrid ones ones_like tril triu zeros zeros_like",
    "Data type functions": "astype can_cast finfo iinfo isdtype result_type",
    "Elementwise": "abs acos acosh add asin asinh atan atan2 atanh bitwise_and "
    "bitwise_left_shift bitwise_invert bitwise_or bitwise_right_shift bitwise_xor "
    "ceil clip conj copysign cos cosh divide equal exp expm1 floor floor_divide "
    "greater greater_equal hypot imag isfinite isinf isnan less less_equal log log1p "
    "log2 log10 logaddexp logical_and logical_not logical_or logical_xor maximum "
    "minimum multiply negative nextafter not_equal positive pow real reciprocal "
    "remainder round sign signbit sin sinh square sqrt subtract tan tanh trunc",
    "Indexing": "take take_along_axis",
    "Inspection": "__array_namespace_info__",
    "Linear algebra": "matmul matrix_transpose tensordot vecdot",
    "Manipulation": "broadcast_arrays broadcast_to concat expand_dims flip moveaxis "
    "permute_dims repeat reshape roll squeeze stack tile unstack",
    "Searching": "argmax argmin count_nonzero nonzero searchsorted where",
    "Sets": "unique_all unique_counts unique_inverse unique_values",
    "Sorting": "argsort sort",
    "Statistics": "cumulative_prod cumulative_sum max mean min prod std sum var",
    "Utility": "all any diff",
    "Extensions": "linalg fft",
    "Extension linalg": "cholesky cross det diagonal eigh eigvalsh inv matmul "
    "matrix_norm matrix_power matrix_rank matrix_transpose outer pinv qr slogdet solve "
    "svd svdvals tensordot trace vecdot vector_norm",
}

_DTYPE = "there is no such dtype"
_COMPLEX = "there is no complex dtype"
_DATA = "the shape of the result depends on the data"
ABSENT = {
    **dict.fromkeys(("int8", "int16", "uint16", "uint64"), _DTYPE),
    **dict.fromkeys(("complex64", "complex128"), _COMPLEX),
    **dict.fromkeys(NAMES["Sets"].split(), _DATA),
    "fft": "an optional extension, of complex numbers: there is no complex dtype",
    "nonzero": _DATA,
}


def page() -> str:
    """docs/array-api.md."""
    total = [name for names in NAMES.values() for name in names.split()]
    here = len(total) - len(ABSENT)
    lines = [
        "# The Python array API standard",
        "",
        "`x.__array_namespace__()` gives `neurenix.array_api`, which has the names and",
        "signatures of its version",
        "[2024.12](https://data-apis.org/array-api/2024.12/API_specification/).",
        f"Of {len(total)} names {here} are present. This page is written by",
        "`python docs/make_array_api.py`.",
        "",
        "The default dtypes are float32 and int32. Values never change, so that",
        "`copy=` makes no difference; `x[i] = v` gives the handle `x` a new value.",
        "A tensor has at most 8 axes. `__dlpack__(copy=False)` is refused where the",
        "other side does not say that it knows read-only memory (`max_version=(1, 0)`",
        "or later), as NumPy refuses it for arrays that may not be written.",
        "",
        "DLPack exchanges the host's memory only: a tensor on a GPU is copied to the",
        "host for the other side, and `from_dlpack` refuses what lies on one. A tensor",
        "of PyTorch's comes as `nx.from_dlpack(t.cpu())`, an array of JAX's as",
        "`nx.tensor(jax.device_get(a))`.",
    ]
    for section, names in NAMES.items():
        lines += ["", f"## {section}", "", "| name | |", "| --- | --- |"]
        for name in names.split():
            told = f"absent: {ABSENT[name]}" if name in ABSENT else "present"
            lines.append(f"| `{name}` | {told} |")
    return "\n".join(lines) + "\n"
