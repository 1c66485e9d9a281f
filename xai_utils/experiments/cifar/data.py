"""CIFAR-10's pictures in their original layout: all of them, or a selection that was stored the same way."""

import os
import pickle
from pathlib import Path

import torch
from torch import Tensor

from xai_utils.tensors import check_choice

FULL, SUBSET = "cifar10", "cifar10-subset"  # folders of $XAI_DATA: all 60,000 pictures, and a selection of them
SPLITS = ("train", "validation", "test")
WATCHED = 4  # one test picture in so many is watched and tuned on, and never counted

Pictures = tuple[Tensor, Tensor]


def cifar_folder(data: str) -> Path:
    """Where the pictures of a name lie: `$XAI_DATA/NAME`, or `.cache/NAME` without that variable."""
    return Path(os.environ.get("XAI_DATA", ".cache")) / data


def download(data: str = FULL) -> Path:
    """Fetches all of CIFAR-10 (170 MB) by torchvision, which checks every file; returns its folder."""
    from torchvision.datasets import CIFAR10

    CIFAR10(cifar_folder(data), download=True)
    return cifar_folder(data)


def cifar_pictures(data: str, split: str, first: int = 0, last: int | None = None) -> Pictures:
    """Some pictures of a split with their classes.

    CIFAR-10 has no validation pictures; the first quarter of its test pictures serves as such, and "test" is the rest.

    Args:
        data: name of a folder, see `cifar_folder`, that holds `cifar-10-batches-py` as the authors pack it; there may
            be fewer pictures in it.
        split: "train", "validation" or "test".
        first: number of the first picture in the split.
        last: number of the one after the last; all by default.

    Returns:
        uint8 [pictures, 3, 32, 32] and int64 [pictures].

    Raises:
        FileNotFoundError: no such folder, or files are missing in it; says how to get them.
        ValueError: another split, a range beyond the split, files that hold something else.
    """
    check_choice("split", split, SPLITS)
    images, labels = _all_pictures(data, training=split == "train")
    watched = len(labels) // WATCHED
    start, stop = {"train": (0, len(labels)), "validation": (0, watched), "test": (watched, len(labels))}[split]
    last = stop - start if last is None else last
    if not 0 <= first < last <= stop - start:
        raise ValueError(f"first, last: expected a range within the {stop - start} of {split!r}, got {first} to {last}")
    return images[start + first : start + last], labels[start + first : start + last]


def cifar_classes(data: str) -> list[str]:
    """The names of the classes, in the order of the labels."""
    return _dataset(data, training=False).classes


def _all_pictures(data: str, training: bool) -> Pictures:
    dataset = _dataset(data, training)
    images, labels = torch.from_numpy(dataset.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(dataset.targets)
    if len(images) != len(labels) or not 0 <= int(labels.min()) <= int(labels.max()) < len(dataset.classes):
        wanted = f"a label below {len(dataset.classes)} for each picture"
        raise ValueError(f"data: expected {wanted} in {cifar_folder(data)}, got {len(labels)} for {len(images)}")
    return images, labels


def _dataset(data: str, training: bool):
    """torchvision's reader, which here takes files of any checksum: a selection has others than the whole."""
    from torchvision.datasets import CIFAR10

    class AnyChecksum(CIFAR10):
        train_list = [[name, None] for name, _ in CIFAR10.train_list]
        test_list = [[name, None] for name, _ in CIFAR10.test_list]
        meta = CIFAR10.meta | {"md5": None}

    folder = cifar_folder(data)
    names = [name for name, _ in CIFAR10.train_list + CIFAR10.test_list] + [CIFAR10.meta["filename"]]
    missing = [name for name in names if not (folder / CIFAR10.base_folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"data: expected CIFAR-10 in {folder / CIFAR10.base_folder}, where {', '.join(missing)} is missing; "
            f"`--download` fetches it into $XAI_DATA/{FULL}"
        )
    try:
        return AnyChecksum(folder, train=training)
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"data: expected CIFAR-10's files in {folder}, got others ({error!r})") from error
