"""Tables 1 to 3 and figure 5, from the recorded runs: does selecting by score beat selecting by softmax?"""

from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.image_score.pictures import PARTS
from xai_utils.experiments.image_score.runs import COMMAND, recorded_runs
from xai_utils.experiments.records import read_records
from xai_utils.experiments.semi_supervised import SELECTED
from xai_utils.experiments.statistics import bootstrap_difference, bootstrap_interval, holm, paired_difference

VALUES = ("recall", "precision", "F1", "overall")  # the first is what the paper's tables show


class Gain(NamedTuple):
    """What an arm changed for its class, in points."""

    target: int
    baseline: float
    trained: float
    difference: float
    p: float  # one-sided, of a difference above 0


def per_epoch(result: dict, target: int, value: str = "recall") -> np.ndarray:
    """A run's figure for a class after each epoch, in per cent, float [epochs].

    Args:
        result: of `measure_run`.
        target: the class.
        value: "recall" (share of the class's pictures that are recognised: the paper's accuracy of a class),
            "precision" (share of the pictures taken for it that show it), "F1" (harmonic mean of the two), or "overall"
            (accuracy on all classes).

    Raises:
        ValueError: another value.
    """
    hits, claimed, shown = (np.array(result[name], dtype=float) for name in ("hits", "claimed", "of_class"))
    own = hits[:, target]
    found = {
        "recall": own / shown[target],
        "precision": own / np.maximum(claimed[:, target], 1),
        "F1": 2 * own / (shown[target] + claimed[:, target]),
        "overall": hits.sum(axis=1) / shown.sum(),
    }
    if value not in found:
        raise ValueError(f"value: expected one of {', '.join(VALUES)}, got {value!r}")
    return 100 * found[value]


def gains_of_run(data: str, network: str, arm: str, value: str = "recall", seed: int = 0) -> list[Gain]:
    """A half of table 1 or 2, as the paper makes it: one run for each class, tested over its epochs.

    The epochs of one run are no independent samples (each network is the one before with a little more training), so
    these p-values are too small: another seed would not confirm them as often as they promise.

    Args:
        data: as `split_of` takes it.
        network: a name of `NETWORKS`.
        arm: "score", or what it is compared with.
        value: see `per_epoch`.
        seed: of the run.

    Raises:
        ValueError: nothing of that kind is recorded.
    """
    runs, baseline = _runs(data, network, arm), _runs(data, network, "baseline")[seed, None]
    gains = []
    for target in sorted(target for other, target in runs if other == seed):
        after, before = (per_epoch(one, target, value) for one in (runs[seed, target], baseline))
        gains.append(Gain(target, before.mean(), after.mean(), *bootstrap_difference(after, before)))
    return gains


def gains_over_seeds(
    data: str, network: str, arm: str, value: str = "recall", other: str = "baseline", *, correct: bool = True
) -> list[Gain]:
    """The same over runs from several seeds, paired by seed, with Holm's correction for the number of classes.

    Args:
        data: as `split_of` takes it.
        network: a name of `NETWORKS`.
        arm: "score", or what it is compared with.
        value: see `per_epoch`.
        other: the arm that stands for "baseline" in each `Gain`.
        correct: whether p-values are corrected.
    """
    pairs, gains = _pairs(data, network, arm, other, value), []
    for target in sorted({target for _, target in pairs}):
        after, before = zip(*(pair for (_, own), pair in pairs.items() if own == target), strict=True)
        mean, _, _, p = paired_difference(after, before)
        gains.append(Gain(target, float(np.mean(before)), float(np.mean(after)), mean, p))
    p_values = [gain.p for gain in gains]
    p_values = holm(p_values) if correct else p_values
    return [gain._replace(p=p) for gain, p in zip(gains, p_values, strict=True)]


def called_better(data: str, network: str, level: float) -> tuple[int, int]:
    """How often the paper's test says that a class got better where nothing was done: (so often, of how many).

    One baseline stands for what was trained, and that of another seed for the baseline.

    Args:
        data: as `split_of` takes it.
        network: a name of `NETWORKS`.
        level: below which a p-value says so.
    """
    runs = list(_runs(data, network, "baseline").values())
    classes = range(len(runs[0]["of_class"]))
    p_values = [
        bootstrap_difference(*(per_epoch(run, target) for run in pair), draws=2000)[1]
        for pair in permutations(runs, 2)
        for target in classes
    ]
    return sum(p < level for p in p_values), len(p_values)


def mean_gain(data: str, network: str, arm: str, value: str = "recall", other: str = "baseline") -> Interval:
    """The mean gain over all classes in points, with its 95% interval over seeds, or over classes if there is one seed.

    Args:
        data: as `split_of` takes it.
        network: a name of `NETWORKS`.
        arm: "score", or what it is compared with.
        value: see `per_epoch`.
        other: the arm that it is compared with.
    """
    gains: dict[int, list[float]] = {}
    for (seed, _), (after, before) in _pairs(data, network, arm, other, value).items():
        gains.setdefault(seed, []).append(after - before)
    if len(gains) == 1:
        return bootstrap_interval(next(iter(gains.values())))
    means = [float(np.mean(found)) for found in gains.values()]
    return paired_difference(means, [0.0] * len(means))[:3]


def gains_by_arm(data: str, network: str, value: str = "recall") -> dict[str, Interval]:
    """`mean_gain` of every recorded arm."""
    return {arm: mean_gain(data, network, arm, value) for arm in arms_of(data, network)}


def lines(names: Sequence[str], score: Sequence[Gain], softmax: Sequence[Gain]) -> str:
    """Table 1 or 2 in Markdown, with the paper's columns.

    Args:
        names: of all classes.
        score: the left half, a `Gain` for each class.
        softmax: the right half, for the same classes.
    """
    head = "| class | baseline | score | difference | p | softmax | difference | p | score - softmax |\n" + "|---" * 9
    rows = [
        f"| {names[one.target]} | {one.baseline:.1f} | {one.trained:.1f} | {one.difference:+.1f} | {one.p:.3f} | "
        f"{other.trained:.1f} | {other.difference:+.1f} | {other.p:.3f} | {one.trained - other.trained:+.1f} |"
        for one, other in zip(score, softmax, strict=True)
    ]
    return "\n".join([f"{head}|", *rows])


def labelling_accuracy(data: str, network: str, target: int) -> dict[str, np.ndarray]:
    """Figure 5: arm -> recall of a class after each epoch of re-training, per cent, float [seeds, epochs]."""
    arms = {arm: recorded_runs(data, network, arm) for arm in ("baseline", "score", "softmax", "random", "repeat")}
    curves = {
        arm: [per_epoch(run, target) for (_, own), run in sorted(runs.items(), key=str) if own in (target, None)]
        for arm, runs in arms.items()
    }
    return {arm: np.array(found) for arm, found in curves.items() if found}


def choices(data: str, network: str, arm: str) -> dict[str, Interval]:
    """What an arm chooses, before it has learned from any of it: name -> mean with 95% interval over the runs.

    Returns:
        "chosen" (pictures), "right" (share of right labels), "loss" (of their true classes), "common" (share of the
        score's choice that the softmax has chosen too).
    """
    runs = _runs(data, network, arm).values()
    found = {}
    for name in ("chosen", "right", "loss", "common"):
        known = [run[name][0] for run in runs if run[name][0] is not None]
        if known:
            found[name] = bootstrap_interval(known)
    return found


def assembly(data: str, network: str) -> dict[str, dict[int, np.ndarray]]:
    """Table 3: "baseline" and each recorded arm -> seed -> accuracy of its assembled networks, per cent, [moments].

    Empty if nothing of the network is recorded.
    """
    found: dict[str, dict[int, np.ndarray]] = {"baseline": {}} | {arm: {} for arm in SELECTED}
    for row in read_records(f"assembly_{data}"):
        about, result = row["configuration"], row["result"]
        if about["network"] == network:
            found[about["arm"]][about["seed"]] = 100 * np.array(result["assembled"])
            found["baseline"][about["seed"]] = 100 * np.array(result["baseline"])
    return {name: of for name, of in found.items() if of}


def assembly_pairs(data: str, network: str, arm: str, other: str) -> tuple[list[float], list[float]]:
    """What assembled networks of two arms reach, mean of the moments, in the seeds of which both are recorded."""
    found = assembly(data, network)
    seeds = sorted(set(found.get(arm, {})) & set(found.get(other, {})))
    return [found[arm][seed].mean() for seed in seeds], [found[other][seed].mean() for seed in seeds]


def arms_of(data: str, network: str) -> list[str]:
    """The arms of `SELECTED` of which runs are recorded."""
    return [arm for arm in SELECTED if recorded_runs(data, network, arm)]


def seeds_of(data: str, network: str, arm: str) -> list[int]:
    """The seeds of which all classes of an arm are recorded; the others do not count yet."""
    return sorted({seed for seed, _ in _runs(data, network, arm)})


def data_sets() -> list[str]:
    """The data sets of which runs are recorded."""
    return [data for data in (PARTS, "cifar10-subset", "cifar10") if read_records(f"semi_supervised_{data}")]


def _pairs(data: str, network: str, arm: str, other: str, value: str) -> dict[tuple[int, int], tuple[float, float]]:
    """What both arms reached for a class, mean over the epochs, in the seeds of which both are recorded."""
    runs, others = _runs(data, network, arm), _runs(data, network, other)
    rivals = {key: (key[0], key[1] if key in others else None) for key in runs}
    return {
        key: tuple(per_epoch(run, key[1], value).mean() for run in (runs[key], others[rivals[key]]))
        for key in runs
        if rivals[key] in others
    }


def _runs(data: str, network: str, arm: str) -> dict[tuple[int, int | None], dict]:
    """What is recorded of an arm, seeds with all of its classes only."""
    runs = recorded_runs(data, network, arm)
    classes = {target for _, target in runs}
    whole = {seed for seed, _ in runs if all((seed, target) in runs for target in classes)}
    runs = {(seed, target): run for (seed, target), run in runs.items() if seed in whole}
    if not runs:
        what = f"{data!r}, {network!r}, {arm!r}"
        raise ValueError(f"data, network, arm: expected recorded ones, got {what}; run `{COMMAND} --data {data}`")
    return runs
