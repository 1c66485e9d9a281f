"""Does Parts stand for reality? The order of the methods on drawn scenes beside their order on photographs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.statistics import spearman
from xai_utils.experiments.verdict.measures import cross_tuned, recorded_measures
from xai_utils.experiments.verdict.methods import METHODS
from xai_utils.experiments.verdict.real import NETWORKS as REAL
from xai_utils.experiments.verdict.real import recorded_real
from xai_utils.experiments.verdict.standings import recorded_networks

MEASURES = ("box share", "box hit", "localisation")
"""What boxes alone can measure, on scenes and on photographs; higher is better in all."""

Values = Mapping[str, Mapping[str, np.ndarray]]  # network -> method -> a value for each picture


class Likeness(NamedTuple):
    """How much alike two orders of the methods are."""

    correlation: float  # Spearman's, over the methods
    low: float  # 95% interval over resampled pictures
    high: float
    p: float  # how often an order by chance is as much alike


def values_on(pictures: str, measure: str) -> dict[str, dict[str, np.ndarray]]:
    """What is recorded of the methods by one measure: network -> method -> a value for each recognised picture.

    Args:
        pictures: "Parts" or "photographs".
        measure: a name of `MEASURES`.
    """
    kinds = {"Parts": (recorded_networks(), recorded_measures), "photographs": (REAL, recorded_real)}
    networks, recorded = kinds[pictures]
    found = {network: recorded(network) for network in networks}
    return {
        network: {method: _values(of, measure) for method, of in methods.items()}
        for network, methods in found.items()
        if methods
    }


def _values(of: dict[str, list], measure: str) -> np.ndarray:
    if measure == "localisation":
        return 1 - cross_tuned(np.array(of["localisation error"], dtype=float))
    return np.array(of[measure], dtype=float)


def standings_on(pictures: str, measure: str, *, draws: int = 500, seed: int = 0) -> dict[str, Interval]:
    """Each method's mean over networks with its 95% interval over resampled pictures, the best first.

    Args:
        pictures: "Parts" or "photographs".
        measure: a name of `MEASURES`.
        draws: resamplings of the pictures.
        seed: of the resampling.
    """
    found = values_on(pictures, measure)
    methods = [name for name in METHODS if _everywhere(name, [found])]
    generator = np.random.default_rng(seed)
    means = _means(found, methods)
    low, high = np.quantile([_means(found, methods, generator) for _ in range(draws)], [0.025, 0.975], axis=0)
    rows = sorted(zip(means, low, high, methods, strict=True), reverse=True)
    return {method: (float(mean), float(below), float(above)) for mean, below, above, method in rows}


def both_standings(measure: str) -> dict[str, dict[str, Interval]]:
    """`standings_on` of both kinds of pictures, for the methods that were measured on both, in their order on Parts.

    Args:
        measure: a name of `MEASURES`.
    """
    drawn, real = (standings_on(pictures, measure) for pictures in ("Parts", "photographs"))
    common = [method for method in drawn if method in real]
    return {"Parts": {m: drawn[m] for m in common}, "photographs": {m: real[m] for m in common}}


def likeness(measure: str, methods: Sequence[str] = (), *, draws: int = 1000, seed: int = 0) -> Likeness:
    """How much alike the order of the methods is on Parts and on photographs, means over networks.

    Args:
        measure: a name of `MEASURES`.
        methods: names of `METHODS`; by default those that no control is among and that were measured on both.
        draws: resamplings of the pictures, and orders by chance.
        seed: of both.
    """
    both = [values_on(pictures, measure) for pictures in ("Parts", "photographs")]
    methods = list(methods) or [name for name, of in METHODS.items() if of.of != "control" and _everywhere(name, both)]
    generator = np.random.default_rng(seed)
    first, second = (_means(values, methods) for values in both)
    found = spearman(first, second)
    again = [spearman(*(_means(values, methods, generator) for values in both)) for _ in range(draws)]
    chance = [spearman(generator.permutation(first), second) for _ in range(draws)]
    low, high = np.quantile(again, [0.025, 0.975])
    return Likeness(found, float(low), float(high), float((1 + np.sum(np.array(chance) >= found)) / (1 + draws)))


def _everywhere(method: str, both: Sequence[Values]) -> bool:
    return all(method in of for values in both for of in values.values())


def _means(values: Values, methods: Sequence[str], generator: np.random.Generator | None = None) -> np.ndarray:
    """The mean of each method over networks, [methods]; pictures are resampled if a generator is given.

    All methods of a network see the same resampled pictures, so that what makes a picture easy makes no difference.
    """
    found = []
    for of in values.values():
        places = None if generator is None else generator.random(max(len(of[method]) for method in methods))
        found.append([_resampled(of[method], places).mean() for method in methods])
    return np.mean(found, axis=0)


def _resampled(values: np.ndarray, places: np.ndarray | None) -> np.ndarray:
    return values if places is None else values[(places[: len(values)] * len(values)).astype(int)]
