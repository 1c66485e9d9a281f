"""Section 4.4 and fig. 6: linear SVMs on the summaries' pictures, and what they add to the network's accuracy."""

import argparse
import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from tqdm.auto import tqdm

from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.experiments.visual_summaries.found import recorded_summaries
from xai_utils.experiments.visual_summaries.setting import NETWORKS, PICTURES, SPLIT
from xai_utils.experiments.visual_summaries.svms import SHARES, Answers, answers, class_scores, shared, svm_scores
from xai_utils.parts import CLASSES, Parts
from xai_utils.tensors import Progress, check_choice, quiet

COMMAND = "python -m xai_utils.experiments.visual_summaries.specialising"
RECORD = "specialising"
TRAININGS = ("summaries", "random subsets", "whole classes", "logistic regression")
SEEDS = 5  # of the random subsets
LEARNED = PICTURES * len(CLASSES)  # scenes of `SPLIT` that summaries are made of; the rest chooses
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # C of the SVMs
WEIGHTS = tuple(round(0.05 * step, 2) for step in range(20, -1, -1))  # of the network; of equal ones the first is taken


class Choice(NamedTuple):
    """What the paper leaves open, as it was chosen on pictures of its own."""

    penalty: float
    """C of the SVMs, a name of `PENALTIES`."""
    share: str
    """How their scores are made to sum to one, a name of `SHARES`."""
    weight: float
    """The network's in the convex combination; the SVMs have the rest."""


class Correction(NamedTuple):
    """A test picture whose answer changed."""

    scene: int  # of the test split
    before: int  # the network's answer
    after: int  # the answer with the SVMs
    helper: int  # number of the summary, in its class, whose SVM gave the new answer its score


def positives_of(network: str, training: str, seed: int = 0) -> list[list[np.ndarray]]:
    """The pictures that each SVM of each class learns to recognise.

    Args:
        network: a name of `NETWORKS`.
        training: "summaries", "random subsets" (as large as the summaries, of the class's pictures) or "whole classes"
            (one SVM for all pictures of the class).
        seed: of the random subsets.

    Returns:
        For each class, for each of its SVMs the numbers of pictures within the class.
    """
    if training == "whole classes":
        return [[np.arange(PICTURES)] for _ in CLASSES]
    found = [[summary.images.numpy() for summary in recorded_summaries(network, name)] for name in CLASSES]
    if training == "summaries":
        return found
    generator = np.random.default_rng(seed)
    return [[np.sort(generator.permutation(PICTURES)[: len(some)]) for some in sets] for sets in found]


def measure_specialising(network: str, training: str, seed: int, summaries: str) -> dict:
    """One row: the network's accuracy on the test split without and with what was learned from a few pictures.

    Args:
        network: a name of `NETWORKS`.
        training: a name of `TRAININGS`.
        seed: of the random subsets.
        summaries: `fingerprint` of the network's; only a part of the row's key.

    Returns:
        "choice", as `Choice`; "machines" and "examples", how many SVMs and positive examples of one on average;
        "chosen on", accuracies before and after on the pictures that chose; "before", accuracy on the test split;
        "at best", the most that any choice reaches there, which nobody could know; and "changes", a `Correction` for
        each test picture whose answer becomes right or wrong.
    """
    check_choice("training", training, TRAININGS)
    known, test = answers(network, SPLIT), answers(network, "test")
    choosing = Answers(*(values[LEARNED:] for values in known))
    order = np.concatenate([(known.labels[:LEARNED] == label).nonzero()[0] for label in range(len(CLASSES))])
    learned = known.features[order]
    if training == "logistic regression":
        sets, candidates = [], _regressions(learned, choosing, test)
    else:
        sets = positives_of(network, training, seed)
        candidates = _machines(learned, sets, choosing, test)
    best, most, choice, found = -1.0, -1.0, None, None
    for penalty, share, ours, theirs, helpers in candidates:
        for weight in WEIGHTS:
            combined = weight * test.probabilities + (1 - weight) * theirs
            most = max(most, accuracy(combined, test.labels))
            right = accuracy(weight * choosing.probabilities + (1 - weight) * ours, choosing.labels)
            if right > best:
                best, choice, found = right, Choice(penalty, share, weight), (combined, helpers)
    sizes = [len(some) for own in sets for some in own]
    return {
        "choice": choice._asdict(),
        "machines": len(sizes),
        "examples": round(float(np.mean(sizes)), 2) if sizes else None,
        "chosen on": [round(accuracy(choosing.probabilities, choosing.labels), 4), round(best, 4)],
        "before": round(accuracy(test.probabilities, test.labels), 4),
        "at best": round(most, 4),
        "changes": [list(change) for change in changes(test, *found)],
    }


def accuracy(shares: np.ndarray, labels: np.ndarray) -> float:
    """How often the largest of [pictures, classes] is the label's."""
    return float((shares.argmax(axis=1) == labels).mean())


def changes(test: Answers, combined: np.ndarray, helpers: np.ndarray) -> list[Correction]:
    """The pictures whose answer becomes right or wrong.

    Args:
        test: what the network says.
        combined: with the SVMs' say, [pictures, classes].
        helpers: for each picture and class the number of the SVM with the highest score, -1 without.
    """
    before, after = test.probabilities.argmax(axis=1), combined.argmax(axis=1)
    turned = ((before == test.labels) != (after == test.labels)).nonzero()[0].tolist()
    return [Correction(n, int(before[n]), int(after[n]), int(helpers[n, after[n]])) for n in turned]


def _machines(learned: np.ndarray, sets: Sequence[Sequence[np.ndarray]], choosing: Answers, test: Answers):
    """For every way of training and sharing: penalty, share, both pictures' scores, and the helpers of the test's."""
    for penalty in PENALTIES:
        ours, theirs = svm_scores(learned, sets, penalty, [choosing.features, test.features])
        helpers = np.stack([s.argmax(axis=0) if len(s) else np.full(s.shape[1], -1) for s in theirs], axis=1)
        for share in SHARES:
            pairs = ((ours, choosing.probabilities), (theirs, test.probabilities))
            yield penalty, share, *(shared(class_scores(s), p, share) for s, p in pairs), helpers


def _regressions(learned: np.ndarray, choosing: Answers, test: Answers):
    """The same for logistic regression on all pictures, whose probabilities sum to one by themselves."""
    scale, labels = StandardScaler().fit(learned), np.repeat(np.arange(len(CLASSES)), PICTURES)
    helpers = np.full(test.probabilities.shape, -1)
    for penalty in PENALTIES:
        fitted = LogisticRegression(C=penalty, max_iter=2000).fit(scale.transform(learned), labels)
        ours, theirs = (fitted.predict_proba(scale.transform(some.features)) for some in (choosing, test))
        yield penalty, "softmax", ours, theirs, helpers


def fingerprint(network: str) -> str:
    """A short hash of which pictures are in which summaries of a network."""
    sets = [[some.tolist() for some in own] for own in positives_of(network, "summaries")]
    return hashlib.sha256(json.dumps(sets).encode()).hexdigest()[:12]


def specialising_rows(
    networks: Sequence[str] = NETWORKS, trainings: Sequence[str] = TRAININGS, *, progress: Progress = quiet
) -> list[dict]:
    """The rows, recorded or computed now; five for random subsets, each of another draw.

    Args:
        networks: names of `NETWORKS`, whose summaries are recorded.
        trainings: names of `TRAININGS`.
        progress: wraps the rows.
    """
    wanted = []
    for network in networks:
        for training in trainings:
            seeds = range(SEEDS if training == "random subsets" else 1)
            wanted += grid(network=[network], training=[training], seed=seeds, summaries=[fingerprint(network)])
    return record_all(RECORD, wanted, measure_specialising, command=COMMAND, progress=progress)


def gains(rows: Sequence[dict], network: str, training: str) -> np.ndarray:
    """By how much each test picture's answer became right: 1, 0 or -1, the mean over seeds.

    Args:
        rows: of `specialising_rows`.
        network: a name of `NETWORKS`.
        training: a name of `TRAININGS`.

    Raises:
        ValueError: there is no such row.
    """
    asked = {"network": network, "training": training}
    own = [row["result"]["changes"] for row in rows if asked.items() <= row["configuration"].items()]
    if not own:
        raise ValueError(f"network, training: expected those of some row, got {network!r}, {training!r}")
    labels = Parts("test").labels
    found = np.zeros((len(own), len(labels)))
    for values, changed in zip(found, own, strict=True):
        for change in (Correction(*some) for some in changed):
            values[change.scene] = 1 if change.after == labels[change.scene] else -1
    return found.mean(axis=0)


def gain_table(rows: Sequence[dict], network: str) -> dict[str, tuple[float, float, float]]:
    """Change of accuracy by what was learned from, with paired 95% intervals over test pictures.

    Args:
        rows: of `specialising_rows`.
        network: a name of `NETWORKS`.

    Returns:
        Training -> (mean, low, high), and "NAME against summaries", by how much the summaries gain more.
    """
    own = {training: gains(rows, network, training) for training in TRAININGS}
    more = {f"{name} against summaries": own["summaries"] - own[name] for name in TRAININGS[1:]}
    return {name: bootstrap_interval(values) for name, values in (own | more).items()}


def corrected(rows: Sequence[dict], network: str) -> tuple[list[Correction], list[Correction]]:
    """Fig. 6: the test pictures that the summaries put right, and those that they spoil.

    Args:
        rows: of `specialising_rows`.
        network: a name of `NETWORKS`.
    """
    asked, labels = {"network": network, "training": "summaries"}, Parts("test").labels
    row = next(row for row in rows if asked.items() <= row["configuration"].items())
    found = [Correction(*change) for change in row["result"]["changes"]]
    right = [change for change in found if change.after == labels[change.scene]]
    return right, [change for change in found if change not in right]


def main() -> None:
    """Command line: records what SVMs on summaries, and on others, add to accuracy; a few minutes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--networks", nargs="*", default=NETWORKS, choices=NETWORKS)
    networks = parser.parse_args().networks
    rows = specialising_rows(networks, progress=tqdm)
    for network in networks:
        for training, (mean, low, high) in gain_table(rows, network).items():
            print(f"{network}, {training}: {100 * mean:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}] points")


if __name__ == "__main__":
    main()
