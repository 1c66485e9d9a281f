"""Which candidates belong together: affinity propagation (section 3.2)."""

import warnings
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from xai_utils.tensors import check_count


class Clusters(NamedTuple):
    """Which candidates belong together."""

    labels: Tensor  # int64 [parts]: number of each candidate's cluster
    exemplars: Tensor  # int64 [clusters]: the candidate that each cluster gathers around


def affinity_clusters(
    scores: Tensor, *, preference: float = 1.3, damping: float = 0.9, steps: int = 1000, patience: int = 100
) -> Clusters:
    """Gathers candidates around exemplars, as many as the scores ask for: affinity propagation.

    **Source**: section 3.2, with the settings of the authors' code: similarities are scores minus their maximum, and a
    candidate's preference to be an exemplar is 1.3 times the median of them all. The paper counts that as its one
    parameter and gives no value.

    Args:
        scores: float [parts, parts], as `candidates` returns them.
        preference: how many medians; more gives fewer clusters.
        damping: share of the old message in the new one, 0.5 to 1.
        steps: how many rounds of messages there may be.
        patience: for how many rounds the exemplars have to stay the same.

    Returns:
        The clusters, on the CPU.

    Raises:
        ValueError: no square of finite scores, fewer than two candidates, none that fits another at all, a knob out of
            range, or exemplars that do not settle.

    Example:
        >>> scores = torch.block_diag(torch.ones(3, 3), torch.ones(2, 2)) + torch.eye(5)
        >>> affinity_clusters(scores).labels
        tensor([0, 0, 0, 1, 1])
    """
    from sklearn.cluster import AffinityPropagation
    from sklearn.exceptions import ConvergenceWarning

    _check_scores(scores)
    if not 0.5 <= damping < 1:
        raise ValueError(f"damping: expected a share in [0.5, 1), got {damping}")
    check_count("steps", steps)
    check_count("patience", patience)
    below = (scores - scores.max()).double().cpu().numpy()  # at most 0
    propagation = AffinityPropagation(
        affinity="precomputed",
        preference=preference * np.median(below),
        damping=damping,
        max_iter=steps,
        convergence_iter=patience,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            propagation.fit(below)
        except ConvergenceWarning as error:
            raise ValueError(f"steps: expected enough for exemplars to settle, got {steps} at {damping=}") from error
    found = propagation.labels_, propagation.cluster_centers_indices_
    return Clusters(*(torch.from_numpy(np.asarray(each, np.int64)) for each in found))


def _check_scores(scores: Tensor) -> None:
    if not isinstance(scores, Tensor) or scores.ndim != 2 or scores.shape[0] != scores.shape[1]:
        raise ValueError(f"scores: expected a square tensor, got {getattr(scores, 'shape', type(scores).__name__)}")
    if len(scores) < 2:
        raise ValueError(f"scores: expected those of at least two candidates, got {len(scores)}")
    if not torch.isfinite(scores).all():
        raise ValueError("scores: expected finite values, got NaN or infinity")
    others = scores[~torch.eye(len(scores), dtype=torch.bool, device=scores.device)]
    if not (others > others.min()).any():
        raise ValueError(f"scores: expected some pairs that match better than others, got {float(others[0]):g} for all")
