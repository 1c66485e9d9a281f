"""From the painted scene to the picture: the strength and colour of the light, then blur, noise and grey levels."""

from functools import lru_cache

import cv2
import numpy as np

from .recipe import Difficulty

NOISE_TILE = 512  # pixels after which the noise repeats


def change_light(canvas: np.ndarray, rng: np.random.Generator, difficulty: Difficulty) -> None:
    """The colour and strength of the light, and the contrast that is left, in place; the same everywhere.

    Args:
        canvas: float32 [height, width, 3].
        rng: draws the light.
        difficulty: its ranges.
    """
    gain = rng.uniform(*difficulty.brightness) * (1 + difficulty.tint * rng.uniform(-1, 1, 3))
    contrast, grey = rng.uniform(*difficulty.contrast), rng.uniform(0.35, 0.6)
    rows = canvas.reshape(len(canvas), -1)  # a row of gains is quicker than broadcasting three
    rows *= np.tile((contrast * gain).astype(np.float32), canvas.shape[1])
    rows += np.float32((1 - contrast) * grey)


def photographed(canvas: np.ndarray, blur: float, noise: float, rng: np.random.Generator) -> np.ndarray:
    """The picture, uint8 [height, width, 3]: blurred, noisy, in whole grey levels. The canvas may change.

    Args:
        canvas: float32 [height, width, 3].
        blur: deviation of the blur, pixels.
        noise: deviation of the noise, grey levels in [0, 1].
        rng: draws the noise.
    """
    radius = blur_radius(blur)
    if radius:
        canvas = cv2.GaussianBlur(canvas, (2 * radius + 1, 2 * radius + 1), blur)
    height, width = canvas.shape[:2]
    top, left = rng.integers(0, NOISE_TILE, 2)
    grain = _noise((height, width))[top : top + height, left : left + width]
    cv2.scaleAdd(grain, noise, canvas, dst=canvas)
    return cv2.convertScaleAbs(np.maximum(canvas, 0, out=canvas), alpha=255)


def blur_radius(blur: float) -> int:
    """Radius in pixels of the kernel that a blur of this deviation uses; below a quarter of a pixel there is none."""
    return int(np.ceil(2.5 * blur)) if blur >= 0.25 else 0


@lru_cache(maxsize=4)
def _noise(size: tuple[int, int]) -> np.ndarray:
    """Normal noise, float32 [512 + height, 512 + width, 3], periodic; pictures of this size cut theirs out of it."""
    tile = np.random.default_rng(1).standard_normal((NOISE_TILE, NOISE_TILE, 3), dtype=np.float32)
    return np.pad(tile, ((0, size[0]), (0, size[1]), (0, 0)), mode="wrap")
