"""Who is better: means over networks with their intervals, leads, and how alike two orders are; of any values."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.statistics import holm

DRAWS = 4000

Values = Mapping[str, np.ndarray]
"""Method -> float [scenes, networks]; nan where a network does not recognise the scene, or nothing can be asked."""


def side_by_side(networks: Sequence[Mapping[str, Mapping[int, float]]]) -> dict[str, np.ndarray]:
    """Several networks' numbers as `Values`.

    Args:
        networks: of each: method -> number of a scene -> value.

    Example:
        >>> side_by_side([{"LRP": {0: 0.5}}, {"LRP": {1: 0.7}}])["LRP"].tolist()
        [[0.5, nan], [nan, 0.7]]
    """
    scenes = 1 + max((number for of in networks for column in of.values() for number in column), default=-1)
    found: dict[str, np.ndarray] = {}
    for place, of in enumerate(networks):
        for method, column in of.items():
            table = found.setdefault(method, np.full((scenes, len(networks)), np.nan))
            table[list(column), place] = list(column.values())
    return found


def asked_everywhere(found: Values) -> dict[str, np.ndarray]:
    """The methods that all networks could be asked by."""
    return {method: of for method, of in found.items() if not np.isnan(of).all(axis=0).any()}


def standings(found: Values, higher: bool = True) -> dict[str, Interval]:
    """Each method's mean over networks with its 95% interval, the best first.

    Scenes are resampled, each with what all networks make of it; the networks stay these.

    Args:
        found: values of the methods.
        higher: whether more is better.
    """
    means = {method: _means(of) for method, of in found.items()}
    order = sorted(means, key=lambda method: means[method][0], reverse=higher)
    return {method: _interval(means[method]) for method in order}


class Lead(NamedTuple):
    """By how much a method is better than a rival."""

    mean: float
    low: float  # 95% interval
    high: float
    p: float  # two-sided, corrected for all methods that are compared with this rival

    @property
    def decided(self) -> bool:
        """Whether the difference is more than chance, at 5% for all comparisons together."""
        return self.p < 0.05

    @property
    def better(self) -> bool:
        """Whether it is decided, and for the method."""
        return self.decided and self.mean > 0


def leads(found: Values, rival: str | None = None, higher: bool = True) -> dict[str, Lead]:
    """By how much every other method is better than a rival, on the same scenes and networks.

    The p-values are those of a paired bootstrap over scenes, corrected after Holm for all methods.

    Args:
        found: values of the methods.
        rival: a method among them; without one every method is held against 0.
        higher: whether more is better; a lead is positive for the better method either way.

    Raises:
        ValueError: an unknown rival.
    """
    if rival is not None and rival not in found:
        raise ValueError(f"rival: expected one of {', '.join(found)}, got {rival!r}")
    against = 0.0 if rival is None else found[rival]
    way = 1 if higher else -1
    means = {method: _means(way * (of - against)) for method, of in found.items() if method != rival}
    corrected = holm([_two_sided(of[1:]) for of in means.values()])
    return {method: Lead(*_interval(of), p) for (method, of), p in zip(means.items(), corrected, strict=True)}


def _two_sided(differences: np.ndarray) -> float:
    """How often resampled differences lie on the other side of 0, twice; 1 where nothing could be compared."""
    if np.isnan(differences).any():
        return 1.0
    return min(1.0, 2 * (1 + min((differences <= 0).sum(), (differences >= 0).sum())) / (1 + len(differences)))


def orders_alike(
    first: Values, second: Values, methods: Sequence[str], *, higher: tuple[bool, bool] = (True, True)
) -> Interval:
    """How much alike two orders of some methods are: Spearman's correlation of their means, best against best.

    Args:
        first: values of all the methods.
        second: others; if they have as many scenes, both are resampled together.
        methods: names.
        higher: whether more is better in the first, and in the second.

    Returns:
        The correlation, and the middle 95% of those over resampled scenes; the methods are these and no sample. Chance
        pulls a correlation towards 0 and lets it jump, so that this is no confidence interval, and may end where the
        correlation lies.
    """
    ways = [1 if better else -1 for better in higher]
    means = [
        np.stack([_means(way * found[method]) for method in methods])
        for way, found in zip(ways, (first, second), strict=True)
    ]
    return _interval(_correlations(*means))


def networks_alike(found: Values, methods: Sequence[str]) -> Interval:
    """How much alike the orders of some methods are on several networks: Spearman's correlation, mean over all pairs.

    Args:
        found: values of all the methods, of at least two networks.
        methods: names.

    Returns:
        As of `orders_alike`.

    Raises:
        ValueError: a single network.
    """
    return _interval(_mean_correlations(found, methods))


def more_alike(first: Values, second: Values, methods: Sequence[str]) -> Interval:
    """By how much more the first networks agree on the order of some methods than the second ones do.

    Args:
        first: values of all the methods, of at least two networks.
        second: of others; if they have as many scenes, both are resampled together.
        methods: names.

    Returns:
        The difference of `networks_alike`, and the middle 95% of those over resampled scenes.

    Raises:
        ValueError: a single network.
    """
    return _interval(_mean_correlations(first, methods) - _mean_correlations(second, methods))


def _mean_correlations(found: Values, methods: Sequence[str]) -> np.ndarray:
    """The mean correlation over all pairs of networks, [1 + DRAWS]."""
    means = np.stack([_network_means(found[method]) for method in methods])  # [methods, 1 + DRAWS, networks]
    pairs = list(combinations(np.moveaxis(means, 2, 0), 2))
    if not pairs:
        raise ValueError("found: expected values of at least two networks, got one")
    return np.mean([_correlations(*pair) for pair in pairs], axis=0)


def _correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's correlation over the methods, [methods, draws] each -> [draws]."""
    from scipy.stats import rankdata

    one, other = (rankdata(means, axis=0) - (len(means) + 1) / 2 for means in (first, second))
    return (one * other).sum(axis=0) / np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))


def _means(of: np.ndarray) -> np.ndarray:
    """The mean over networks of their means over scenes, [1 + DRAWS]; networks that could not be asked do not count."""
    means = _network_means(of[:, ~np.isnan(of).all(axis=0)])
    return means.mean(axis=1) if means.size else np.full(1 + DRAWS, np.nan)


def _network_means(of: np.ndarray) -> np.ndarray:
    """Each network's mean over scenes, [1 + DRAWS, networks]: of the scenes themselves, then of resampled ones."""
    known = ~np.isnan(of)
    sums, counts = (_how_often(len(of)) @ values for values in (np.where(known, of, 0.0), known.astype(float)))
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


@cache
def _how_often(scenes: int) -> np.ndarray:
    """How often each scene is drawn, [1 + DRAWS, scenes]: once each, then resampled, for all methods alike."""
    drawn = np.random.default_rng(0).multinomial(scenes, np.full(scenes, 1 / scenes), size=DRAWS)
    return np.concatenate([np.ones((1, scenes)), drawn])


def _interval(means: np.ndarray) -> Interval:
    low, high = np.quantile(means[1:], [0.025, 0.975])
    return float(means[0]), float(low), float(high)
