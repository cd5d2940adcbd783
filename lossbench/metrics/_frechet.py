"""The Frechet distance of two sets of features, taken as two normal distributions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import UserError


def frechet_distance(features_a: NDArray[Any], features_b: NDArray[Any]) -> float:
    """Return |m_a - m_b|^2 + Tr(S_a + S_b - 2 (S_a S_b)^(1/2)) of features (N_a, D) and (N_b, D), 0 or above.

    Means and covariances (divided by N - 1) in float64; the covariances may be singular, as with fewer samples than
    features. The estimate falls with N, so compare only distances of equally many samples. Source: Heusel et al.,
    'GANs Trained by a Two Time-Scale Update Rule', NeurIPS 2017, equation 6. Raises UserError for fewer than two
    samples, different D, and features that are not finite.
    """
    (mean_a, root_a), (mean_b, root_b) = _moments(features_a, "predictions"), _moments(features_b, "targets")
    if mean_a.shape != mean_b.shape:
        raise UserError(f"predictions: {len(mean_a)} features, targets: {len(mean_b)}; take both from one network")
    # with S_a = A^T A and S_b = B^T B, the eigenvalues of S_a S_b are the squares of the singular values of A B^T
    crossed = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    distance = np.square(mean_a - mean_b).sum() + np.square(root_a).sum() + np.square(root_b).sum() - 2 * crossed
    return max(float(distance), 0.0)


def _moments(features: NDArray[Any], role: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean (D,) and a matrix R with at most D rows such that R^T R is the covariance."""
    if features.ndim != 2 or len(features) < 2:
        raise UserError(f"{role}: features of shape {features.shape}; a covariance needs two samples or more")
    if not np.isfinite(features).all():
        raise UserError(f"{role}: NaN or infinite features; look at the pictures and the weights")
    values = features.astype(np.float64)
    mean: NDArray[np.float64] = values.mean(axis=0)
    values -= mean
    values /= np.sqrt(len(values) - 1)
    # no more rows than features, so that the product of two is small
    root = np.asarray(np.linalg.qr(values, mode="r")) if len(values) > values.shape[1] else values
    return mean, root
