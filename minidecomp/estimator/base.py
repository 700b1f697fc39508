"""The estimator's base classes: scikit-learn's if it is installed, otherwise the parts of them that are needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import shown
from .parameters import parameters

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted, validate_data

    HAS_SKLEARN = True
    BASES: tuple[type, ...] = (ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator)
except Exception:  # not installed, older than 1.6, or broken
    HAS_SKLEARN = False

    class _Parameters:
        """The part of scikit-learn's BaseEstimator that handles parameters."""

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            return {name: getattr(self, name) for name in parameters()}

        def set_params(self, **given: Any) -> Any:
            for name, value in given.items():
                if name not in self.get_params():
                    raise ValueError(f"{name!r} is not a parameter of {type(self).__name__}")
                setattr(self, name, value)
            return self

        def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
            prefix = type(self).__name__.lower()
            return np.array([f"{prefix}{i}" for i in range(self._n_features_out)], object)  # type: ignore[attr-defined]

        def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
            return self.fit(X, y).transform(X)  # type: ignore[attr-defined]

        def __repr__(self) -> str:
            return shown.line(type(self).__name__, self._changed())

        def _repr_html_(self) -> str:
            facts = {}
            if hasattr(self, "vae_"):
                facts = {
                    "engine": self.options_.engine,  # type: ignore[attr-defined]
                    "epochs": self.n_iter_,  # type: ignore[attr-defined]
                    "objective": f"{self.objective_:.6g} nats per point",  # type: ignore[attr-defined]
                    "features": self.n_features_in_,  # type: ignore[attr-defined]
                }
            return shown.table(type(self).__name__, self._changed(), facts)

        def _changed(self) -> dict[str, Any]:
            """The parameters that differ from their defaults."""
            given = self.get_params()
            return {name: given[name] for name, usual in parameters().items() if repr(given[name]) != repr(usual)}

    BASES = (_Parameters,)
    check_is_fitted = validate_data = None

    class NotFittedError(ValueError, AttributeError):  # type: ignore[no-redef]
        """The model is not fitted yet."""


__all__ = ["BASES", "HAS_SKLEARN", "NotFittedError", "check_is_fitted", "validate_data"]
