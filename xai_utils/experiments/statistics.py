"""Intervals for what was measured on a sample."""

import math
from collections.abc import Sequence

import numpy as np


def wilson_interval(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """The 95% interval of a share seen in `count` independent trials (Wilson, 1927).

    Example:
        >>> [round(end, 3) for end in wilson_interval(0.95, 2000)]
        [0.94, 0.959]
    """
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return centre - half, centre + half


def bootstrap_interval(
    values: Sequence[float] | np.ndarray, draws: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """The mean with its 95% interval over resampled scenes: (mean, low, high).

    Example:
        >>> [round(float(v), 2) for v in bootstrap_interval(np.array([0.0, 1.0] * 50))]
        [0.5, 0.4, 0.6]
    """
    values = np.asarray(values, dtype=float)
    chosen = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    low, high = np.quantile(values[chosen].mean(axis=1), [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def bootstrap_ratio(
    above: np.ndarray, below: np.ndarray, draws: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """The groups' mean of `sum(above) / sum(below)` with its 95% interval over resampled pictures: (mean, low, high).

    Args:
        above: [groups, pictures], such as the pixels of each picture that are rightly marked.
        below: [groups, pictures], such as those that are marked; 0 / 0 counts as 0.
        draws: resamplings; each group's pictures are resampled apart.
        seed: of the resampling.

    Example:
        >>> bootstrap_ratio(np.array([[1, 1], [3, 3]]), np.array([[2, 2], [4, 4]]))
        (0.625, 0.625, 0.625)
    """
    above, below = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    groups, pictures = above.shape

    def mean_ratio(chosen: np.ndarray) -> np.ndarray:
        tops, bottoms = (np.take_along_axis(values, chosen, axis=1).sum(axis=1) for values in (above, below))
        return np.divide(tops, bottoms, out=np.zeros(groups), where=bottoms > 0).mean()

    generator = np.random.default_rng(seed)
    found = [mean_ratio(generator.integers(pictures, size=(groups, pictures))) for _ in range(draws)]
    low, high = np.quantile(found, [0.025, 0.975])
    everything = np.tile(np.arange(pictures), (groups, 1))
    return float(mean_ratio(everything)), float(low), float(high)
