"""Table III: one box for each picture, around objects of classes that the network never saw."""

import argparse
import ctypes
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import Pictures, train_classifier
from xai_utils.experiments.cnn_fixations.localisation import Boxes, Localiser, localiser
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_ratio
from xai_utils.metrics import box_iou
from xai_utils.models import Classifier, miniature, outputs
from xai_utils.parts import CLASSES, PAIRS, Parts, Scene, draw_scene
from xai_utils.tensors import Progress, quiet
from xai_utils.training import Recipe
from xai_utils.weights import read_weights, weights_folder

COMMAND = "python -m xai_utils.experiments.cnn_fixations.proposals"
SEEN = tuple(name for pair in PAIRS[:3] for name in pair.classes)  # birds, dogs, trains
UNSEEN = tuple(name for pair in PAIRS[3:] for name in pair.classes)  # cars, instruments
MODEL = "cnn_fixations/googlenet-seen"
RECIPE = Recipe(epochs=12)
BATCH = 20
OVERLAP = 0.5  # a box hits an object if their IoU is above it


# --- the network, and the pictures that it never saw -------------------------------------------------------------


def train_seen(*, progress: Progress = quiet) -> None:
    """Trains the miniature of GoogLeNet, the paper's network for this table, on the scenes of the seen classes."""

    def pictures(split: str) -> Pictures:
        images, labels = Parts(split).tensors(indices=scenes_of(SEEN, split), progress=progress)
        return images, torch.tensor([SEEN.index(CLASSES[label]) for label in labels.tolist()])

    file = weights_folder() / f"{MODEL}.safetensors"
    train_classifier("googlenet", RECIPE, pictures("train"), pictures("validation"), file, classes=SEEN)


@cache
def seen_network() -> Classifier:
    """The trained network, in eval mode; its classes are `SEEN`."""
    model = miniature("googlenet", SEEN, len(scenes_of(SEEN, "train")))
    model.network.load_state_dict(read_weights(weights_folder() / f"{MODEL}.safetensors"))
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def scenes_of(classes: Sequence[str], split: str) -> list[int]:
    """The scenes of a split whose label is one of the classes, by number."""
    wanted = {CLASSES.index(name) for name in classes}
    return [number for number, label in enumerate(Parts(split).labels.tolist()) if label in wanted]


class Shown(NamedTuple):
    """Scenes, as pictures and as what is in them."""

    images: Tensor  # float [batch, 3, height, width]
    labels: list[list[int]]  # of the objects that can be seen, scene by scene
    boxes: list[Tensor]  # of the same, int64 [objects, 4]


def shown(scenes: Sequence[Scene]) -> Shown:
    """The scenes' pictures, and the objects of which something can be seen."""
    visible = [[one for one in scene.objects if one.region.any()] for scene in scenes]
    return Shown(
        torch.stack([scene.image for scene in scenes]),
        [[one.label for one in objects] for objects in visible],
        [torch.tensor([one.box for one in objects]).reshape(-1, 4) for objects in visible],
    )


@cache
def seen_pictures(first: int, last: int) -> Shown:
    """Some validation scenes of the seen classes, on which settings are chosen."""
    return shown([Parts("validation").scene(number) for number in scenes_of(SEEN, "validation")[first:last]])


@cache
def unseen_pictures(first: int, last: int) -> Shown:
    """Some scenes that show nothing but unseen classes: scenes of the test split, and in turns with them scenes in
    which a second object was added.
    """
    alone = [Parts("test").scene(number) for number in scenes_of(UNSEEN, "test")]
    beside = [draw_scene(scene.seed, label=scene.label, objects=2) for scene in alone]
    beside = [scene for scene in beside if all(CLASSES[role.label] in UNSEEN for role in scene.cast)]
    return shown([scene for pair in zip(alone, beside, strict=False) for scene in pair][first:last])


# --- proposals that need no network ------------------------------------------------------------------------------


def selective_search(model: nn.Module, images: Tensor, target: Tensor) -> Boxes:
    """The first proposal of Selective Search (Uijlings et al., 2013; OpenCV's fast mode) for each picture.

    Its order is random within the levels of its hierarchy, by design.
    """
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    boxes = []
    for picture in _pixels(images):
        search.setBaseImage(picture)
        search.switchToSelectiveSearchFast()
        ctypes.CDLL(None).srand(0)  # OpenCV draws the order with C's rand
        boxes.append(search.process()[0])
    return {(): _corners(boxes)}


def edge_boxes(model: nn.Module, images: Tensor, target: Tensor) -> Boxes:
    """The best proposal of EdgeBoxes (Zitnick and Dollár, 2014; OpenCV) for each picture.

    The paper's edges come from a structured forest whose weights are not at hand; here they are the colour gradient
    where Canny's detector finds an edge.
    """
    search = cv2.ximgproc.createEdgeBoxes(maxBoxes=1)
    boxes = []
    for picture in _pixels(images):
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        across, down = (cv2.Sobel(grey, cv2.CV_32F, *step) for step in ((1, 0), (0, 1)))
        thin = cv2.Canny(grey, 60, 120) > 0
        strength = np.hypot(across, down) * thin
        found, _ = search.getBoundingBoxes(strength / max(1, strength.max()), np.arctan2(down, across) % np.pi)
        boxes.append(found[0] if len(found) else (0, 0, 0, 0))
    return {(): _corners(boxes)}


def _pixels(images: Tensor) -> list[np.ndarray]:
    """Pictures as OpenCV has them: uint8 [height, width, 3], BGR."""
    return list((images.flip(1).permute(0, 2, 3, 1) * 255).round().byte().contiguous().numpy())


def _corners(boxes: Sequence[Sequence[int]]) -> Tensor:
    """(left, top, width, height) -> (left, top, right, bottom)."""
    start, size = torch.tensor(np.array(boxes), dtype=torch.int64).chunk(2, dim=1)
    return torch.cat([start, start + size], dim=1)


FROM_NETWORK = ("fixations", "fixations, moving", "gradient", "guided backprop", "CAM", "Grad-CAM", "cMWP", "LRP")
METHODS: dict[str, Localiser] = {
    **{method: localiser(MODEL, method) for method in FROM_NETWORK},
    "Selective Search": selective_search,
    "EdgeBoxes": edge_boxes,
    "centred box": localiser(MODEL, "centred box"),
}
"""Everything that proposes a box, by the names of the table."""

NOT_BUILT = {
    "MCG": "multiscale combinatorial grouping: no Python package of ours has it, and its boundary detector is trained",
    "BING": "OpenCV has it, but without the trained model that it reads from a file",
    "STL": "self-taught localisation trains a network of its own; the paper copies the numbers from its authors",
    "DeepMask": "a network trained on object masks of photographs; there are no weights for pictures like these",
    "WS-SC": "a peer of Table II: weakly supervised saliency with a model of its own; not part of any package of ours",
    "Neuraltalk": "the captioner of the Grad-CAM pictures in figure 6; the chapter asks its own captioner by Grad-CAM",
}
"""Peers of the paper's tables and figures that are not here, with the reason."""


# --- the measurement ----------------------------------------------------------------------------------------------


def proposed(method: str, pictures: Shown) -> Boxes:
    """The boxes of one method, for every setting that it has; networks are asked for the label that they predict."""
    network = seen_network()
    return METHODS[method](network, pictures.images, outputs(network, pictures.images).argmax(dim=1))


def hits(boxes: Tensor, truths: Sequence[Tensor]) -> list[list[int]]:
    """For each picture and each object in it, whether the picture's one box overlaps with it by more than `OVERLAP`."""
    objects = [len(true) for true in truths]
    overlaps = box_iou(
        boxes.repeat_interleave(torch.tensor(objects), dim=0), [one[None] for true in truths for one in true]
    )
    return [found.int().tolist() for found in (overlaps > OVERLAP).split(objects)]


def best_setting(method: str, pictures: Shown) -> tuple:
    """The setting with the most hits."""
    found = {setting: hits(boxes, pictures.boxes) for setting, boxes in proposed(method, pictures).items()}
    return max(found, key=lambda setting: sum(sum(objects) for objects in found[setting]))


def measure_proposals(model: str, method: str, tuned: int, tested: list[int]) -> dict:
    """One method: its boxes for scenes of unseen classes, its threshold or outlier removal chosen on seen ones.

    Args:
        model: the network's name, `MODEL`.
        method: a name of `METHODS`.
        tuned: how many validation scenes of the seen classes the setting is chosen on.
        tested: [first, last] of the scenes of `unseen_pictures`.

    Returns:
        "setting"; "labels" and "found": for each scene the classes of its objects, and whether the box hits them.
    """
    setting = best_setting(method, seen_pictures(0, tuned))
    labels, found = [], []
    for first in range(*tested, BATCH):
        pictures = unseen_pictures(first, min(first + BATCH, tested[1]))
        labels += pictures.labels
        found += hits(proposed(method, pictures)[setting], pictures.boxes)
    return {"setting": list(setting), "labels": labels, "found": found}


def proposals(
    methods: Sequence[str] = tuple(METHODS), tuned: int = 100, tested: int = 300, *, progress: Progress = quiet
) -> list[dict]:
    """The rows of the table "one box for each picture", recorded or computed now.

    Args:
        methods: names of `METHODS`.
        tuned: scenes on which the settings are chosen.
        tested: the first so many scenes of unseen classes.
        progress: wraps the rows.
    """
    wanted = grid(model=[MODEL], method=methods, tuned=[tuned], tested=[[0, tested]])
    return record_all("fixation_proposals", wanted, measure_proposals, command=COMMAND, progress=progress)


def mean_recall_precision(result: dict) -> dict[str, tuple[float, float, float]]:
    """The paper's two numbers, with 95% intervals over the scenes.

    The recall of a class is the share of its objects that are hit; its precision is the share of the boxes, of the
    pictures that show the class, that hit any object. Both are averaged over the classes.

    Args:
        result: of `measure_proposals`.

    Returns:
        "recall" and "precision", each (mean, low, high).

    Example:
        >>> mean_recall_precision({"labels": [[6], [6, 6]], "found": [[1], [0, 1]]})["recall"][0]
        0.6666666666666666
    """
    classes = sorted({label for labels in result["labels"] for label in labels})
    scenes = list(zip(result["labels"], result["found"], strict=True))
    objects = [
        [[hit for label, hit in zip(*scene, strict=True) if label == one] for scene in scenes] for one in classes
    ]
    hits_and_objects = np.array([[(sum(some), len(some)) for some in scene] for scene in objects])
    boxes = np.array(
        [
            [(bool(some) and any(found), bool(some)) for some, (_, found) in zip(scene, scenes, strict=True)]
            for scene in objects
        ]
    )
    return {
        name: bootstrap_ratio(counts[..., 0], counts[..., 1])
        for name, counts in (("recall", hits_and_objects), ("precision", boxes))
    }


def main() -> None:
    """Command line: trains the network if its weights are missing, records the table and prints it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--train", action="store_true", help="train the network again")
    if parser.parse_args().train or not (weights_folder() / f"{MODEL}.safetensors").exists():
        train_seen(progress=tqdm)
    for row in proposals(progress=tqdm):
        said = mean_recall_precision(row["result"])
        print(row["configuration"]["method"], row["result"]["setting"], said)


if __name__ == "__main__":
    main()
