"""Textures: periodic tiles of noise, seen through a map from the picture to the tile."""

from collections.abc import Callable
from functools import cache
from math import floor, log2, sqrt

import cv2
import numpy as np

from .outlines import Box

Rows = tuple[tuple[float, float, float], tuple[float, float, float]]
TILE = 256  # side of a texture tile, pixels
REPEATS = 3  # how often a tile is laid out in either direction, so that windows seldom reach its edge


def _fractal(exponent: float, low: float = 2.0) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return lambda fx, fy: 1 / np.maximum(np.hypot(fx, fy), low) ** exponent * (np.hypot(fx, fy) > 0)


def _grain(across: float, along: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Streaks: fine (up to frequency `across`) vertically, long (up to frequency `along`) horizontally."""
    return lambda fx, fy: np.exp(-((fy / across) ** 2) - (fx / along) ** 2)


TEXTURES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "plain": _fractal(1.6, low=4),
    "feathers": lambda fx, fy: np.exp(-((np.hypot(fx * 0.6, fy) - 12) ** 2) / 18),
    "fur": _grain(across=34, along=7),
    "brushed": _grain(across=60, along=2),
    "wood": _grain(across=14, along=1.2),
    "rough": _fractal(0.9, low=3),
    "cloud": _fractal(2.0, low=1),
    "grass": lambda fx, fy: np.exp(-((fx / 40) ** 2) - (fy / 10) ** 2) * (np.abs(fx) > 3),
    "speckle": lambda fx, fy: np.exp(-((np.hypot(fx, fy) - 26) ** 2) / 50),
}


def _noise(name: str, spectrum: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Periodic noise with the given spectrum over (horizontal, vertical) frequencies, mean 0, deviation 1."""
    rng = np.random.default_rng(list(name.encode()))
    fy, fx = np.meshgrid(np.fft.fftfreq(TILE) * TILE, np.fft.rfftfreq(TILE) * TILE, indexing="ij")
    tile = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((TILE, TILE))) * spectrum(fx, fy), s=(TILE, TILE))
    return ((tile - tile.mean()) / tile.std()).astype(np.float32)


@cache
def texture_tile(name: str, level: int = 0) -> np.ndarray:
    """The texture's tile, float32, periodic, mean 0, deviation 1: 256 x 256, and half of that at each further level."""
    if name not in TEXTURES:
        raise ValueError(f"texture: expected one of {sorted(TEXTURES)}, got {name!r}")
    if level == 0:
        return _noise(name, TEXTURES[name])
    side = TILE >> level
    small = cv2.resize(texture_tile(name), (side, side), interpolation=cv2.INTER_AREA)
    return small / small.std()


@cache
def tiled(name: str, level: int = 0) -> np.ndarray:
    """The texture's tile, repeated in both directions: sampling inside is far quicker than wrapping around an edge."""
    return np.tile(texture_tile(name, level), (REPEATS, REPEATS))


def sampled(name: str, to_tile: Rows, size: tuple[int, int]) -> np.ndarray:
    """The texture seen through an affine map, float32 [height, width].

    Args:
        name: a name of `TEXTURES`.
        to_tile: pixels of the result to pixels of the tile, two rows of three plain numbers (quicker than an array).
        size: (height, width) of the result.
    """
    (a, b, x), (c, d, y) = to_tile
    height, width = size
    # start as many whole tiles earlier or later as brings the window to the first tile
    x -= TILE * floor((x + min(a * width, 0) + min(b * height, 0)) / TILE)
    y -= TILE * floor((y + min(c * width, 0) + min(d * height, 0)) / TILE)
    step = sqrt(abs(a * d - b * c))
    level = int(min(max(log2(step), 0), 3))  # seen from afar, a texture needs a smaller tile: quicker, and no flicker
    near = np.array(((a, b, x), (c, d, y))) / 2**level
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(tiled(name, level), near, (width, height), flags=flags, borderMode=cv2.BORDER_WRAP)


def texture(name: str, transform: np.ndarray, grain: float, window: Box) -> np.ndarray:
    """The texture as the window of the canvas sees it, float32 [height, width].

    Args:
        name: a name of `TEXTURES`.
        transform: object units to pixels, float [2, 3].
        grain: tiles in one object unit.
        window: the part of the canvas wanted, in pixels.
    """
    left, top, right, bottom = window
    (a, b, x), (c, d, y) = (TILE * grain * cv2.invertAffineTransform(transform)).tolist()
    to_tile = (a, b, x + (a * left + b * top)), (c, d, y + (c * left + d * top))
    return sampled(name, to_tile, (bottom - top, right - left))
