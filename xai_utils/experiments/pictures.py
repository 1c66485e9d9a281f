"""The pictures with boxes on which Table I is measured: scenes of Parts, and an ImageNet-style folder."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from xai_utils.parts import Parts
from xai_utils.pictures import labelled_pictures, load_picture

IMAGENET = "imagenet-val-1000"  # a folder of $XAI_DATA
SIDE = 227  # pixels of its squares, to which its boxes refer


class Boxed(NamedTuple):
    """Pictures, and where the objects of their class are."""

    images: Tensor  # float [batch, 3, height, width]
    labels: Tensor  # int64 [batch]
    boxes: list[Tensor]  # for each picture [objects, 4]: (left, top, right, bottom), right and bottom exclusive


def data_folder() -> Path:
    """The folder of data that is no part of the book.

    Raises:
        FileNotFoundError: `$XAI_DATA` is not set.
    """
    if "XAI_DATA" not in os.environ:
        raise FileNotFoundError(f"XAI_DATA: expected a folder that holds {IMAGENET}/ in this variable, got none")
    return Path(os.environ["XAI_DATA"])


def boxed_pictures(source: str, indices: Sequence[int], size: tuple[int, int]) -> Boxed:
    """Pictures of one source, at the size that a network takes.

    Args:
        source: a split of Parts ("validation", "test"), or "imagenet-val-1000" for that folder of `$XAI_DATA`.
        indices: which of them.
        size: (height, width); the pictures of ImageNet, which come squeezed to squares, are resized to it.

    Raises:
        FileNotFoundError: `$XAI_DATA` is not set, or has no such folder.
    """
    if source != IMAGENET:
        scenes = [Parts(source, size=size).scene(index) for index in indices]
        boxes = [torch.tensor([scene.box]) for scene in scenes]
        return Boxed(torch.stack([s.image for s in scenes]), torch.tensor([s.label for s in scenes]), boxes)
    found = labelled_pictures(data_folder() / IMAGENET)
    chosen = [found[index] for index in indices]
    images = torch.cat([load_picture(picture.file, size) for picture in chosen])
    scale = size[0] / SIDE
    boxes = [torch.tensor(picture.boxes, dtype=torch.float64) * scale for picture in chosen]
    return Boxed(images, torch.tensor([picture.label for picture in chosen]), boxes)
