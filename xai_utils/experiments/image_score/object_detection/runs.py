"""Table 4: a detector trains on with pictures that it has labelled itself, and is measured at ten moments."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace

import torch
from torch import nn

from xai_utils.experiments.image_score.object_detection.choices import (
    ARMS,
    CLIP,
    RECIPE,
    choose,
    labelled_by,
    measure_choices,
    trained,
)
from xai_utils.experiments.image_score.object_detection.detector import detect, loss_of
from xai_utils.experiments.image_score.object_detection.precision import Precision, mean_average_precision
from xai_utils.experiments.image_score.object_detection.scenes import Objects, Pictures, pictures_of
from xai_utils.experiments.records import grid, read_records, record_all
from xai_utils.tensors import Progress, quiet
from xai_utils.training import fit

COMMAND = "python -m xai_utils.experiments.image_score.object_detection"
RECORD, CHOICES = "detection", "detection_choices"
NETWORK, SEEDS = "parts/vgg", (0, 1, 2, 3)
PICTURES = (1500, 3450, 1000)  # labelled, additional and test; VOC has 5,011, 11,540 and 4,952
EPOCHS, LONGER, MOMENTS = 12, 1 / 6, 10  # 60,000 iterations are twelve passes through VOC2007; then a sixth more
SHARE, THRESHOLD = 0.3, 0.5
RATE = 0.2  # of the highest learning rate, when training goes on


def train_on(detector: nn.Module, known: Pictures, moments: int, each: int, seed: int) -> Iterator[int]:
    """Trains a detector further, in place.

    Args:
        detector: trained.
        known: labelled pictures, and those that were added.
        moments: how often it is to be measured.
        each: pictures that are learned from between two moments, drawn from all of them.
        seed: of the draw.

    Yields:
        The number of each moment, from 1; the detector is in eval mode then.
    """
    recipe = replace(RECIPE, epochs=moments, learning_rate=RATE * RECIPE.learning_rate, cycle=False, seed=seed)
    draw = torch.Generator().manual_seed(seed)
    drawn = lambda: torch.randperm(len(known.images), generator=draw)[:each]  # noqa: E731
    for number, _ in fit(detector, drawn, loss_of(detector, known), recipe, clip=CLIP):
        yield number


def measure_arm(
    network: str, seed: int, arm: str, pictures: Sequence[int], epochs: int, moments: int, share: float, threshold: float
) -> dict:
    """One row: the mean average precision of one arm at all moments.

    **Source**: section 3.2. The set of pictures is updated once, before training goes on.

    Args:
        network: of `build_detector`.
        seed: of the pictures (but the test ones), of training, and of what is drawn at random.
        arm: a name of `ARMS`.
        pictures: how many labelled, additional and test ones.
        epochs: of the training before.
        moments: how often the detector is measured.
        share: of the additional pictures, that is added.
        threshold: smallest score of an object that counts as found.

    Returns:
        "before", the measures of `Precision` when training goes on; "voc", "half" and "coco", each with a value for each
        moment; "added" pictures; "each", how many pictures are learned from between two moments.
    """
    detector = trained(network, seed, pictures[0], epochs)
    additional = pictures_of("additional", seed, pictures[1])
    labelled = labelled_by(network, seed, tuple(pictures[:2]), epochs, threshold)
    added = choose(arm, labelled, share, torch.Generator().manual_seed(seed)).tolist()
    labels = additional.objects if arm == "truth" else labelled.found
    more = Pictures(tuple(additional.images[n] for n in added), tuple(labels[n] for n in added))
    test, each = pictures_of("test", 0, pictures[2]), round(LONGER * epochs * pictures[0] / moments)
    before, detector = measured(detector, test), deepcopy(detector)
    known = pictures_of("labelled", seed, pictures[0]).with_more(more)
    after = [measured(detector, test) for _ in train_on(detector, known, moments, each, seed)]
    curves = {name: [round(getattr(moment, name), 4) for moment in after] for name in Precision._fields}
    return {"before": [round(value, 4) for value in before], **curves, "added": len(added), "each": each}


def measured(detector: nn.Module, pictures: Pictures) -> Precision:
    """The mean average precision of a detector on some pictures."""
    return mean_average_precision(detect(detector, pictures.images), pictures.objects)
