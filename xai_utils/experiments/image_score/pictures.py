"""The pictures of the semi-supervised experiments: Parts in small, and CIFAR-10."""

from functools import cache

import torch

from xai_utils.experiments.cifar.data import cifar_classes, cifar_pictures
from xai_utils.experiments.semi_supervised import Pictures, Split
from xai_utils.parts import CLASSES, Parts

PARTS, FEW = "parts", "parts-few"  # the second is for a look and for tests
SIZE = (32, 32)  # of Parts' pictures here, in pixels; CIFAR-10's
COUNTS = {PARTS: (3000, 2000, 2000), FEW: (600, 400, 400)}  # labelled, additional (three to two, as in the paper), test
SPLITS = ("train", "additional", "test")


@cache
def split_of(data: str, seed: int) -> Split:
    """Labelled, additional and test pictures of a data set.

    Args:
        data: a name of `COUNTS`, or that of a folder with CIFAR-10's files, of whose training pictures the first three
            fifths are labelled and the rest additional, as in the paper.
        seed: says which of Parts' training and additional pictures are taken.
    """
    if data in COUNTS:
        return Split(*(_drawn(name, some) for name, some in _chosen(seed, COUNTS[data]).items()))
    training, watched, test = (cifar_pictures(data, name) for name in ("train", "validation", "test"))
    border = len(training[1]) * 3 // 5
    known, other = (tuple(part[some] for part in training) for some in (slice(border), slice(border, None)))
    return Split(known, other, tuple(torch.cat(both) for both in zip(watched, test, strict=True)))


@cache
def class_of(seed: int, target: int, additional: int = 0) -> Split:
    """The split of "parts" without the labelled and the test pictures of other classes; quickly drawn.

    Args:
        seed: see `split_of`.
        target: the class.
        additional: how many additional pictures, of all classes.
    """
    labelled, _, test = COUNTS[PARTS]
    chosen = _chosen(seed, (labelled, additional, test))
    labels = {name: Parts(name).labels_kept_apart()[some] for name, some in chosen.items()}
    return Split(*(_drawn(n, some if n == "additional" else some[labels[n] == target]) for n, some in chosen.items()))


def classes_of(data: str) -> list[str]:
    """The names of a data set's classes, in the order of the labels."""
    return list(CLASSES) if data in COUNTS else cifar_classes(data)


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
