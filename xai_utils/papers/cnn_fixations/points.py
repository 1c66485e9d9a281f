"""What is made of fixations: maps, boxes, and which of them to leave out (section IV of the paper)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from xai_utils.perturb import gaussian_blur
from xai_utils.tensors import check_count


def fixation_map(points: Sequence[Tensor], size: tuple[int, int], *, sigma: float | None = None) -> Tensor:
    """How dense the fixations are: each point is one, blurred by a Gaussian.

    **Source**: fig. 1 and 4 of the paper, which give no width. The authors' code blurs pictures of about 224 pixels
    with sigma 20 and a kernel as wide as the picture, reflects at the border, and scales the result to its maximum.

    Args:
        points: int64 [points, 2] of each image, (row, column), as `cnn_fixations` returns them.
        size: (height, width) of the pictures.
        sigma: of the Gaussian, pixels; by default the authors' share of the shorter side, 20 / 224.

    Returns:
        float [batch, height, width], in [0, 1]; 0 everywhere for an image without points.

    Raises:
        TypeError, ValueError: not points of a picture of that size, or a sigma that is not positive.

    Example:
        >>> maps = fixation_map([torch.tensor([[8, 3]])], (16, 16), sigma=2.0)
        >>> maps.shape, divmod(int(maps.argmax()), 16)
        (torch.Size([1, 16, 16]), (8, 3))
    """
    size = check_size(size)
    sigma = min(size) * 20 / 224 if sigma is None else sigma
    if not sigma > 0:
        raise ValueError(f"sigma: expected a positive number of pixels, got {sigma}")
    check_points(points, size)
    counts = torch.zeros(len(points), *size, device=_device(points))
    for image, places in enumerate(points):
        counts[image, places[:, 0], places[:, 1]] = 1
    maps = gaussian_blur(counts, sigma)
    return maps / maps.amax(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(maps.dtype).tiny)


def remove_outliers(
    points: Sequence[Tensor], size: tuple[int, int], *, share: float = 0.05, radius: float = 0.1
) -> list[Tensor]:
    """Leaves out fixations that few others are near to.

    **Source**: section IV and IV-A of the paper: 5% of the fixations within 9 to 11% of the diagonal. As in the
    authors' code a point counts among its own neighbours, nearer means strictly nearer, and more means strictly more.

    Args:
        points: int64 [points, 2] of each image, (row, column).
        size: (height, width) of the pictures.
        share: of all points that must be near for a point to stay, 0 to 1.
        radius: how near, as a share of the picture's diagonal.

    Returns:
        For each image the points that stay; all of them where none would.

    Raises:
        TypeError, ValueError: not points of a picture of that size, or a share or radius out of range.

    Example:
        >>> crowd = torch.tensor([[row, 5] for row in range(30)] + [[90, 90]])
        >>> remove_outliers([crowd], (100, 100))[0].max()
        tensor(29)
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share: expected a share of the points in 0..1, got {share}")
    if not radius > 0:
        raise ValueError(f"radius: expected a positive share of the diagonal, got {radius}")
    size, kept = check_size(size), []
    for places in check_points(points, size):
        near = torch.cdist(places.double(), places.double()) < radius * math.hypot(*size)
        stay = near.sum(dim=1) > share * len(places)
        kept.append(places[stay] if stay.any() else places)
    return kept


def points_to_box(points: Sequence[Tensor]) -> Tensor:
    """The tightest box around each image's fixations.

    **Source**: section IV-A of the paper, "the best fitting bounding box"; its code is not public.

    Args:
        points: int64 [points, 2] of each image, (row, column).

    Returns:
        int64 [batch, 4]: (left, top, right, bottom), right and bottom exclusive, so that one point gives a box of one
        pixel; all zero for an image without points.

    Raises:
        TypeError, ValueError: not points.

    Example:
        >>> points_to_box([torch.tensor([[3, 7], [5, 2]]), torch.empty(0, 2, dtype=torch.int64)])
        tensor([[2, 3, 8, 6],
                [0, 0, 0, 0]])
    """
    check_points(points)
    boxes = torch.zeros(len(points), 4, dtype=torch.int64, device=_device(points))
    for image, places in enumerate(points):
        if len(places):
            boxes[image, :2] = places.amin(dim=0).flip(0)
            boxes[image, 2:] = places.amax(dim=0).flip(0) + 1
    return boxes


def _device(points: Sequence[Tensor]) -> torch.device | None:
    return points[0].device if len(points) else None


def check_points(points: Sequence[Tensor], size: tuple[int, int] | None = None) -> Sequence[Tensor]:
    """Refuses anything but int64 [points, 2] for each image, within a picture of that size if one is given."""
    for image, places in enumerate(points):
        if not isinstance(places, Tensor) or places.dtype != torch.int64:
            raise TypeError(
                f"points: expected an int64 tensor for each image, got {type(places).__name__} {places!r:.60}"
            )
        if places.ndim != 2 or places.shape[1] != 2:
            raise ValueError(f"points: expected shape [points, 2] for each image, got {list(places.shape)}")
        if size is not None and not ((places >= 0) & (places < places.new_tensor(size))).all():
            raise ValueError(f"points: expected places within {size[0]} x {size[1]}, got others for image {image}")
    return points


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    """Refuses anything but two positive ints, (height, width)."""
    if not isinstance(size, Sequence):
        raise TypeError(f"size: expected (height, width), got {size!r}")
    if len(size) != 2:
        raise ValueError(f"size: expected (height, width), got {tuple(size)}")
    return check_count("size", size[0]), check_count("size", size[1])
