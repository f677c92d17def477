"""Linear algebra: factors of matrices, and what follows from them. Matrices are the
last two axes, the others a batch."""

from ..functions.linear import matmul
from ..functions.linear_algebra import (
    cholesky,
    det,
    inv,
    slogdet,
    solve,
    triangular_solve,
)
from ..functions.reduction import norm
from .householder import QR, qr
from .singular import SVD, matrix_rank, pinv, svd, svdvals
from .symmetric import Eigen, eigh, eigvalsh

__all__ = [
    "norm",
    "matmul",
    "solve",
    "inv",
    "det",
    "slogdet",
    "cholesky",
    "triangular_solve",
    "qr",
    "QR",
    "eigh",
    "Eigen",
    "eigvalsh",
    "svd",
    "SVD",
    "svdvals",
    "matrix_rank",
    "pinv",
]
