"""On what chapter four measures: the first pictures of each class of Parts' validation split, and five networks."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from xai_utils.parts import CLASSES, Parts, Scene

NETWORKS = ("parts/alexnet", "parts/vgg", "parts/googlenet", "parts/resnet", "parts/densenet")
SPLIT = "validation"
PICTURES = 32  # of each class; the paper has 50


class ClassPictures(NamedTuple):
    """Pictures of one class."""

    scenes: list[Scene]
    images: Tensor  # float [pictures, 3, height, width], RGB in [0, 1]
    labels: Tensor  # int64 [pictures], all the same


@cache
def class_pictures(class_name: str, first: int = 0, last: int = PICTURES) -> ClassPictures:
    """Some pictures of a class, counted within the class.

    Args:
        class_name: a name of `CLASSES`.
        first: the first one.
        last: the one after the last.

    Example:
        >>> {scene.class_name for scene in class_pictures("robin", 0, 2).scenes}
        {'robin'}
    """
    split = Parts(SPLIT)
    numbers = (split.labels == CLASSES.index(class_name)).nonzero()[first:last, 0]
    scenes = [split.scene(number) for number in numbers.tolist()]
    images = torch.stack([scene.image for scene in scenes])
    return ClassPictures(scenes, images, torch.tensor([scene.label for scene in scenes]))
