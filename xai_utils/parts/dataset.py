"""Parts as data: four splits with fixed seeds, drawn when they are asked for.

| split | scenes | what for |
|---|---|---|
| train | 8,000 | learning |
| additional | 4,000 | pictures whose labels are kept apart (semi-supervised learning) |
| validation | 1,000 | choosing |
| test | 2,000 | reporting |

A split's scenes have seeds of their own and its labels are balanced: every ten scenes in a row show the ten classes
once, in a shuffled order.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from ..tensors import Progress, quiet
from .classes import CLASSES
from .recipe import DIFFICULTY, Difficulty
from .scene import Scene, draw_scene
from .streams import stream

VERSION = 1
SPLITS = {"train": 8_000, "additional": 4_000, "validation": 1_000, "test": 2_000}
UNKNOWN = -1  # the label that items of the additional split carry
_FIRST_SEED = {"train": 1_000_000, "additional": 2_000_000, "validation": 3_000_000, "test": 4_000_000}


class Parts(Dataset):
    """One split of the Parts data: item `i` is (image, label), float32 [3, height, width] in [0, 1] and an int.

    The items of "additional" carry the label -1; what they show is known to `labels_kept_apart` only.

    Args:
        split: a name of `SPLITS`.
        size: (height, width) of the pictures, in pixels.
        bias: the probability that a picture's place is its class's habitat.
        difficulty: how hard the pictures are.

    Raises:
        ValueError: if there is no such split.

    Example:
        >>> image, label = Parts("test")[0]
        >>> tuple(image.shape), CLASSES[label] == Parts("test").scene(0).class_name
        ((3, 128, 128), True)
    """

    def __init__(
        self,
        split: str,
        *,
        size: tuple[int, int] = (128, 128),
        bias: float = 0.0,
        difficulty: Difficulty = DIFFICULTY,
    ):
        if split not in SPLITS:
            raise ValueError(f"split: expected one of {tuple(SPLITS)}, got {split!r}")
        self.split, self.size, self.bias, self.difficulty = split, size, bias, difficulty
        self.classes = CLASSES
        self._labels = _balanced_labels(split)
        self.scene(0)  # a wrong size or bias is reported here, not in the middle of an epoch

    def __len__(self) -> int:
        return SPLITS[self.split]

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        scene = self.scene(index)
        return scene.image, UNKNOWN if self.split == "additional" else scene.label

    def scene(self, index: int) -> Scene:
        """The scene behind an item, with everything that is known about it."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"index: expected one from 0 to {len(self) - 1}, got {index}")
        index = int(index) % len(self)
        return draw_scene(
            _FIRST_SEED[self.split] + index,
            label=int(self._labels[index]),
            size=self.size,
            bias=self.bias,
            difficulty=self.difficulty,
        )

    @property
    def labels(self) -> torch.Tensor:
        """The items' labels, int64 [items]; all -1 in the additional split."""
        return torch.full((len(self),), UNKNOWN) if self.split == "additional" else self.labels_kept_apart()

    def labels_kept_apart(self) -> torch.Tensor:
        """The true labels, int64 [items], also of the additional split."""
        return torch.from_numpy(self._labels.copy())

    def tensors(
        self, *, indices: Iterable[int] | None = None, progress: Progress = quiet
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """All items at once: uint8 [items, 3, height, width] in whole grey levels, and int64 [items] labels.

        Args:
            indices: which items; all of them if it is None.
            progress: wraps the loop over the items, as `tqdm` does.
        """
        indices = list(range(len(self)) if indices is None else indices)
        images = np.empty((len(indices), 3, *self.size), np.uint8)
        for row, index in enumerate(progress(indices)):
            images[row] = self.scene(index).pixels().transpose(2, 0, 1)
        return torch.from_numpy(images), self.labels[indices]


def load_images(
    split: str, indices: Sequence[int], *, size: tuple[int, int] = (128, 128)
) -> tuple[torch.Tensor, torch.Tensor]:
    """A handful of pictures: float32 [items, 3, height, width] in [0, 1] and int64 [items] labels.

    Args:
        split: a name of `SPLITS`.
        indices: which items of the split.
        size: (height, width) of the pictures, in pixels.

    Example:
        >>> images, labels = load_images("test", [0, 1, 2])
        >>> images.shape
        torch.Size([3, 3, 128, 128])
    """
    images, labels = Parts(split, size=size).tensors(indices=indices)
    return images.float() / 255, labels


def _balanced_labels(split: str) -> np.ndarray:
    """Every class once in each ten items, in an order of its own, int64 [items]."""
    rng = stream(_FIRST_SEED[split], "order of the labels")
    return np.concatenate([rng.permutation(len(CLASSES)) for _ in range(SPLITS[split] // len(CLASSES))]).astype(
        np.int64
    )
