"""Points drawn into their pictures."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..tensors import check_images

SCALE = 3  # pictures are enlarged before drawing, so that dots are round and the pixels under them can be told apart
DOT, RIM = (0.84, 0.1, 0.11), (1.0, 1.0, 1.0)


def with_points(images: Tensor, points: Sequence[Tensor], *, radius: float | None = None) -> Tensor:
    """The pictures, paled, with a red dot at every point.

    Args:
        images: RGB in [0, 1], [batch, 3, height, width].
        points: int64 [points, 2] of each image, (row, column).
        radius: of a dot, pixels of the picture; by default a ninetieth of the shorter side.

    Returns:
        RGB in [0, 1] on the CPU, [batch, 3, 3 * height, 3 * width].

    Raises:
        ValueError: points of another number of images.

    Example:
        >>> drawn = with_points(torch.ones(1, 3, 8, 8), [torch.tensor([[2, 5]])])
        >>> drawn.shape, bool(drawn[0, 0, 7, 16] > drawn[0, 1, 7, 16])
        (torch.Size([1, 3, 24, 24]), True)
    """
    import cv2

    if len(points) != len(check_images(images)):
        raise ValueError(f"points: expected those of each image ({len(images)}), got {len(points)}")
    radius = min(images.shape[2:]) / 90 if radius is None else radius
    pale = 0.35 + 0.65 * images.detach().cpu().float()
    large = torch.nn.functional.interpolate(pale, scale_factor=SCALE, mode="nearest").movedim(1, -1).contiguous()
    for picture, places in zip(large.numpy(), points, strict=True):
        for colour, size in ((RIM, radius + 0.4), (DOT, radius)):  # every rim lies below every dot
            for row, column in places.tolist():
                centre = round((column + 0.5) * SCALE * 16) - 8, round((row + 0.5) * SCALE * 16) - 8  # 1/16 pixel
                cv2.circle(picture, centre, round(size * SCALE * 16), colour, -1, cv2.LINE_AA, shift=4)
    return large.movedim(-1, 1).clamp(0, 1)
