"""Does Parts stand for reality? The order of the methods on drawn scenes beside their order on photographs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.statistics import spearman
from xai_utils.experiments.verdict.measures import cross_tuned, recorded_measures
from xai_utils.experiments.verdict.methods import METHODS
from xai_utils.experiments.verdict.real import NETWORKS as REAL
from xai_utils.experiments.verdict.real import QUICK, recorded_real
from xai_utils.experiments.verdict.results import recorded_networks
from xai_utils.experiments.verdict.standings import asked_everywhere, orders_alike, side_by_side, standings
from xai_utils.experiments.verdict.truth import recorded_truth

MEASURES = ("box share", "box hit", "localisation")
"""What boxes alone can measure, on scenes and on photographs; higher is better in all."""


class Likeness(NamedTuple):
    """How much alike two orders of the methods are."""

    correlation: float  # Spearman's, over the methods
    low: float  # 95% interval over resampled pictures
    high: float
    p: float  # how often an order by chance is as much alike
    without: dict[str, float]  # the correlation when one method is left out, by its name


def values_on(pictures: str, measure: str, methods: Sequence[str] = QUICK) -> dict[str, np.ndarray]:
    """What is recorded of some methods by one measure: method -> [pictures, networks], see `standings.Values`.

    Args:
        pictures: "Parts" or "photographs".
        measure: a name of `MEASURES`.
        methods: names of `METHODS`.

    Returns:
        Those of them that all networks were asked by, on pictures that all of these were asked about.
    """
    columns = _on_parts(measure) if pictures == "Parts" else _on_photographs(measure)
    found = {method: of for method, of in asked_everywhere(side_by_side(columns)).items() if method in methods}
    common = np.all([~np.isnan(of) for of in found.values()], axis=0)
    return {method: np.where(common, of, np.nan) for method, of in found.items()}


def _on_parts(measure: str) -> list[dict[str, dict[int, float]]]:
    known = {model: list(recorded_truth(model)) for model in recorded_networks()}
    return [_by_picture(recorded_measures(model), measure, scenes) for model, scenes in known.items()]


def _on_photographs(measure: str) -> list[dict[str, dict[int, float]]]:
    return [_by_picture(of, measure) for of in map(recorded_real, REAL) if of]


def _by_picture(
    recorded: dict[str, dict[str, list]], measure: str, numbers: Sequence[int] | None = None
) -> dict[str, dict[int, float]]:
    """Method -> number of a picture -> value; the numbers are recorded themselves, or the same for all methods."""
    return {
        method: dict(zip(of["picture"] if numbers is None else numbers, _values(of, measure), strict=True))
        for method, of in recorded.items()
    }


def _values(of: dict[str, list], measure: str) -> list[float]:
    if measure == "localisation":
        return (1 - cross_tuned(np.array(of["localisation error"], dtype=float))).tolist()
    return of[measure]


def both_standings(measure: str, methods: Sequence[str] = QUICK) -> dict[str, dict[str, Interval]]:
    """`standings` on both kinds of pictures, of the methods that were measured on both, in their order on Parts.

    Args:
        measure: a name of `MEASURES`.
        methods: names of `METHODS`.
    """
    drawn, real = (standings(values_on(pictures, measure, methods)) for pictures in ("Parts", "photographs"))
    common = [method for method in drawn if method in real]
    return {"Parts": {m: drawn[m] for m in common}, "photographs": {m: real[m] for m in common}}


def likeness(measure: str, methods: Sequence[str] = QUICK, *, draws: int = 1000, seed: int = 0) -> Likeness:
    """How much alike the order of the methods is on Parts and on photographs, means over networks.

    Args:
        measure: a name of `MEASURES`.
        methods: names of `METHODS`; controls and what was not measured on both do not count.
        draws: orders by chance.
        seed: of these.
    """
    drawn, real = (values_on(pictures, measure, methods) for pictures in ("Parts", "photographs"))
    known = [name for name in methods if METHODS[name].of != "control" and name in drawn and name in real]
    found = orders_alike(drawn, real, known)
    generator = np.random.default_rng(seed)
    chance = [spearman(generator.permutation(len(known)), range(len(known))) for _ in range(draws)]
    p = float((1 + np.sum(np.array(chance) >= found[0] - 1e-9)) / (1 + draws))
    less = {name: orders_alike(drawn, real, [other for other in known if other != name])[0] for name in known}
    return Likeness(*found, p, less)
