"""What training does to pictures before a network sees them: moved, cropped, mirrored."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

MOST_STRETCHED = 2.0  # ratio of a random crop's sides


def padded(images: Tensor, shift: int) -> Tensor:
    """The pictures with their border pixels repeated `shift` times on all sides, in channels-last order."""
    sides = ((0, 0), (0, 0), (shift, shift), (shift, shift))
    return torch.from_numpy(np.pad(images.numpy(), sides, mode="edge")).contiguous(memory_format=torch.channels_last)


def shifted(images: Tensor, shift: int, generator: torch.Generator) -> Tensor:
    """Cuts a window out of each padded picture, so that it is moved by up to `shift` pixels in both directions.

    Args:
        images: uint8 [batch, 3, height + 2 shift, width + 2 shift], as `padded` makes them.
        shift: pixels.
        generator: draws how far each one moves.

    Returns:
        float [batch, 3, height, width] in [0, 1], in channels-last order.
    """
    height, width = (side - 2 * shift for side in images.shape[2:])
    moved = torch.empty(len(images), 3, height, width, dtype=torch.uint8, memory_format=torch.channels_last)
    for number, (down, right) in enumerate(
        torch.randint(2 * shift + 1, (len(images), 2), generator=generator).tolist()
    ):
        moved[number] = images[number, :, down : down + height, right : right + width]
    return moved.float().div_(255)


def cropped(pictures: Tensor, smallest: float, generator: torch.Generator) -> Tensor:
    """Replaces each picture by a random crop of it, stretched to the picture's size: "random resized crops".

    The paper's black boxes were trained so (Szegedy et al., 2015): a crop's area is uniform in [smallest, 1], the
    logarithm of the ratio of its sides uniform too, here up to 2.

    Args:
        pictures: float [batch, 3, height, width].
        smallest: share of the picture in (0, 1]; 1 leaves the pictures as they are.
        generator: draws areas, ratios and places.

    Returns:
        [batch, 3, height, width].
    """
    if smallest == 1:
        return pictures
    area, ratio, down, right = torch.rand(4, len(pictures), generator=generator)
    area, ratio = (smallest + (1 - smallest) * area).sqrt(), MOST_STRETCHED ** (ratio - 0.5)  # ratio: of one side
    height, width = ((area * side).clamp(max=1) for side in (ratio, 1 / ratio))
    centre = torch.stack([(1 - width) * (2 * right - 1), (1 - height) * (2 * down - 1)], dim=1)  # from -1 to 1
    corners = torch.cat([torch.diag_embed(torch.stack([width, height], dim=1)), centre[:, :, None]], dim=2)
    return grid_sample(
        pictures, affine_grid(corners, list(pictures.shape), align_corners=False), padding_mode="border",
        align_corners=False,
    )  # fmt: skip


def flipped(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Mirrors half of the pictures, left to right.

    Args:
        pictures: float [batch, 3, height, width].
        generator: draws which ones.
    """
    heads = torch.rand(len(pictures), 1, 1, 1, generator=generator) < 0.5
    return torch.where(heads, pictures.flip(3), pictures)
