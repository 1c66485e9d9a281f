"""Does Parts stand for reality? The order of the methods on drawn scenes beside their order on photographs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.statistics import spearman
from xai_utils.experiments.verdict.measures import cross_tuned, recorded_measures
from xai_utils.experiments.verdict.methods import METHODS
from xai_utils.experiments.verdict.real import QUICK, recorded_networks, recorded_real
from xai_utils.experiments.verdict.standings import asked_everywhere, orders_alike, side_by_side, standings
from xai_utils.experiments.verdict.truth import GAPS, NETWORKS, SEEDS, recorded_truth

MEASURES = ("box share", "box hit", "localisation")
"""What boxes alone can measure, on scenes and on photographs; higher is better in all."""
KINDS = {
    "all": NETWORKS,
    "heads that flatten places": ("parts/alexnet", "parts/vgg"),
    "heads that average over places": ("parts/googlenet", "parts/resnet", "parts/densenet"),
    "the first, trained again": SEEDS[1:],
    "the first two, with heads that average": GAPS,
}
"""Networks of Parts by their heads; the heads of the networks that see photographs all average over places."""


class Likeness(NamedTuple):
    """How much alike two orders of the methods are."""

    correlation: float  # Spearman's, over the methods
    low: float  # the middle 95% over resampled pictures
    high: float
    p: float  # how often an order by chance is as much alike
    without: dict[str, float]  # the correlation when one method is left out, by its name


def on_parts(measure: str, methods: Sequence[str] = QUICK, networks: Sequence[str] = NETWORKS) -> dict[str, np.ndarray]:
    """What is recorded of some methods on scenes, by one measure: method -> [scenes, networks].

    Args:
        measure: a name of `MEASURES`.
        methods: names of `METHODS`.
        networks: names of `truth.ASKED`.

    Returns:
        As `standings.Values`: those methods that all the networks were asked by, on all scenes that they recognise.
    """
    scenes = [list(recorded_truth(model)) for model in networks]
    known = [
        {
            method: of | {"picture": numbers}
            for method, of in recorded_measures(model).items()
            if len(of["mass"]) == len(numbers)
        }
        for model, numbers in zip(networks, scenes, strict=True)
    ]
    return _in_common(known, measure, methods)


def on_photographs(measure: str, methods: Sequence[str] = QUICK) -> dict[str, np.ndarray]:
    """The same on photographs: method -> [pictures, networks], of pictures that all the methods were asked about.

    Args:
        measure: a name of `MEASURES`.
        methods: names of `QUICK` or `SLOW`; the networks are those that all of them have asked.
    """
    return _in_common([recorded_real(model) for model in recorded_networks(methods)], measure, methods)


def _in_common(
    known: Sequence[dict[str, dict[str, list]]], measure: str, methods: Sequence[str]
) -> dict[str, np.ndarray]:
    """Of each network what is recorded -> values of those methods that all were asked by, on their common pictures."""
    columns = [
        {method: dict(zip(of["picture"], _values(of, measure), strict=True)) for method, of in column.items()}
        for column in known
    ]
    found = {method: of for method, of in asked_everywhere(side_by_side(columns)).items() if method in methods}
    common = np.all([~np.isnan(of) for of in found.values()], axis=0)
    return {method: np.where(common, of, np.nan) for method, of in found.items()}


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
    drawn, real = standings(on_parts(measure, methods)), standings(on_photographs(measure, methods))
    common = [method for method in drawn if method in real]
    return {"Parts": {m: drawn[m] for m in common}, "photographs": {m: real[m] for m in common}}


def likeness(
    measure: str,
    methods: Sequence[str] = QUICK,
    networks: Sequence[str] = NETWORKS,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Likeness:
    """How much alike the order of the methods is on Parts and on photographs, means over networks.

    Args:
        measure: a name of `MEASURES`.
        methods: names of `METHODS`; controls and what was not measured on both do not count.
        networks: those of Parts.
        draws: orders by chance.
        seed: of these.
    """
    drawn, real = on_parts(measure, methods, networks), on_photographs(measure, methods)
    known = [name for name in methods if METHODS[name].of != "control" and name in drawn and name in real]
    found = orders_alike(drawn, real, known)
    generator = np.random.default_rng(seed)
    chance = [spearman(generator.permutation(len(known)), range(len(known))) for _ in range(draws)]
    p = float((1 + np.sum(np.array(chance) >= found[0] - 1e-9)) / (1 + draws))
    less = {name: orders_alike(drawn, real, [other for other in known if other != name])[0] for name in known}
    return Likeness(*found, p, less)
