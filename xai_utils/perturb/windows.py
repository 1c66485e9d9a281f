"""Windows of a picture: where they are, what their values say of the pixels, and copies that differ in one."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from xai_utils.tensors import check_count


def window_corners(size: tuple[int, int], patch: int, stride: int = 1) -> Tensor:
    """The top left corners of all windows; the last ones end at the border, so that every pixel is in one.

    Args:
        size: (height, width) of the picture.
        patch: side of a window, pixels.
        stride: from one window to the next, pixels; at most `patch`.

    Returns:
        int64 [windows, 2], (row, column), row by row.

    Raises:
        ValueError: a patch larger than the picture, a stride larger than the patch.

    Example:
        >>> window_corners((5, 4), patch=3, stride=2).tolist()
        [[0, 0], [0, 1], [2, 0], [2, 1]]
    """
    check_count("patch", patch, high=min(size))
    check_count("stride", stride, high=patch)
    starts = [torch.tensor([*range(0, side - patch, stride), side - patch]) for side in size]
    return torch.cartesian_prod(*starts)


def average_over_windows(values: Tensor, corners: Tensor, patch: int, size: tuple[int, int]) -> Tensor:
    """Gives every pixel the mean of the values of the windows it lies in.

    Args:
        values: float [..., windows].
        corners: int [windows, 2], (row, column).
        patch: side of a window.
        size: (height, width) of the picture.

    Returns:
        float [..., height, width].

    Example:
        >>> corners = window_corners((3, 3), patch=2)
        >>> average_over_windows(torch.tensor([1.0, 3.0, 5.0, 7.0]), corners, 2, (3, 3))
        tensor([[1., 2., 3.],
                [3., 4., 5.],
                [5., 6., 7.]])
    """
    total = values.new_zeros(*values.shape[:-1], *size)
    counts = values.new_zeros(size)
    rows, columns = corners.to(values.device).unbind(1)
    for down in range(patch):
        for right in range(patch):  # windows at one offset never share a pixel
            total[..., rows + down, columns + right] += values
            counts[rows + down, columns + right] += 1
    return total / counts


def patched_outputs(
    ask: Callable[[Tensor], Tensor], image: Tensor, corners: Tensor, contents: Tensor, batch_size: int
) -> Tensor:
    """What a model says about copies of one image that differ from it in one window each.

    Every copy gets a full forward pass. `xai_utils.incremental` gives the same answers and computes only what a
    window changes, for the models that it can follow.

    Args:
        ask: float [batch, channel, height, width] -> answers [batch, ...], freshly allocated.
        image: float [channel, height, width].
        corners: int [copies, 2], (row, column) of each copy's window.
        contents: float [copies, channel, patch, patch].
        batch_size: copies per call of `ask`.

    Returns:
        The answers, [copies, ...].
    """
    with torch.inference_mode():
        return torch.cat([ask(batch) for batch in patched(image, corners, contents, batch_size)])


def patched(image: Tensor, corners: Tensor, contents: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Copies of one image that differ from it in one window each.

    One buffer serves all of them: only the windows are written and restored, so whoever keeps a batch copies it.

    Args:
        image: float [channel, height, width].
        corners: int [copies, 2], (row, column) of each copy's window.
        contents: float [copies, channel, patch, patch].
        batch_size: copies per batch.

    Yields:
        float [at most batch_size, channel, height, width], in channels-last order.
    """
    (channels, height, width), patch = image.shape, contents.shape[-1]
    original = image.permute(1, 2, 0).reshape(-1, channels)  # [height * width, channel]
    pixels = original.repeat(min(batch_size, len(corners)), 1)  # those of all copies, a pixel's channels side by side
    buffer = pixels.view(-1, height, width, channels).permute(0, 3, 1, 2)  # the same memory
    side = torch.arange(patch, device=image.device)
    inside = (side[:, None] * width + side).flatten()  # from a window's first pixel to all of them
    first = torch.arange(len(buffer), device=image.device)[:, None] * (height * width)  # pixel of each copy
    for some, content in zip(corners.split(batch_size), contents.split(batch_size), strict=True):
        window = some[:, :1] * width + some[:, 1:] + inside  # [copies, patch * patch]
        places = (first[: len(some)] + window).flatten()  # one flat index is four times quicker than three
        pixels.index_copy_(0, places, content.permute(0, 2, 3, 1).reshape(-1, channels))
        yield buffer[: len(some)]
        pixels.index_copy_(0, places, original[window.flatten()])
