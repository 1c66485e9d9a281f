"""How well maps, and ways to remove a part, agree with what is true of a scene: from records, without networks."""

from collections.abc import Sequence

import numpy as np

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.statistics import bootstrap_interval, spearman
from xai_utils.experiments.verdict.measures import recorded_measures
from xai_utils.experiments.verdict.methods import METHODS
from xai_utils.experiments.verdict.truth import FILLINGS, recorded_truth

DECIDED = 0.1  # nats of log-odds; the sign of a smaller effect is not asked for
GAMES = ("rank", "density rank", "hit", "density hit", "telling hit", "sign")


def agreement(model: str, method: str) -> dict[str, np.ndarray]:
    """How well a method's maps agree with the truth, scene by scene, float [scenes]; nan where a scene cannot be asked.

    Args:
        model: the network's name.
        method: a name of `METHODS`, or "part size", which knows nothing but how much of each part can be seen.

    Returns:
        "rank": Spearman's correlation over the parts of a scene between the map's sum over a part and what the part's
        removal costs; "density rank": the same for the map's mean; "hit": 1 if the part with the largest sum is the one
        whose removal costs most, "density hit" by the mean; "telling hit": 1 if, of the parts in which the class
        differs from its neighbour, the one with the highest mean is the one whose exchange costs most; "sign": the
        share of decided parts whose sum has the right sign (signed methods only).

    Raises:
        ValueError: nothing is recorded of the network or the method.
    """
    truth = recorded_truth(model)
    masses = [of["size"] for of in truth.values()] if method == "part size" else _masses(model, method)
    if not truth or len(truth) != len(masses):
        raise ValueError(f"model: expected one with as many recorded scenes as truths, got {model!r}, {method!r}")
    signed = method in METHODS and METHODS[method].signed
    rows = [_of_scene(of, np.array(mass, dtype=float), signed) for of, mass in zip(truth.values(), masses, strict=True)]
    return {game: np.array([row[game] for row in rows]) for game in GAMES}


def agreement_table(model: str, methods: Sequence[str], game: str) -> dict[str, Interval]:
    """One game: method -> mean over scenes with its 95% interval; those that cannot play it are left out.

    Args:
        model: the network's name.
        methods: names of `METHODS`, or "part size".
        game: a name of `GAMES`.
    """
    played = {method: agreement(model, method)[game] for method in methods}
    known = {method: values[~np.isnan(values)] for method, values in played.items()}
    return {method: bootstrap_interval(values) for method, values in known.items() if len(values)}


def chance(model: str, game: str) -> float:
    """What guessing would score in a game: 1 / parts in hits, 0 in correlations, 1/2 in signs."""
    if game in ("rank", "density rank"):
        return 0.0
    if game == "sign":
        return 0.5
    scenes = recorded_truth(model).values()
    effects = [np.array(of["exchanged" if game == "telling hit" else "drawn"]) for of in scenes]
    asked = [of[of != 0] if game == "telling hit" else of for of in effects]
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


def _masses(model: str, method: str) -> list[list[float]]:
    measures = recorded_measures(model)
    if method not in measures:
        raise ValueError(f"method: expected one that is recorded for {model!r} ({', '.join(measures)}), got {method!r}")
    return measures[method]["mass"]


def _of_scene(truth: dict, mass: np.ndarray, signed: bool) -> dict[str, float]:
    """Every game on one scene."""
    effect, exchanged = (np.array(truth[name], dtype=float) for name in ("drawn", "exchanged"))
    density, telling = mass / np.array(truth["size"]), exchanged != 0
    decided = np.abs(effect) >= DECIDED
    return {
        "rank": _ranked(mass, effect),
        "density rank": _ranked(density, effect),
        "hit": _hit(mass, effect),
        "density hit": _hit(density, effect),
        "telling hit": _hit(density[telling], exchanged[telling]),
        "sign": float((np.sign(mass) == np.sign(effect))[decided].mean()) if signed and decided.any() else np.nan,
    }


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
