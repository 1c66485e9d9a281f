"""Do low scores find the bad pictures? Scenes of Parts that are drawn twice, easy and made bad by one known cause."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.image_score.areas import Values, aurocs
from xai_utils.experiments.image_score.shares import (
    CONTROLS,
    NETWORKS,
    TRAINING,
    answers,
    class_references,
    formula_scores,
    network_of,
)
from xai_utils.experiments.records import grid, read_records, record_all
from xai_utils.parts import CLASSES, DIFFICULTY, Difficulty, Parts
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.image_score.quality"
RECORD = "score_quality"
SPLIT = "test"
PICTURES = 40  # of each class, each drawn twice
OTHER_NORMS = ("parts/vgg", "parts/resnet")  # networks on which L1 and L2 are tried too
STRENGTHS = ("within", "beyond")  # the range that the networks were trained on


class Cause(NamedTuple):
    """One way to make a picture bad: what changes in its `Difficulty`; all else of the scene stays as it is."""

    easy: Mapping[str, object]
    within: Mapping[str, object]  # the bad end of the training range
    beyond: Mapping[str, object]


CAUSES = {
    "occlusion": Cause(
        {"occlusion": 0.0},
        {"occlusion": 1.0, "occluder": (0.15, 0.15)},
        {"occlusion": 1.0, "occluder": (0.25, 0.25)},
    ),
    "clutter": Cause({"distractors": (1, 1)}, {"distractors": (4, 4)}, {"distractors": (12, 12)}),
    "blur": Cause({"blur": (0.0, 0.0)}, {"blur": (1.5, 1.5)}, {"blur": (4.0, 4.0)}),
    "noise": Cause({"noise": (0.0, 0.0)}, {"noise": (0.065, 0.065)}, {"noise": (0.2, 0.2)}),
    "contrast": Cause({"contrast": (1.05, 1.05)}, {"contrast": (0.7, 0.7)}, {"contrast": (0.3, 0.3)}),
    "scale": Cause({"scale": (0.39, 0.39)}, {"scale": (0.30, 0.30)}, {"scale": (0.18, 0.18)}),
}

SCORES = tuple(f"{whose}{reading}" for reading in ("", ", formula") for whose in ("true class", "predicted class"))
RIVALS = ("softmax", "energy")
LOSS = "true class's probability"


def values_of(
    network: str, images: Tensor, labels: Tensor, *, training: int = TRAINING, norm: str = "max"
) -> tuple[Values, Tensor]:
    """What could tell good pictures from bad ones, higher = better, and what the network predicts.

    Args:
        network: as `network_of` takes it.
        images: float [batch, 3, height, width], RGB in [0, 1].
        labels: int64 [batch], the true classes.
        training: pictures of each class behind its reference.
        norm: of the references' thresholds.

    Returns:
        Measure -> [batch], and int64 [batch]. Measures: `SCORES` by the reference of the true and of the predicted
        class, in both readings of the formula; "softmax", the largest probability; "energy", the logarithm of the sum
        of the exponentials of the logits; `LOSS`, the logarithm of the true class's probability, which is minus the
        loss; "edges", how much neighbouring pixels differ, for which no network is needed.
    """
    model, references = network_of(network), class_references(network, training, norm)
    logits, shares = answers(model, images, references)
    scores, predicted = shares.sum(dim=2), logits.argmax(dim=1)
    formula = formula_scores(model, images, references, predicted)
    of_truth, wrong = formula.clone(), predicted != labels
    of_truth[wrong] = formula_scores(model, images[wrong], references, labels[wrong])
    found = {
        "true class": scores.gather(1, labels[:, None])[:, 0],
        "predicted class": scores.gather(1, predicted[:, None])[:, 0],
        "true class, formula": of_truth,
        "predicted class, formula": formula,
    }
    logs = logits.double().log_softmax(dim=1)
    found["softmax"], found["energy"] = logs.amax(dim=1), logits.double().logsumexp(dim=1)
    found[LOSS] = logs.gather(1, labels[:, None])[:, 0]
    found["edges"] = sum(images.diff(dim=axis).abs().mean(dim=(1, 2, 3)) for axis in (2, 3))
    return {name: of.numpy() for name, of in found.items()}, predicted


@lru_cache(maxsize=4)
def drawn(difficulty: Difficulty, pictures: int) -> tuple[Tensor, Tensor]:
    """The first scenes of the test split, drawn with other knobs: uint8 [batch, 3, 128, 128] and int64 [batch]."""
    return Parts(SPLIT, difficulty=difficulty).tensors(indices=range(pictures * len(CLASSES)))


def degraded(cause: str, pictures: int = PICTURES) -> tuple[dict[str, Tensor], Tensor]:
    """The same scenes, easy and made bad by one cause: float [batch, 3, 128, 128] for "easy" and each of `STRENGTHS`.

    Args:
        cause: a name of `CAUSES`.
        pictures: of each class; every ten in a row show the ten classes.

    Returns:
        The images, and their labels, int64 [batch].
    """
    made = {name: drawn(replace(DIFFICULTY, **change), pictures) for name, change in CAUSES[cause]._asdict().items()}
    return {name: images.float() / 255 for name, (images, _) in made.items()}, made["easy"][1]


def measure_quality(network: str, cause: str, norm: str, pictures: int, training: int) -> dict:
    """One row: how often the easy picture has the higher value than a bad one of its class.

    Args:
        network: one of `NETWORKS` or `CONTROLS`.
        cause: a name of `CAUSES`.
        norm: of the references' thresholds.
        pictures: of each class.
        training: pictures behind each reference.

    Returns:
        For each of `STRENGTHS`: "areas", measure -> [area under the ROC curve, low, high] over scenes, pairs of one
        class, also of differences to the rivals; and "hurt", how often a bad picture that is classified rightly has
        the higher value than a bad one that is not, for measures that do not know the class. "accuracy" and "first",
        the true class's scores of the first ten pictures, of the easy pictures too.
    """
    images, labels = degraded(cause, pictures)
    found = {name: values_of(network, of, labels, training=training, norm=norm) for name, of in images.items()}
    right = {name: (predicted == labels).numpy() for name, (_, predicted) in found.items()}
    values = {name: of for name, (of, _) in found.items()}
    against = [(score, rival) for score in SCORES for rival in (*RIVALS, LOSS, "edges")]
    same_class = (labels.numpy(),) * 2
    return {
        strength: {
            "areas": aurocs(values["easy"], values[strength], same_class, paired=True, against=against),
            "hurt": right_against_wrong(values[strength], right[strength]),
        }
        for strength in STRENGTHS
    } | {
        "accuracy": {name: round(float(of.mean()), 4) for name, of in right.items()},
        "first": {name: [round(float(v), 4) for v in of["true class"][:10]] for name, of in values.items()},
    }


def right_against_wrong(values: Values, right: np.ndarray, groups: np.ndarray | None = None) -> dict[str, list[float]]:
    """How often a picture that is classified rightly has the higher value; measures that know the class are left out.

    Args:
        values: as `values_of` returns them.
        right: bool [batch].
        groups: pairs are made within these only, [batch]; None is all pairs.
    """
    names = [name for name in values if not name.startswith("true class")]
    usual, unusual = ({name: values[name][some] for name in names} for some in (right, ~right))
    against = [(name, rival) for name in SCORES if name in names for rival in RIVALS]
    return aurocs(usual, unusual, None if groups is None else (groups[right], groups[~right]), against=against)


def quality_rows(*, progress: Progress = quiet) -> list[dict]:
    """Every cause for every network, untrained ones included, and two other norms for some of them."""
    by_norm = {"max": (*NETWORKS, *CONTROLS), "L1": OTHER_NORMS, "L2": OTHER_NORMS}
    fixed = {"pictures": [PICTURES], "training": [TRAINING]}
    wanted = [
        configuration
        for cause, norm in product(CAUSES, by_norm)
        for configuration in grid(network=by_norm[norm], cause=[cause], norm=[norm], **fixed)
    ]
    return record_all(RECORD, wanted, measure_quality, command=COMMAND, progress=progress)


def score_quality(network: str, measure: str = "true class", norm: str = "max") -> dict[tuple[str, str], list[float]]:
    """The recorded areas of a measure: (cause, strength) -> [area, low, high].

    Args:
        network: one of `NETWORKS` or `CONTROLS`.
        measure: one of those of `values_of`, or a difference such as "true class - softmax".
        norm: of the references' thresholds.
    """
    rows = {
        row["configuration"]["cause"]: row["result"]
        for row in read_records(RECORD)
        if (row["configuration"]["network"], row["configuration"]["norm"]) == (network, norm)
    }
    return {(cause, strength): of[strength]["areas"][measure] for cause, of in rows.items() for strength in STRENGTHS}


def by_cause(network: str, strength: str, measures: Mapping[str, str]) -> dict[str, dict[str, Interval]]:
    """The recorded areas of several measures: name -> cause -> (area, low, high).

    Args:
        network: one of `NETWORKS` or `CONTROLS`.
        strength: "within" or "beyond".
        measures: name -> as `score_quality` takes it.
    """
    areas = {name: score_quality(network, measure) for name, measure in measures.items()}
    return {name: {cause: tuple(of[cause, strength]) for cause in CAUSES} for name, of in areas.items()}


def main() -> None:
    """Command line: records what scores say of scenes made bad; ten minutes."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    quality_rows(progress=tqdm)
    for network, measure in product((*NETWORKS, *CONTROLS), ("true class", *RIVALS)):
        print(network, measure, score_quality(network, measure))


if __name__ == "__main__":
    main()
