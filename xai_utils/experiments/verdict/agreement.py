"""How well a map, or a way to remove a part, agrees with what is true of a scene; from records, without networks."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.statistics import bootstrap_interval, spearman
from xai_utils.experiments.verdict.truth import FILLINGS, recorded_truth

DECIDED = 0.1  # nats of log-odds; the sign of a smaller effect is not asked for

Scene = Mapping[str, Sequence]  # of `recorded_truth`
Game = Callable[[Scene, np.ndarray], float]


def order_of_parts(scene: Scene, mass: np.ndarray) -> float:
    """Spearman's correlation between the map's sums over the parts and what each part's removal costs.

    Args:
        scene: of `recorded_truth`.
        mass: the map's sum over each visible part, [parts].

    Returns:
        -1 to 1; nan where the truth has no order.
    """
    return _ranked(mass, np.array(scene["drawn"]))


def order_by_mean(scene: Scene, mass: np.ndarray) -> float:
    """The same with the map's mean over each part, which a large part does not win by its size."""
    return order_of_parts(scene, mass / np.array(scene["size"]))


def neediest_part(scene: Scene, mass: np.ndarray) -> float:
    """1 if the part with the largest sum is the one whose removal costs most, else 0; nan if none costs anything."""
    return _hit(mass, np.array(scene["drawn"]))


def telling_part(scene: Scene, mass: np.ndarray) -> float:
    """1 if, of the parts in which the class differs from its neighbour, the one with the highest mean is the one whose
    exchange for the neighbour's costs most, else 0; nan if fewer than two of them are visible."""
    exchanged, density = np.array(scene["exchanged"]), mass / np.array(scene["size"])
    return _hit(density[exchanged != 0], exchanged[exchanged != 0])


def sign_of_parts(scene: Scene, mass: np.ndarray) -> float:
    """How many parts' sums have the sign of what their removal costs; of parts that cost at least `DECIDED`.

    Most parts speak for their class. To say so of all of them is no answer, so that those that speak for it and those
    that speak against it count equally.

    Returns:
        The mean of both shares, 1/2 for a map without a doubt; nan where no part speaks for the class, or none against.
    """
    effect = np.array(scene["drawn"])
    kinds = [mass[effect >= DECIDED] > 0, mass[effect <= -DECIDED] < 0]
    return float(np.mean([right.mean() for right in kinds])) if all(map(len, kinds)) else np.nan


def guessed(game: Game, scenes: Sequence[Scene]) -> float:
    """What guessing would score: 1 / parts in hits, 1/2 in signs, 0 in correlations.

    Args:
        game: one of this module.
        scenes: of `recorded_truth`.
    """
    if game not in (neediest_part, telling_part):
        return 0.5 if game is sign_of_parts else 0.0
    effects = [np.array(of["exchanged" if game is telling_part else "drawn"]) for of in scenes]
    asked = [of[of != 0] if game is telling_part else of for of in effects]
    return float(np.mean([1 / len(of) for of in asked if len(of) > 1 and of.max() > 0]))


def removal_table(model: str) -> dict[str, dict[str, Interval]]:
    """How far each way to remove a part leaves the truth: way -> name -> mean over scenes with its 95% interval.

    Returns:
        "rank": Spearman's correlation with what drawing the scene without the part costs, over the parts of a scene;
        "off": the mean distance from it, nats; "bias": by how much the way costs more; "invented": the share of parts
        that cost nothing decided in truth, and do so by this way.
    """
    truth = list(recorded_truth(model).values())
    found = {}
    for way in FILLINGS:
        rows = [_of_way(np.array(of["drawn"]), np.array(of[way])) for of in truth]
        found[way] = {
            name: bootstrap_interval([row[name] for row in rows if not np.isnan(row[name])]) for name in rows[0]
        }
    return found


def _of_way(truth: np.ndarray, lost: np.ndarray) -> dict[str, float]:
    silent = np.abs(truth) < DECIDED
    return {
        "rank": _ranked(lost, truth),
        "off": float(np.abs(lost - truth).mean()),
        "bias": float((lost - truth).mean()),
        "invented": float((np.abs(lost[silent]) >= DECIDED).mean()) if silent.any() else np.nan,
    }


def _hit(said: np.ndarray, true: np.ndarray) -> float:
    """1 if the highest are the same, 0 if not; nan if there is no choice or nothing that costs anything."""
    return float(said.argmax() == true.argmax()) if len(true) > 1 and true.max() > 0 else np.nan


def _ranked(said: np.ndarray, true: np.ndarray) -> float:
    """Spearman's correlation; nan where the truth has no order."""
    return spearman(said, true) if np.ptp(true) > 0 else np.nan
