"""Who finds what: every method by every measure, means over networks with intervals; from records, without networks."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.statistics import holm
from xai_utils.experiments.verdict import agreement
from xai_utils.experiments.verdict.measures import COMMAND, cross_tuned, recorded_measures
from xai_utils.experiments.verdict.methods import METHODS, methods_for
from xai_utils.experiments.verdict.truth import NETWORKS, recorded_truth

SIZE = "part size"  # a control that knows how much of each part can be seen, and says that all speak for the class
DRAWS = 4000

Values = Mapping[str, np.ndarray]
"""Method -> float [scenes, networks]; nan where a network does not recognise the scene, or nothing can be asked."""


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
    """Methods of which not all scenes are recorded."""
    recorded = recorded_measures(model)
    return [name for name in methods_for(model) if len(recorded.get(name, {"mass": ()})["mass"]) != len(truth)]


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
    "telling part": _against_truth("finds the part that tells the class from its neighbour", agreement.telling_part),
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
    """What is recorded of every method by one measure; see `Values`.

    Args:
        measure: a name of `MEASURES`.
        networks: their names.

    Returns:
        Method -> [scenes, networks]. Measures against the truth have `SIZE` among the methods; "sign" has methods with
        signs only.

    Raises:
        ValueError: a network or a method of which not all scenes are recorded.
    """
    truths = {model: recorded_truth(model) for model in networks}
    rows, found = 1 + max(max(of, default=0) for of in truths.values()), {}
    for place, (model, truth) in enumerate(truths.items()):
        for method, of in _recorded_of(model, MEASURES[measure], truth).items():
            column = found.setdefault(method, np.full((rows, len(truths)), np.nan))[:, place]
            column[list(truth)] = MEASURES[measure].values(of, list(truth.values()))
    return found


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


def standings(found: Values, higher: bool = True) -> dict[str, Interval]:
    """Each method's mean over networks with its 95% interval, the best first.

    Scenes are resampled, each with what all networks make of it; the networks stay these.

    Args:
        found: as `values` returns them.
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


def leads(found: Values, rival: str, higher: bool = True) -> dict[str, Lead]:
    """By how much every other method is better than a rival, on the same scenes and networks.

    The p-values are those of a paired bootstrap over scenes, corrected after Holm for all methods.

    Args:
        found: as `values` returns them.
        rival: a method among them.
        higher: whether more is better; a lead is positive for the better method either way.

    Raises:
        ValueError: an unknown rival.
    """
    if rival not in found:
        raise ValueError(f"rival: expected one of {', '.join(found)}, got {rival!r}")
    way = 1 if higher else -1
    means = {method: _means(way * (of - found[rival])) for method, of in found.items() if method != rival}
    corrected = holm([_two_sided(of[1:]) for of in means.values()])
    return {method: Lead(*_interval(of), p) for (method, of), p in zip(means.items(), corrected, strict=True)}


def _two_sided(differences: np.ndarray) -> float:
    """How often resampled differences lie on the other side of 0, twice; 1 where nothing could be compared."""
    if np.isnan(differences).any():
        return 1.0
    return min(1.0, 2 * (1 + min((differences <= 0).sum(), (differences >= 0).sum())) / (1 + len(differences)))


def orders_alike(first: str, second: str, found: Mapping[str, Values], methods: Sequence[str]) -> Interval:
    """How much alike two measures order some methods: Spearman's correlation of their means, best against best.

    Args:
        first: a name of `MEASURES`.
        second: another.
        found: measure -> `values`.
        methods: names that both measures judge.

    Returns:
        The correlation with its 95% interval over resampled scenes, the same ones for both measures; the methods are
        these and no sample.
    """
    from scipy.stats import rankdata

    ranks = []
    for measure in (first, second):
        way = 1 if MEASURES[measure].higher else -1
        means = np.stack([_means(way * found[measure][method]) for method in methods])  # [methods, 1 + DRAWS]
        ranks.append(rankdata(means, axis=0) - (len(methods) + 1) / 2)
    one, other = ranks
    return _interval((one * other).sum(axis=0) / np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0)))


def _means(of: np.ndarray) -> np.ndarray:
    """The mean over networks of their means over scenes: of the scenes themselves, then of `DRAWS` resamplings."""
    known = ~np.isnan(of)
    seen = known.any(axis=0)  # networks that the method was asked about
    if not seen.any():
        return np.full(1 + DRAWS, np.nan)
    sums, counts = (_how_often(len(of)) @ values[:, seen] for values in (np.where(known, of, 0.0), known.astype(float)))
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0).mean(axis=1)


@cache
def _how_often(scenes: int) -> np.ndarray:
    """How often each scene is drawn, [1 + DRAWS, scenes]: once each, then resampled, for all methods alike."""
    drawn = np.random.default_rng(0).multinomial(scenes, np.full(scenes, 1 / scenes), size=DRAWS)
    return np.concatenate([np.ones((1, scenes)), drawn])


def _interval(means: np.ndarray) -> Interval:
    low, high = np.quantile(means[1:], [0.025, 0.975])
    return float(means[0]), float(low), float(high)
