"""The pictures of the semi-supervised experiments: Parts in small, and CIFAR-10."""

from functools import cache

import torch
from joblib import Memory

from xai_utils.experiments.cifar.data import cifar_classes, cifar_pictures
from xai_utils.experiments.semi_supervised import Pictures, Split
from xai_utils.parts import CLASSES, Parts

SIDE = 32  # pixels, as CIFAR-10's
LABELLED, ADDITIONAL = 3000, 2000  # of Parts: three to two, as in the paper
PARTS = "parts"

_drawn = Memory(".cache/image_score", verbose=0)


@cache
def split_of(data: str, seed: int) -> Split:
    """Labelled, additional and test pictures of a data set.

    Args:
        data: "parts" (pictures of 32 x 32 pixels; the seed also says which ones are labelled and additional), or the
            name of a folder with CIFAR-10's files, of whose training pictures the first three fifths are labelled and
            the rest additional, as in the paper.
        seed: of the choice among Parts' pictures.
    """
    if data != PARTS:
        training, watched, test = (cifar_pictures(data, name) for name in ("train", "validation", "test"))
        border = len(training[1]) * 3 // 5
        known, other = ([part[:border] for part in training], [part[border:] for part in training])
        return Split(tuple(known), tuple(other), tuple(torch.cat(both) for both in zip(watched, test, strict=True)))
    draw = torch.Generator().manual_seed(seed)
    chosen = {
        name: torch.randperm(len(small_parts(name)[1]), generator=draw)[:count]
        for name, count in (("train", LABELLED), ("additional", ADDITIONAL))
    }
    known, other = (tuple(part[some] for part in small_parts(name)) for name, some in chosen.items())
    return Split(known, other, small_parts("test"))


def classes_of(data: str) -> list[str]:
    """The names of a data set's classes, in the order of the labels."""
    return list(CLASSES) if data == PARTS else cifar_classes(data)


@cache
def small_parts(split: str) -> Pictures:
    """A split of Parts in 32 x 32 pixels with its true labels, those kept apart included; drawn once and kept."""
    return _draw(split, SIDE)


@_drawn.cache
def _draw(split: str, side: int) -> Pictures:
    pictures = Parts(split, size=(side, side))
    return pictures.tensors()[0], pictures.labels_kept_apart()
