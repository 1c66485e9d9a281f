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


def shares_apart(first: float, second: float, count: int) -> tuple[float, float, float]:
    """By how much one share is larger than another, each seen in `count` trials: (difference, low, high).

    The 95% interval from both Wilson intervals (Newcombe, 1998, method 10), as if the trials were independent; if both
    are shares of the same pictures it is too wide rather than too narrow.

    Example:
        >>> [round(value, 3) for value in shares_apart(0.76, 0.75, 4000)]
        [0.01, -0.009, 0.029]
    """
    ends = [wilson_interval(share, count) for share in (first, second)]
    difference = first - second
    low = difference - math.hypot(first - ends[0][0], ends[1][1] - second)
    return difference, low, difference + math.hypot(ends[0][1] - first, second - ends[1][0])


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


def spearman(one: Sequence[float] | np.ndarray, other: Sequence[float] | np.ndarray) -> float:
    """Spearman's rank correlation; 0 where one of them is the same everywhere.

    Example:
        >>> spearman([1, 2, 3], [1, 4, 9]), spearman([1, 2, 3], [5, 5, 5])
        (1.0, 0.0)
    """
    from scipy.stats import spearmanr

    return float(spearmanr(one, other).statistic) if np.ptp(one) > 0 and np.ptp(other) > 0 else 0.0


def bootstrap_difference(
    first: Sequence[float], second: Sequence[float], draws: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """By how much the first sample's mean is larger, and the one-sided p-value: (difference, p).

    Both samples are resampled; p is the share of resamplings in which the difference is not above 0.

    Args:
        first: values that are independent of each other (what belongs to one run is not).
        second: the same of the other group.
        draws: resamplings.
        seed: of the resampling.

    Example:
        >>> bootstrap_difference([2.0, 3.0], [1.0, 0.0])
        (2.0, 0.0)
        >>> bootstrap_difference([1.0, 1.0], [1.0, 1.0])
        (0.0, 1.0)
    """
    generator = np.random.default_rng(seed)
    means = [
        np.asarray(values, dtype=float)[generator.integers(len(values), size=(draws, len(values)))].mean(axis=1)
        for values in (first, second)
    ]
    return float(np.mean(first) - np.mean(second)), float((means[0] <= means[1]).mean())


def paired_difference(first: Sequence[float], second: Sequence[float]) -> tuple[float, float, float, float]:
    """By how much the first of each pair is larger: (mean, low, high, one-sided p), by Student's t.

    Args:
        first: one value of each pair, such as a run's of each seed; at least two.
        second: the other.

    Returns:
        The mean of the differences with its 95% interval, and the p-value for its being above 0; differences that are
        all the same leave no doubt: the interval is their value, and p is 0 or 1.

    Raises:
        ValueError: fewer than two pairs, or samples of different lengths.

    Example:
        >>> [round(value, 3) for value in paired_difference([1.0, 2.0, 3.0], [0.0, 1.5, 2.0])]
        [0.833, 0.116, 1.55, 0.019]
    """
    from scipy.stats import ttest_1samp

    if len(first) != len(second) or len(first) < 2:
        raise ValueError(f"first, second: expected at least two pairs, got {len(first)} and {len(second)} values")
    differences = np.subtract(first, second, dtype=float)
    mean = float(differences.mean())
    if np.ptp(differences) == 0:
        return mean, mean, mean, float(mean <= 0)
    found = ttest_1samp(differences, 0, alternative="greater")
    both = ttest_1samp(differences, 0).confidence_interval(0.95)
    return mean, float(both.low), float(both.high), float(found.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of several tests, corrected so that one error in all of them is as rare as it was in one (Holm, 1979).

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected
