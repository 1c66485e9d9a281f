"""Table 4: a detector trains on with pictures that it has labelled itself, and is measured at ten moments."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from xai_utils.experiments.image_score.object_detection.choices import (
    ARMS,
    CLIP,
    RECIPE,
    choose,
    labelled_by,
    measure_choices,
    trained,
)
from xai_utils.experiments.image_score.object_detection.detector import (
    certain,
    detect,
    load_detector,
    loss_of,
    write_detector,
)
from xai_utils.experiments.image_score.object_detection.precision import Precision, mean_average_precision
from xai_utils.experiments.image_score.object_detection.scenes import Objects, Pictures, pictures_of
from xai_utils.experiments.records import grid, read_records, record_all
from xai_utils.tensors import Progress, quiet
from xai_utils.training import fit

COMMAND = "python -m xai_utils.experiments.image_score.object_detection"
RECORD, CHOICES = "detection", "detection_choices"
NETWORK, SEEDS = "parts/vgg", (0, 1, 2)
PICTURES = (1000, 2300, 600)  # labelled, additional and test; VOC has 5,011, 11,540 and 4,952
EPOCHS = 12  # the paper's 60,000 iterations are twelve passes through VOC2007
# Ten moments, with so many pictures learned from before each. The paper goes on for a sixth of what was before; here it
# is a half, since after a sixth even the true labels of all additional pictures had changed nothing.
MOMENTS = (10, 600)
SHARE, THRESHOLD = 0.3, 0.5
GLANCE = 100  # test pictures on which the detector that is kept can be measured again in a moment
KEPT = "detection/labelled"  # the detector of the first seed that has learned from the labelled pictures
RATE = 0.5  # of the highest learning rate, when training goes on


def train_on(detector: nn.Module, known: Pictures, moments: tuple[int, int], seed: int) -> Iterator[int]:
    """Trains a detector further, in place.

    Args:
        detector: trained.
        known: labelled pictures, and those that were added.
        moments: how many, and how many pictures are learned from before each, drawn from all of them.
        seed: of the draw.

    Yields:
        The number of each moment, from 1; the detector is in eval mode then.
    """
    recipe = replace(RECIPE, epochs=moments[0], learning_rate=RATE * RECIPE.learning_rate, cycle=False, seed=seed)
    draw = torch.Generator().manual_seed(seed)

    def drawn() -> Tensor:
        return torch.randperm(len(known.images), generator=draw)[: moments[1]]

    for number, _ in fit(detector, drawn, loss_of(detector, known), recipe, clip=CLIP):
        yield number


def measure_arm(
    network: str,
    seed: int,
    arm: str,
    pictures: Sequence[int],
    epochs: int,
    moments: Sequence[int],
    share: float,
    threshold: float,
) -> dict:
    """One row: the mean average precision of one arm at all moments.

    **Source**: section 3.2. The set of pictures is updated once, before training goes on.

    Args:
        network: of `build_detector`.
        seed: of the pictures (but the test ones), of training, and of what is drawn at random.
        arm: a name of `ARMS`.
        pictures: how many labelled, additional and test ones.
        epochs: of the training before.
        moments: see `train_on`.
        share: of the additional pictures, that is added.
        threshold: smallest score of an object that counts as found.

    Returns:
        "before", the measures of `Precision` when training goes on, and "glance", the same of the first hundred test
        pictures; "voc", "half" and "coco", each with a value for each moment; "added" pictures.
    """
    detector = trained(network, seed, pictures[0], epochs)
    additional = pictures_of("additional", seed, pictures[1])
    labelled = labelled_by(network, seed, tuple(pictures[:2]), epochs, threshold)
    added = choose(arm, labelled, share, torch.Generator().manual_seed(seed)).tolist()
    labels = additional.objects if arm.endswith("truth") else labelled.found
    more = Pictures(tuple(additional.images[n] for n in added), tuple(labels[n] for n in added))
    test = pictures_of("test", 0, pictures[2])
    known, found = pictures_of("labelled", seed, pictures[0]).with_more(more), detect(detector, test.images)
    before = {
        name: [round(value, 4) for value in mean_average_precision(found[:count], test.objects[:count])]
        for name, count in (("before", None), ("glance", GLANCE))
    }
    detector = deepcopy(detector)
    after = [measured(detector, test) for _ in train_on(detector, known, tuple(moments), seed)]
    curves = {name: [round(getattr(moment, name), 4) for moment in after] for name in Precision._fields}
    return {**before, **curves, "added": len(added)}


def measured(detector: nn.Module, pictures: Pictures) -> Precision:
    """The mean average precision of a detector on some pictures."""
    return mean_average_precision(detect(detector, pictures.images), pictures.objects)


def record_runs(
    seeds: Sequence[int] = SEEDS, arms: Sequence[str] = ARMS, *, progress: Progress = quiet
) -> tuple[list[dict], list[dict]]:
    """What each arm reaches and what is known of the pictures it chooses from, recorded or computed now, seed by seed.

    Args:
        seeds: of the runs.
        arms: names of `ARMS`.
        progress: wraps the rows of each seed.

    Returns:
        The rows of `measure_arm`, and those of `measure_choices`.
    """
    runs, choices = [], []
    for seed in seeds:
        of_seed = {"network": [NETWORK], "seed": [seed], "epochs": [EPOCHS], "threshold": [THRESHOLD]}
        wanted = grid(**of_seed, pictures=[PICTURES[:2]])
        choices += record_all(CHOICES, wanted, measure_choices, command=COMMAND, progress=progress)
        wanted = grid(**of_seed, pictures=[PICTURES], arm=arms, moments=[MOMENTS], share=[SHARE])
        runs += record_all(RECORD, wanted, measure_arm, command=COMMAND, progress=progress)
    return runs, choices


def keep_detector(seed: int = SEEDS[0]) -> Path:
    """Writes the weights of the detector that has learned from the labelled pictures; returns their file.

    Args:
        seed: of the detector.
    """
    detector = trained(NETWORK, seed, PICTURES[0], EPOCHS)
    return write_detector(KEPT, detector, NETWORK, seed=seed, labelled=PICTURES[0], epochs=EPOCHS, command=COMMAND)


@cache
def kept_detector() -> nn.Module:
    """The detector that is kept, loaded once."""
    return load_detector(KEPT)


def look_at(number: int) -> tuple[Tensor, Objects, Objects]:
    """A test picture for the eye: the picture, what is there, and what the detector that is kept is sure enough of.

    Args:
        number: of the picture, from 0.

    Returns:
        float [3, height, width] in [0, 1], the true objects, and those that are found.
    """
    images, truths = pictures_of("test", 0, number + 1)
    (found,) = detect(kept_detector(), images[-1:])
    return images[-1].float() / 255, truths[-1], certain(found, THRESHOLD)


def recorded_runs() -> dict[tuple[int, str], dict]:
    """The results of `measure_arm` that are recorded, by seed and arm.

    Raises:
        ValueError: none are.
    """
    wanted = {"pictures": list(PICTURES), "moments": list(MOMENTS)}  # other sizes may be recorded too
    rows = [row for row in read_records(RECORD) if row["configuration"] == row["configuration"] | wanted]
    if not rows:
        raise ValueError(f"data/results/{RECORD}.jsonl: expected recorded runs, got none; run `{COMMAND}`")
    return {(row["configuration"]["seed"], row["configuration"]["arm"]): row["result"] for row in rows}


def recorded_choices() -> dict[int, dict]:
    """The results of `measure_choices` that are recorded, by seed."""
    rows = [row for row in read_records(CHOICES) if tuple(row["configuration"]["pictures"]) == PICTURES[:2]]
    return {row["configuration"]["seed"]: row["result"] for row in rows}
