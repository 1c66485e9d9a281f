"""Every method by every measure, scene by scene and network by network; from records, without networks."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from xai_utils.experiments.verdict import agreement
from xai_utils.experiments.verdict.measures import COMMAND, cross_tuned, recorded_measures
from xai_utils.experiments.verdict.methods import METHODS, methods_for
from xai_utils.experiments.verdict.standings import side_by_side
from xai_utils.experiments.verdict.truth import NETWORKS, recorded_truth

SIZE = "part size"  # a control that knows how much of each part can be seen, and says that all speak for the class


class Measure(NamedTuple):
    """One way to say how good a map is."""

    says: str
    """What it asks, in a few words."""
    higher: bool
    """Whether more is better."""
    values: Callable[[Mapping[str, list], Sequence[agreement.Scene]], Sequence[float]]
    """(what is recorded of a method, the truth of the same scenes) -> a value for each scene."""
    game: agreement.Game | None = None
    """Of measures that compare with the truth: the game that each scene is."""


def _missing(model: str, truth: Mapping[int, agreement.Scene]) -> list[str]:
    """Methods of which not all scenes are recorded; all of them where no truth is."""
    known = {name: len(of["mass"]) for name, of in recorded_measures(model).items()}
    return [name for name in methods_for(model) if not truth or known.get(name) != len(truth)]


def _play(game: agreement.Game, of: Mapping[str, list], scenes: Sequence[agreement.Scene]) -> list[float]:
    return [game(scene, np.array(mass, dtype=float)) for scene, mass in zip(scenes, of["mass"], strict=True)]


def _against_truth(says: str, game: agreement.Game) -> Measure:
    return Measure(says, True, partial(_play, game), game)


def _recorded(name: str, says: str, higher: bool = True) -> Measure:
    return Measure(says, higher, lambda of, scenes: of[name])


MEASURES: dict[str, Measure] = {
    "order of parts": _against_truth("correlation of mass with true cost, over parts", agreement.order_of_parts),
    "order by mean": _against_truth("the same for the mean over each part", agreement.order_by_mean),
    "neediest part": _against_truth("finds the part whose removal costs most", agreement.neediest_part),
    "telling part": _against_truth(
        "finds, by its mean, the part that tells the class from its neighbour", agreement.telling_part
    ),
    "sign": _against_truth("says rightly whether a part speaks for or against", agreement.sign_of_parts),
    "on the object": _recorded("inside", "share of the mass on the object"),
    "pointing": _recorded("pointing", "the maximum lies on the object"),
    "precision": _recorded("precision", "precision at equal error rate"),
    "localisation": Measure(
        "box with an overlap above one half",
        True,
        lambda of, scenes: 1 - cross_tuned(np.array(of["localisation error"])),
    ),
    "saliency metric": Measure(
        "log area less log probability of a crop",
        False,
        lambda of, scenes: cross_tuned(np.array(of["saliency metric"])),
    ),
    "confidence drop": _recorded("drop", "share of the probability lost with the first tenth"),
    "deletion": _recorded("deletion", "area under the curve while pixels go", higher=False),
    "insertion": _recorded("insertion", "area under the curve while pixels come"),
    "infidelity": _recorded("infidelity", "distance from what blurred squares cost", higher=False),
}
"""Everything that is measured, what compares with the truth first."""
CAUSAL = tuple(name for name, measure in MEASURES.items() if measure.game)


def values(measure: str, networks: Sequence[str] = NETWORKS) -> dict[str, np.ndarray]:
    """What is recorded of every method by one measure; see `standings.Values`.

    Args:
        measure: a name of `MEASURES`.
        networks: their names.

    Returns:
        Method -> [scenes, networks]. Measures against the truth have `SIZE` among the methods; "sign" has methods with
        signs only.

    Raises:
        ValueError: a network or a method of which not all scenes are recorded.
    """
    columns = []
    for model in networks:
        truth, judge = recorded_truth(model), MEASURES[measure].values
        judged = _recorded_of(model, MEASURES[measure], truth).items()
        columns.append({method: dict(zip(truth, judge(of, [*truth.values()]), strict=True)) for method, of in judged})
    return side_by_side(columns)


def _recorded_of(model: str, measure: Measure, truth: Mapping[int, agreement.Scene]) -> dict[str, Mapping[str, list]]:
    """Those methods' records that the measure can judge."""
    if missing := _missing(model, truth):
        raise ValueError(f"networks: expected {model!r} to be recorded, missing {', '.join(missing)}; run {COMMAND}")
    recorded: dict[str, Mapping[str, list]] = dict(recorded_measures(model))
    if measure.game is agreement.sign_of_parts:
        recorded = {method: of for method, of in recorded.items() if METHODS[method].signed}
    size = {SIZE: {"mass": [scene["size"] for scene in truth.values()]}} if measure.game else {}
    return recorded | size


def recorded_networks(networks: Sequence[str] = NETWORKS) -> list[str]:
    """Those networks of which every method's scenes are all recorded.

    Args:
        networks: names to choose from.
    """
    return [model for model in networks if not _missing(model, recorded_truth(model))]


def guessing(measure: str, networks: Sequence[str] = NETWORKS) -> float | None:
    """What guessing would score, mean over networks; None for measures that have no such value.

    Args:
        measure: a name of `MEASURES`.
        networks: their names.
    """
    game = MEASURES[measure].game
    if game is None:
        return None
    return float(np.mean([agreement.guessed(game, list(recorded_truth(model).values())) for model in networks]))
