"""Scenes with one to three objects, of three sizes: what a detector learns from and is measured on."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from xai_utils.parts import SceneObject, draw_scene
from xai_utils.tensors import check_choice

SIZES = ((96, 128), (128, 96), (96, 96))  # (height, width); the shorter side is always the same, as the paper's 600
MOST = 3  # objects in a scene
SMALLEST = 12  # pixels; an object whose visible box is thinner counts as hidden
FIRST_SEED = {"labelled": 10_000_000, "additional": 20_000_000, "test": 30_000_000}  # Parts' own splits end below
PER_SEED = 100_000


class Objects(NamedTuple):
    """What is, or is said to be, in a picture."""

    boxes: Tensor  # float [objects, 4], (left, top, right, bottom), pixels, right and bottom exclusive
    labels: Tensor  # int64 [objects], indices of `xai_utils.parts.CLASSES`
    scores: Tensor  # float [objects], how sure it is; 1 for the truth


class Pictures(NamedTuple):
    """Pictures of several sizes and what is in them."""

    images: tuple[Tensor, ...]  # each uint8 [3, height, width]
    objects: tuple[Objects, ...]

    def with_more(self, other: "Pictures") -> "Pictures":
        """These, and others behind them."""
        return Pictures(self.images + other.images, self.objects + other.objects)


@cache
def pictures_of(split: str, seed: int, count: int) -> Pictures:
    """The first pictures of a set, with their true objects.

    One, two and three objects take turns, and so do the sizes: every nine pictures hold each combination once.

    Args:
        split: "labelled", "additional" or "test", which have no scene in common with each other or with Parts' splits.
        seed: another seed, another set.
        count: how many.

    Raises:
        ValueError: no such split.

    Example:
        >>> pictures = pictures_of("test", 0, 3)
        >>> [tuple(image.shape) for image in pictures.images], [len(objects.labels) for objects in pictures.objects]
        ([(3, 96, 128), (3, 96, 128), (3, 96, 128)], [1, 2, 3])
    """
    check_choice("split", split, list(FIRST_SEED))
    first = FIRST_SEED[split] + PER_SEED * seed
    scenes = [
        draw_scene(first + number, objects=1 + number % MOST, size=SIZES[number // MOST % len(SIZES)])
        for number in range(count)
    ]
    images = tuple(torch.from_numpy(scene.pixels()).permute(2, 0, 1).contiguous() for scene in scenes)
    return Pictures(images, tuple(seen_objects(scene.objects) for scene in scenes))


def seen_objects(objects: tuple[SceneObject, ...]) -> Objects:
    """The objects of a scene of which enough is seen.

    Args:
        objects: of a `xai_utils.parts.Scene`.
    """
    seen = [one for one in objects if min(one.box[2] - one.box[0], one.box[3] - one.box[1]) >= SMALLEST]
    boxes = torch.tensor([one.box for one in seen], dtype=torch.float32).reshape(-1, 4)
    return Objects(boxes, torch.tensor([one.label for one in seen], dtype=torch.int64), torch.ones(len(seen)))
