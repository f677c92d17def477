"""Estimators of scikit-learn: few-shot classifiers and regressors (extra [sklearn])."""

from neurenix.installing import how_to_install

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "neurenix.meta.sklearn needs scikit-learn, which cannot be imported "
        f"({error}): {how_to_install('neurenix-meta', 'sklearn')}"
    ) from error

from .classifier import FewShotClassifier
from .regressor import FewShotRegressor

__all__ = ["FewShotClassifier", "FewShotRegressor"]
