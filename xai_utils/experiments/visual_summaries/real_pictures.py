"""The real pictures of chapter four: dogs and other classes of ImageNet, and CIFAR-10 enlarged."""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from xai_utils.experiments.cifar.data import cifar_classes, cifar_pictures
from xai_utils.experiments.cifar.network import load_classifier
from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.pictures import IMAGENET, Boxed, boxed_pictures, data_folder
from xai_utils.models import predict
from xai_utils.pictures import labelled_pictures
from xai_utils.tensors import check_choice

NETWORKS = ("cifar/resnet-cifar10-subset", "resnet18")
OF_IMAGENET = ("dogs", "others")
SOURCES = {"cifar/resnet-cifar10-subset": ("automobile",), "resnet18": OF_IMAGENET}
DOGS = range(151, 269)  # of ImageNet's classes
CIFAR, SCALE = "cifar10-subset", 4  # each pixel becomes a square of so many a side, as Selective Search needs it


class Enlarged(nn.Module):
    """A classifier of small pictures that is shown them enlarged: it averages squares of `SCALE` pixels a side first.

    Args:
        model: takes [batch, 3, height, width].
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """[batch, 3, SCALE * height, SCALE * width] -> logits."""
        return self.model(avg_pool2d(images, SCALE))


@cache
def network_of(model: str) -> nn.Module:
    """A network of `NETWORKS` in eval mode, as it takes the pictures of `real_pictures`."""
    return Enlarged(load_classifier(model)).eval() if model.startswith("cifar/") else classifier(model)


def real_pictures(source: str, numbers: Sequence[int]) -> Boxed:
    """Some real pictures with their classes, and boxes where those are known.

    Args:
        source: "dogs" or "others" of the 1,000 pictures of ImageNet; or a class of CIFAR-10.
        numbers: of the pictures, in the folder or in CIFAR's test split.

    Returns:
        The pictures, 224 pixels a side, or 32 * `SCALE`; no boxes for those of CIFAR.

    Raises:
        FileNotFoundError: `$XAI_DATA` has no such pictures.
    """
    if source in OF_IMAGENET:
        return boxed_pictures(IMAGENET, numbers, (224, 224))
    images, labels = cifar_pictures(CIFAR, "test")
    images = interpolate(images[list(numbers)].float() / 255, scale_factor=SCALE, mode="bicubic").clamp(0, 1)
    return Boxed(images, labels[list(numbers)], [torch.zeros(0, 4)] * len(images))


def pictures_of(source: str) -> list[int]:
    """The numbers of a source's pictures, in order; of "others" one for each class that is no dog.

    Raises:
        ValueError: neither "dogs" nor "others" nor a class of CIFAR-10.
    """
    if source in OF_IMAGENET:
        labels = [picture.label for picture in labelled_pictures(data_folder() / IMAGENET)]
        if source == "dogs":
            return [number for number, label in enumerate(labels) if label in DOGS]
        return sorted({label: n for n, label in reversed(list(enumerate(labels))) if label not in DOGS}.values())
    check_choice("source", source, cifar_classes(CIFAR))
    wanted = cifar_classes(CIFAR).index(source)
    return (cifar_pictures(CIFAR, "test")[1] == wanted).nonzero()[:, 0].tolist()


@cache
def right_pictures(model: str, source: str, count: int) -> list[int]:
    """The first numbers of a source that the network gives to their class, as the authors' code takes them.

    Args:
        model: a name of `NETWORKS`.
        source: as `pictures_of` takes it.
        count: how many.

    Raises:
        ValueError: there are fewer.
    """
    numbers = pictures_of(source)[: 4 * count]
    shown = real_pictures(source, numbers)
    answers = predict(network_of(model), shown.images, batch_size=16).argmax(dim=1)
    right = [number for number, yes in zip(numbers, answers == shown.labels, strict=True) if yes]
    if len(right) < count:
        raise ValueError(f"count: expected at most {len(right)} pictures of {source!r} that are right, got {count}")
    return right[:count]


def in_boxes(boxes: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    """Which pixels lie in some box, by their centres: bool [batch, height, width].

    Example:
        >>> in_boxes([torch.tensor([[1, 0, 3, 1]])], (2, 3)).int()
        tensor([[[0, 1, 1],
                 [0, 0, 0]]], dtype=torch.int32)
    """
    found = torch.zeros(len(boxes), *size, dtype=torch.bool)
    rows, columns = (torch.arange(side)[:, None] + 0.5 for side in size)
    for inside, some in zip(found, boxes, strict=True):
        left, top, right, bottom = some.T
        down, across = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
        inside |= (down[:, None] & across[None]).any(dim=2)
    return found
