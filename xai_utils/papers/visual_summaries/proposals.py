"""What may become a part: the regions of crisp masks, and the object proposals of whole pictures (section 3.2)."""

import ctypes
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from xai_utils.tensors import Progress, check_choice, check_count, check_images, quiet

MODES = ("fast", "quality")


def mask_regions(maps: Tensor, *, threshold: float = 0.5, smallest: float = 0.01) -> list[Tensor]:
    """The separate places that the network needed: connected components of what a crisp mask hides.

    **Source**: section 3.2, "connected components, called here regions". The authors' code takes what is above 128 of
    255 and leaves out what is smaller than 1% of the picture; pixels that touch at a corner belong together.

    Args:
        maps: float [batch, height, width] in [0, 1], high where the mask hides: 1 - keep.
        threshold: what a pixel of a region exceeds, in [0, 1).
        smallest: area of the smallest region, as a share of the picture, 0 to 1.

    Returns:
        For each image bool [regions, height, width], the largest first; none where nothing is large enough. On the
        maps' device.

    Raises:
        TypeError, ValueError: not maps in [0, 1], or a knob out of range.

    Example:
        >>> maps = torch.zeros(2, 10, 10)
        >>> maps[0, 1:3, 1:3], maps[0, 5:9, 5:9], maps[0, 0, 9] = 1, 1, 1
        >>> [regions.sum(dim=(1, 2)).tolist() for regions in mask_regions(maps, smallest=0.02)]
        [[16, 4], []]
    """
    from skimage.measure import label

    _check_hidden(maps)
    _check_share("threshold", threshold)
    _check_share("smallest", smallest)
    least, found = smallest * maps[0].numel(), []
    for picture in (maps > threshold).cpu().numpy():
        pieces, count = label(picture, connectivity=2, return_num=True)
        areas = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
        large = [piece for piece in np.argsort(-areas, kind="stable") if areas[piece] >= least]
        regions = np.stack([pieces == piece + 1 for piece in large]) if large else np.zeros((0, *picture.shape), bool)
        found.append(torch.from_numpy(regions).to(maps.device))
    return found


def object_proposals(
    images: Tensor, *, mode: str = "fast", most: int = 500, smallest: int = 8, progress: Progress = quiet
) -> list[Tensor]:
    """Boxes that may hold an object or a part of one, whatever the network: Selective Search.

    The whole pictures are searched, not the regions: matching needs the context, and `candidates` chooses afterwards.

    **Source**: section 3.2, which names the technique; 500 proposals in the authors' code, which drops every picture
    that has fewer. Here none is dropped. The search is OpenCV's; its order is random within the levels of its
    hierarchy by design, so the draw starts from the same place for every picture.

    Args:
        images: float [batch, 3, height, width], RGB in [0, 1].
        mode: OpenCV's set of colour spaces and similarities: "fast" or "quality" (about three times as many).
        most: proposals of a picture; where there are more, the first of the search's order stay.
        smallest: width and height of the smallest box, pixels; 8 are one for each cell of `hog`.
        progress: wraps the images.

    Returns:
        For each image int64 [boxes, 4]: (left, top, right, bottom), right and bottom exclusive, each once; none at all
        for a picture without any contrast is possible. On the images' device.

    Raises:
        TypeError, ValueError: not pictures of one size, or a knob out of range.

    Example:
        >>> picture = torch.zeros(1, 3, 64, 64)
        >>> picture[0, 0, 10:30, 12:40] = 1
        >>> (object_proposals(picture)[0] == torch.tensor([12, 10, 40, 30])).all(dim=1).any()
        tensor(True)
    """
    import cv2

    check_pictures(images)
    check_choice("mode", mode, MODES)
    check_count("most", most)
    check_count("smallest", smallest)
    search, found = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation(), []
    for picture in progress(_pixels(images)):
        search.setBaseImage(picture)
        search.switchToSelectiveSearchFast() if mode == "fast" else search.switchToSelectiveSearchQuality()
        ctypes.CDLL(None).srand(0)  # OpenCV draws the order with C's rand; its own seed changes nothing
        corners = np.asarray(search.process(), np.int64).reshape(-1, 4)  # left, top, width, height
        corners = corners[(corners[:, 2:] >= smallest).all(axis=1)]
        corners[:, 2:] += corners[:, :2]
        _, first = np.unique(corners, axis=0, return_index=True)
        found.append(torch.from_numpy(corners[np.sort(first)[:most]]).to(images.device))
    return found


def _pixels(images: Tensor) -> list[np.ndarray]:
    """Pictures as OpenCV has them: uint8 [height, width, 3], BGR."""
    pixels = (images.detach().clamp(0, 1) * 255).round().byte().flip(1).permute(0, 2, 3, 1)
    return list(pixels.contiguous().cpu().numpy())


def check_pictures(images: Tensor) -> Tensor:
    """Refuses anything but a batch of RGB pictures in [0, 1]; of pictures that are no batch, names the sizes."""
    if isinstance(images, Sequence) and len({tuple(each.shape) for each in images if isinstance(each, Tensor)}) > 1:
        sizes = " and ".join(sorted({" x ".join(map(str, each.shape[-2:])) for each in images}))
        raise ValueError(f"images: expected pictures of one size as one tensor, got {sizes}")
    return check_images(images)


def check_boxes(boxes: Sequence[Tensor], size: tuple[int, int] | None = None) -> Sequence[Tensor]:
    """Refuses anything but int64 [boxes, 4] with an area for each image, within (height, width) if that is given."""
    for image, some in enumerate(boxes):
        if not isinstance(some, Tensor) or some.dtype != torch.int64:
            raise TypeError(f"boxes: expected an int64 tensor for each image, got {type(some).__name__} {some!r:.60}")
        if some.ndim != 2 or some.shape[1] != 4:
            raise ValueError(f"boxes: expected shape [boxes, 4] for each image, got {list(some.shape)}")
        if not (some[:, 2:] > some[:, :2]).all():
            raise ValueError(f"boxes: expected (left, top, right, bottom) with an area, got others for image {image}")
        if size is not None and not ((some >= 0) & (some <= some.new_tensor(size).flip(0).repeat(2))).all():
            raise ValueError(f"boxes: expected boxes within {size[0]} x {size[1]}, got others for image {image}")
    return boxes


def _check_hidden(maps: Tensor) -> None:
    if not isinstance(maps, Tensor) or not maps.is_floating_point():
        raise TypeError(f"maps: expected a floating-point tensor, got {type(maps).__name__}")
    if maps.ndim != 3 or 0 in maps.shape or not ((maps >= -1e-4) & (maps <= 1 + 1e-4)).all():
        raise ValueError(f"maps: expected values in [0, 1], [batch, height, width], got shape {list(maps.shape)}")


def _check_share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{name}: expected a share in [0, 1), got {value}")
