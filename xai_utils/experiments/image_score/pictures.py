"""The pictures of the semi-supervised experiments: Parts in small, and CIFAR-10."""

from functools import cache

import torch

from xai_utils.experiments.cifar.data import cifar_classes, cifar_pictures
from xai_utils.experiments.semi_supervised import Pictures, Split
from xai_utils.parts import CLASSES, Parts

PARTS = "parts"
SIZE = (32, 32)  # of Parts' pictures here, in pixels; CIFAR-10's
COUNTS = (3000, 2000, 2000)  # labelled, additional and test pictures of Parts: three to two, as in the paper
SPLITS = ("train", "additional", "test")


@cache
def split_of(data: str, seed: int, counts: tuple[int, int, int] = COUNTS) -> Split:
    """Labelled, additional and test pictures of a data set.

    Args:
        data: "parts", or the name of a folder with CIFAR-10's files, of whose training pictures the first three fifths
            are labelled and the rest additional, as in the paper.
        seed: says which of Parts' training and additional pictures are taken.
        counts: how many of Parts.
    """
    if data == PARTS:
        return Split(*(_drawn(name, some) for name, some in _chosen(seed, counts).items()))
    training, watched, test = (cifar_pictures(data, name) for name in ("train", "validation", "test"))
    border = len(training[1]) * 3 // 5
    known, other = (tuple(part[some] for part in training) for some in (slice(border), slice(border, None)))
    return Split(known, other, tuple(torch.cat(both) for both in zip(watched, test, strict=True)))


@cache
def class_of(seed: int, target: int, counts: tuple[int, int, int] = COUNTS) -> Split:
    """The same split of Parts without the labelled and the test pictures of other classes; quickly drawn.

    Args:
        seed: see `split_of`.
        target: the class.
        counts: of the split before other classes go; 0 additional pictures, for instance.
    """
    found = []
    for name, some in _chosen(seed, counts).items():
        labels = Parts(name, size=SIZE).labels_kept_apart()[some]
        found.append(_drawn(name, some if name == "additional" else some[labels == target]))
    return Split(*found)


def classes_of(data: str) -> list[str]:
    """The names of a data set's classes, in the order of the labels."""
    return list(CLASSES) if data == PARTS else cifar_classes(data)


def _chosen(seed: int, counts: tuple[int, int, int]) -> dict[str, torch.Tensor]:
    """The numbers of Parts' pictures, by split; all seeds share the test pictures."""
    draw = torch.Generator().manual_seed(seed)
    orders = {name: torch.randperm(len(Parts(name)), generator=draw) for name in SPLITS[:2]}
    orders["test"] = torch.arange(len(Parts("test")))
    return {name: order[:count] for (name, order), count in zip(orders.items(), counts, strict=True)}


def _drawn(split: str, some: torch.Tensor) -> Pictures:
    """Some pictures of a split of Parts with their true labels, those kept apart included."""
    pictures = Parts(split, size=SIZE)
    return pictures.tensors(indices=some.tolist())[0], pictures.labels_kept_apart()[some]
