"""Which additional pictures a detector learns from, and what it says is in them."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xai_utils.experiments.image_score.object_detection.detector import (
    build_detector,
    certain,
    detect,
    loss_of,
    trunk_layers,
)
from xai_utils.experiments.image_score.object_detection.precision import rightness
from xai_utils.experiments.image_score.object_detection.scenes import Objects, pictures_of
from xai_utils.papers.image_score import fit_reference, image_score
from xai_utils.tensors import check_choice
from xai_utils.training import Recipe, fit

ARMS = ("baseline", "score", "random", "confident", "lowest", "score-truth", "random-truth", "truth")
GRID = (6, 6)  # cells to which all maps are averaged; those of the last layers have 6 x 8, 8 x 6 or 6 x 6 units
RECIPE = Recipe(batch_size=8, learning_rate=1e-3)
CLIP = 5.0  # norm to which longer gradients are shortened
CHECKPOINTS = Path(".cache") / "training"


class Labelled(NamedTuple):
    """Additional pictures as a detector sees them."""

    scores: Tensor  # image score of each, float64 [pictures]
    confidence: Tensor  # mean score of what was found in each, float [pictures]; 0 where nothing was
    found: tuple[Objects, ...]  # what the detector is sure enough of


@cache
def trained(network: str, seed: int, labelled: int, epochs: int) -> nn.Module:
    """A detector that has learned from labelled pictures, in eval mode; an interrupted training goes on.

    Args:
        network: of `build_detector`.
        seed: of the pictures, of the heads' first weights, and of the order.
        labelled: how many pictures.
        epochs: passes through them.
    """
    recipe = replace(RECIPE, epochs=epochs, seed=seed)
    torch.manual_seed(seed)
    detector = build_detector(network)
    checkpoint = CHECKPOINTS / f"detection-{network.replace('/', '-')}-{labelled}-{epochs}-seed{seed}.pt"
    known = pictures_of("labelled", seed, labelled)
    for _ in fit(detector, labelled, loss_of(detector, known), recipe, clip=CLIP, checkpoint=checkpoint):
        pass
    return detector.eval()


@cache
def labelled_by(
    network: str, seed: int, pictures: tuple[int, int], epochs: int, threshold: float, grid: tuple[int, int] = GRID
) -> Labelled:
    """The additional pictures, scored and labelled by the detector that has learned from the labelled ones.

    **Source**: section 3.2: one "correct" chain of activation for all labelled pictures, not one for each class.

    Args:
        network: of `build_detector`.
        seed: of everything.
        pictures: how many labelled and additional ones.
        epochs: of the detector's training.
        threshold: smallest score of an object that counts as found; the paper does not name it.
        grid: see `fit_reference`.
    """
    detector = trained(network, seed, pictures[0], epochs)
    known, additional = (
        pictures_of(name, seed, n) for name, n in zip(("labelled", "additional"), pictures, strict=True)
    )
    reference = fit_reference(detector, _as_float(known.images), layers=trunk_layers(detector), grid=grid)
    scores = image_score(detector, _as_float(additional.images), reference)
    found = tuple(certain(objects, threshold) for objects in detect(detector, additional.images))
    confidence = torch.stack([objects.scores.sum() / max(1, len(objects.scores)) for objects in found])
    return Labelled(scores, confidence, found)


def choose(arm: str, labelled: Labelled, share: float, generator: torch.Generator) -> Tensor:
    """The numbers of the pictures that an arm adds, int64 [chosen].

    Pictures in which nothing is found have no label to be added with, and are left out, as Faster R-CNN's own program
    leaves out pictures without objects; all arms of the same share add as many.

    Args:
        arm: "score": the highest image scores. "lowest": the lowest ones. "confident": the highest mean scores of what
            is found, the rival. "random": any. "baseline": none. "truth": all, also those in which nothing is found.
            "score-truth" and "random-truth" choose as "score" and "random" do; they are added with their true labels.
        labelled: of `labelled_by`.
        share: of all additional pictures.
        generator: draws at random.

    Raises:
        ValueError: another arm.
    """
    check_choice("arm", arm, ARMS)
    everything = torch.arange(len(labelled.scores))
    if arm in ("baseline", "truth"):
        return everything[: 0 if arm == "baseline" else None]
    pool = everything[labelled.confidence > 0]
    count = min(round(share * len(everything)), len(pool))
    order = {
        "score": labelled.scores,
        "lowest": -labelled.scores,
        "confident": labelled.confidence,
        "random": torch.rand(len(everything), generator=generator),
    }
    return pool[order[arm.removesuffix("-truth")][pool].topk(count).indices]


def measure_choices(network: str, seed: int, pictures: Sequence[int], epochs: int, threshold: float) -> dict:
    """One row: what is known about each additional picture, by which it can be seen what an arm chooses.

    Args:
        network: of `build_detector`.
        seed: of everything.
        pictures: how many labelled and additional ones.
        epochs: of the detector's training.
        threshold: see `labelled_by`.

    Returns:
        Lists with a number for each picture: "score", "confidence"; "objects" that are there, "boxes" that are found,
        those of them that are "right" and those of "wrong class" (see `Rightness`); "area", the share of the picture
        that the objects' boxes fill, overlaps counted twice; "wide", its width over its height.
    """
    labelled = labelled_by(network, seed, tuple(pictures), epochs, threshold)
    images, truths = pictures_of("additional", seed, pictures[1])
    facts = [rightness(*both) for both in zip(labelled.found, truths, strict=True)]
    return {
        "score": [round(score, 4) for score in labelled.scores.tolist()],
        "confidence": [round(score, 4) for score in labelled.confidence.tolist()],
        "objects": [fact.objects for fact in facts],
        "boxes": [fact.boxes for fact in facts],
        "right": [fact.right for fact in facts],
        "wrong class": [fact.wrong_class for fact in facts],
        "area": [round(_filled(truth.boxes, image), 4) for image, truth in zip(images, truths, strict=True)],
        "wide": [round(image.shape[2] / image.shape[1], 4) for image in images],
    }


def _filled(boxes: Tensor, image: Tensor) -> float:
    return float((boxes[:, 2:] - boxes[:, :2]).prod(dim=1).sum()) / image[0].numel()


def _as_float(images: Sequence[Tensor]) -> list[Tensor]:
    return [image.float() / 255 for image in images]
