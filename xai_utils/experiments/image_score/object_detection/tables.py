"""Table 4 from the recorded runs, and what image scores of scenes with several objects depend on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.image_score.object_detection.choices import ARMS, Labelled, choose
from xai_utils.experiments.image_score.object_detection.runs import SHARE, recorded_choices, recorded_runs
from xai_utils.experiments.statistics import bootstrap_difference, paired_difference


class Gain(NamedTuple):
    """By how much one arm is more precise than another, 0 to 1, with its 95% interval over seeds."""

    mean: float
    low: float
    high: float
    p: float  # one-sided, of a gain above 0


def table_4(value: str = "voc") -> dict[str, np.ndarray]:
    """Table 4 with more rows: arm -> mean average precision at each moment, mean over seeds, float [moments].

    Args:
        value: a field of `Precision`.
    """
    runs = recorded_runs()
    arms = [arm for arm in ARMS if any(own == arm for _, own in runs)]
    return {arm: np.mean([run[value] for (_, own), run in runs.items() if own == arm], axis=0) for arm in arms}


def precision_before(value: str = "voc") -> Interval:
    """Mean average precision after training on the labelled pictures, with its 95% interval over seeds.

    Args:
        value: a field of `Precision`.
    """
    place = ("voc", "half", "coco").index(value)
    return _over_seeds([run["before"][place] for (_, arm), run in recorded_runs().items() if arm == "baseline"])


def gain(arm: str, other: str = "baseline", value: str = "voc") -> Gain:
    """By how much an arm is more precise than another, mean over moments, paired by seed.

    Args:
        arm: a name of `ARMS`.
        other: what it is compared with.
        value: a field of `Precision`.
    """
    runs = recorded_runs()
    seeds = [seed for seed, own in runs if own == arm and (seed, other) in runs]
    return Gain(*paired_difference(*([np.mean(runs[seed, own][value]) for seed in seeds] for own in (arm, other))))


def gains_of_runs(arm: str, other: str = "baseline", value: str = "voc") -> dict[int, tuple[float, float]]:
    """The same for each seed alone, tested as the paper tests: seed -> (gain, one-sided p by bootstrap).

    The ten moments of a run count as ten samples. They are one network that goes on learning, so these p-values are far
    too small: they say that two curves lie apart, not that another training would end the same way.

    Args:
        arm: a name of `ARMS`.
        other: what it is compared with.
        value: a field of `Precision`.
    """
    runs = recorded_runs()
    return {
        seed: bootstrap_difference(run[value], runs[seed, other][value])
        for (seed, own), run in runs.items()
        if own == arm and (seed, other) in runs
    }


def chosen_pictures(arm: str) -> dict[str, Interval]:
    """What the pictures that an arm chooses are like, mean with 95% interval over seeds.

    Args:
        arm: a name of `ARMS`; "truth" is all additional pictures.

    Returns:
        "found": share of the objects whose box and class are right; "true boxes": share of the found boxes that are
        right; "false boxes" in a picture; "flawless": share of the pictures with no object missed and no false box;
        "objects" in a picture; "area" of the picture that their boxes fill; "square": share of square pictures;
        "confidence"; "chosen" pictures; "of the confident": share that the rival "confident" chooses too.
    """
    found = [_described(facts, arm, seed) for seed, facts in recorded_choices().items()]
    return {name: _over_seeds([one[name] for one in found]) for name in found[0]}


def score_follows(value: str, objects: int | None = None) -> Interval:
    """Spearman's correlation of image scores with something else, over pictures; mean with 95% interval over seeds.

    Args:
        value: "objects", "area", "square" (1 or 0), "confidence", or "right share" (of the objects and boxes of a
            picture, those that are right).
        objects: only pictures with so many; None is all.
    """
    from scipy.stats import spearmanr

    found = []
    for facts in recorded_choices().values():
        facts = _as_arrays(facts)
        some = np.full(len(facts["score"]), True) if objects is None else facts["objects"] == objects
        found.append(spearmanr(facts["score"][some], facts[value][some]).statistic)
    return _over_seeds(found)


def rightness_by_score(parts: int = 5, by: str = "score") -> dict[str, np.ndarray]:
    """How right labels are in pictures of low and of high scores: mean over seeds, from the lowest part to the highest.

    Args:
        parts: how many, of as many pictures each.
        by: "score" or "confidence".

    Returns:
        "found", "true boxes", "flawless", "objects" and "confidence" of `chosen_pictures`, each float [parts].
    """
    found = []
    for facts in recorded_choices().values():
        groups = np.array_split(np.argsort(facts[by], kind="stable"), parts)
        found.append([_shares(_as_arrays(facts), group) for group in groups])
    names = ("found", "true boxes", "flawless", "objects", "confidence")
    return {name: np.mean([[part[name] for part in one] for one in found], axis=0) for name in names}


def _over_seeds(values: Sequence[float]) -> Interval:
    """The mean with its 95% interval by Student's t; one value alone tells nothing of others."""
    return paired_difference(values, [0.0] * len(values))[:3] if len(values) > 1 else (*values, -np.inf, np.inf)


def _described(facts: dict, arm: str, seed: int) -> dict[str, float]:
    arrays = _as_arrays(facts)
    chosen, rival = (_numbers(facts, own, seed) for own in (arm, "confident"))
    described = _shares(arrays, chosen) | {"area": arrays["area"][chosen].mean()}
    described |= {"square": arrays["square"][chosen].mean(), "chosen": len(chosen)}
    return described | {"of the confident": np.isin(chosen, rival).mean()}


def _numbers(facts: dict, arm: str, seed: int) -> np.ndarray:
    """The pictures that an arm chooses, from what is recorded of all."""
    labelled = Labelled(*(torch.tensor(facts[name]).double() for name in ("score", "confidence")), found=())
    return choose(arm, labelled, SHARE, torch.Generator().manual_seed(seed)).numpy()


def _as_arrays(facts: dict) -> dict[str, np.ndarray]:
    arrays = {name: np.asarray(values) for name, values in facts.items()}
    total = arrays["objects"] + arrays["boxes"]  # right ones count in both
    return arrays | {"right share": 2 * arrays["right"] / np.maximum(total, 1), "square": arrays["wide"] == 1}


def _shares(arrays: dict[str, np.ndarray], chosen: Sequence[int]) -> dict[str, float]:
    of = {name: values[chosen] for name, values in arrays.items()}
    right, objects, boxes = of["right"].sum(), of["objects"].sum(), of["boxes"].sum()
    return {
        "found": right / objects,
        "true boxes": right / max(1, boxes),
        "false boxes": (boxes - right) / len(chosen),
        "flawless": ((of["right"] == of["objects"]) & (of["right"] == of["boxes"])).mean(),
        "objects": of["objects"].mean(),
        "confidence": of["confidence"].mean(),
    }
