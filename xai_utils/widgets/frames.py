"""Pictures as pixels, and pixels as small files that fit into a page."""

import base64
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..tensors import check_images

FRAME_BYTES, CONTROL_BYTES = 40_000, 1_500_000  # one frame before, all frames of a control after base64
DENSITY = 1.5  # pixels of a frame per pixel of the page: sharp on most screens
ENCODINGS = [(1.0, 82), (0.8, 78), (0.667, 74), (0.55, 70), (0.45, 60), (0.35, 50)]  # (scale, WebP quality), best first


class Frame(NamedTuple):
    """What one setting shows: uint8 [height, width, 3], and what `draw` said about it."""

    pixels: Tensor
    sentence: str


def to_pixels(picture: Any) -> Tensor:
    """Draws a figure, or takes a finished picture, as uint8 [height, width, 3].

    Args:
        picture: a matplotlib figure, or RGB in [0, 1], [3, height, width], which is enlarged to about 480 pixels.
    """
    if isinstance(picture, Tensor):
        image = check_images(picture if picture.ndim == 4 else picture[None])[0].detach().cpu()
        times = max(1, round(480 / image.shape[-1]))
        image = image.repeat_interleave(times, -1).repeat_interleave(times, -2)
        return (image * 255).round().byte().movedim(0, -1).contiguous()
    if not hasattr(picture, "savefig"):
        raise TypeError(f"draw: expected it to return a figure or RGB in [0, 1], got {type(picture).__name__}")
    from PIL import Image

    file = io.BytesIO()
    picture.savefig(file, format="png", dpi=100 * DENSITY, pil_kwargs={"compress_level": 0})
    with Image.open(file) as image:
        size = (image.height, image.width, 3)
        return torch.frombuffer(bytearray(image.convert("RGB").tobytes()), dtype=torch.uint8).view(size)


def encode(frames: Sequence[Frame]) -> list[str]:
    """WebP data URIs of one scale and quality, the best at which each frame and their sum keep below the limits."""
    room = min(FRAME_BYTES, CONTROL_BYTES * 3 // 4 // len(frames))
    for scale, quality in ENCODINGS:
        coded = []
        for frame in frames:
            coded.append(_webp(frame.pixels, scale, quality))
            if len(coded[-1]) > FRAME_BYTES or sum(map(len, coded)) > room * len(frames):
                break
        else:
            return [uri(data, "webp") for data in coded]
    raise ValueError(
        f"draw: expected pictures of at most {room // 1000} kB each for {len(frames)} settings, got more even at "
        f"{ENCODINGS[-1][0]:.0%} of their size; draw smaller figures or use fewer choices"
    )


def _webp(pixels: Tensor, scale: float, quality: int) -> bytes:
    from PIL import Image

    height, width, _ = pixels.shape
    image = Image.fromarray(pixels.numpy()).resize((round(width * scale), round(height * scale)), Image.LANCZOS)
    file = io.BytesIO()
    image.save(file, format="webp", quality=quality, method=4)
    return file.getvalue()


def png_uri(pixels: Tensor) -> str:
    """The pixels as they are, for a live view."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(file, format="png")
    return uri(file.getvalue(), "png")


def uri(data: bytes, kind: str) -> str:
    """A file as the address of an image."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
