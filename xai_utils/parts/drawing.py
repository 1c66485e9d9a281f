"""How one part is painted: an outline, a colour, a texture, a light.

Everything that is drawn in Parts is a `Part`: a closed outline in *object units* (the whole object fits into
[-1, 1] x [-1, 1], x to the right, y down, facing left), painted back to front. Outlines are filled at four times the
resolution and averaged down, so that edges are smooth; textures are sampled in object units, so that they travel,
turn and grow with the object.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import floor, hypot, log2, sqrt

import cv2
import numpy as np

SUPERSAMPLING = 4
SHIFT = 4  # cv2's fixed point when filling: a sixteenth of a (supersampled) pixel
TILE = 256  # side of a texture tile, pixels
REPEATS = 3  # how often a tile is laid out in either direction, so that windows seldom reach its edge

ACROSS = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)  # Sobel's slope from left to right

Points = np.ndarray  # float [points, 2], (x, y) in object units
Colour = tuple[float, float, float]  # RGB in [0, 1]
Box = tuple[int, int, int, int]  # left, top, right, bottom; right and bottom exclusive


@dataclass(frozen=True)
class Part:
    """One named part of an object: what is filled, and with what.

    Args:
        outline: closed outline, float [points, 2], (x, y) in object units; or several of them, painted as one.
        colour: RGB in [0, 1], before light.
        texture: a name of `TEXTURES`.
        grain: how many texture tiles fit across one object unit (larger is finer).
        strength: contrast of the texture, 0 (none) to about 0.5.
        volume: how much the rim darkens, 0 (flat paper) to 1 (round).
        shine: strength of the highlight on the lit side, 0 to 1.
        details: parts painted onto this one and clipped to it; they have no mask of their own.
    """

    outline: Points | tuple[Points, ...]
    colour: Colour
    texture: str = "plain"
    grain: float = 0.5
    strength: float = 0.15
    volume: float = 0.5
    shine: float = 0.0
    details: tuple["Part", ...] = ()


@dataclass(frozen=True)
class Pair:
    """Two adjacent classes that share all parts but the `telling` ones.

    Every part is drawn by `draw(kind, pose, look, rng)`: `kind` is the class whose version is wanted, `pose` 0 or 1,
    `look` what the whole object shares (drawn once by `look(rng)`), `rng` the part's own stream of randomness.
    Parts that do not tell the classes apart ignore `kind`.

    Args:
        classes: the two class names.
        poses: a phrase for each pose, as captions say it ("perched", "in flight").
        look: draws what the parts share (a colour scheme, proportions) from the object's own stream.
        parts: (name, draw) pairs in painting order, back to front.
        telling: the parts that differ between the two classes.
        traits: for each class, the phrase that captions add ("with a red breast").
        backgrounds: the backgrounds on which the classes naturally appear.
    """

    classes: tuple[str, str]
    poses: tuple[str, str]
    look: Callable[[np.random.Generator], dict]
    parts: tuple[tuple[str, Callable[[str, int, dict, np.random.Generator], Part]], ...]
    telling: tuple[str, ...]
    traits: tuple[str, str]
    backgrounds: tuple[str, ...]


# --- outlines ---------------------------------------------------------------------------------------------------


def polygon(*points: tuple[float, float]) -> Points:
    """A polygon with straight sides through the given (x, y) points."""
    return np.array(points, dtype=np.float64)


def smooth(*points: tuple[float, float], steps: int = 6) -> Points:
    """A closed curve through the given (x, y) points (Catmull-Rom, `steps` points for each side)."""
    p = np.array(points, dtype=np.float64)
    ring = np.concatenate([p[-1:], p, p[:2]])
    curve = sum(weight * ring[k : k + len(p)] for k, weight in enumerate(_catmull_rom(steps)))  # [steps, points, 2]
    return curve.transpose(1, 0, 2).reshape(-1, 2)


@cache
def _catmull_rom(steps: int) -> np.ndarray:
    """How much each of four neighbours weighs along the side between the middle two, float [4, steps, 1, 1]."""
    t = np.linspace(0, 1, steps, endpoint=False)
    weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3)
    return 0.5 * np.stack(weights)[:, :, None, None]


def ellipse(x: float, y: float, width: float, height: float, angle: float = 0.0, points: int = 28) -> Points:
    """An ellipse around (x, y) with the given half-axes, turned by `angle` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return _circle(points) @ np.array([[width * c, width * s], [-height * s, height * c]]) + (x, y)


@cache
def _circle(points: int) -> Points:
    t = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([np.cos(t), np.sin(t)], axis=1)


def box(left: float, top: float, right: float, bottom: float, corner: float = 0.0) -> Points:
    """A rectangle with rounded corners of radius `corner`."""
    if corner == 0:
        return polygon((left, top), (right, top), (right, bottom), (left, bottom))
    t = np.linspace(0, np.pi / 2, 5)
    arc = corner * np.stack([np.cos(t), np.sin(t)], axis=1)
    centres = ((right, bottom), (left, bottom), (left, top), (right, top))
    inward = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return np.concatenate(
        [
            turned(arc, quarter * np.pi / 2) + np.array(c) + corner * np.array(i)
            for quarter, (c, i) in enumerate(zip(centres, inward, strict=True))
        ]
    )


def stroke(*points: tuple[float, float], width: float | Sequence[float]) -> Points:
    """A line through the given points as an outline; `width` in object units, one value or one for each point."""
    p = np.array(points, dtype=np.float64).tolist()  # plain floats: for a few points quicker than arrays
    widths = width if isinstance(width, Sequence | np.ndarray) else (width,) * len(p)
    left, right = [], []
    for (x0, y0), (x, y), (x1, y1), across in zip(p[:1] + p[:-1], p, p[1:] + p[-1:], widths, strict=True):
        half = across / 2 / hypot(x1 - x0, y1 - y0)
        dx, dy = (y0 - y1) * half, (x1 - x0) * half
        left.append((x + dx, y + dy))
        right.append((x - dx, y - dy))
    return np.array(left + right[::-1], dtype=np.float64)


def turned(points: Points, angle: float, centre: tuple[float, float] = (0.0, 0.0)) -> Points:
    """The points turned by `angle` radians (clockwise on the screen) around `centre`."""
    c, s = np.cos(angle), np.sin(angle)
    return (points - centre) @ np.array([[c, s], [-s, c]]) + centre


def along(colours: Sequence[Colour], t: float) -> Colour:
    """The colour at `t` in [0, 1] on the way through the given colours."""
    stop = t * (len(colours) - 1)
    i = min(int(stop), len(colours) - 2)
    return mix(colours[i], colours[i + 1], stop - i)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour between two others: `share` 0 is the first, 1 the second."""
    return tuple((1 - share) * a + share * b for a, b in zip(first, second, strict=True))


# --- textures ---------------------------------------------------------------------------------------------------


def _noise(name: str, spectrum: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Periodic noise with the given spectrum over (horizontal, vertical) frequencies, mean 0, deviation 1."""
    rng = np.random.default_rng(list(name.encode()))
    fy, fx = np.meshgrid(np.fft.fftfreq(TILE) * TILE, np.fft.rfftfreq(TILE) * TILE, indexing="ij")
    tile = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((TILE, TILE))) * spectrum(fx, fy), s=(TILE, TILE))
    return ((tile - tile.mean()) / tile.std()).astype(np.float32)


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


def sampled(name: str, to_tile: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The texture seen through an affine map, float32 [height, width].

    Args:
        name: a name of `TEXTURES`.
        to_tile: pixels of the result to pixels of the tile, float [2, 3].
        size: (height, width) of the result.
    """
    (a, b, x), (c, d, y) = to_tile.tolist()
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
    to_tile = TILE * grain * cv2.invertAffineTransform(transform)
    to_tile[:, 2] += to_tile[:, 0] * left + to_tile[:, 1] * top
    return sampled(name, to_tile, (bottom - top, right - left))


# --- painting ---------------------------------------------------------------------------------------------------


def in_pixels(outlines: Points | tuple[Points, ...], transform: np.ndarray, size: tuple[int, int], finer: int):
    """Where outlines lie on the canvas, in cv2's fixed point numbers.

    Args:
        outlines: one outline or several, object units.
        transform: object units to pixels, float [2, 3].
        size: (height, width) of the canvas.
        finer: how many times finer than the canvas the grid is that they are filled on.

    Returns:
        (polygons, window): int32 [points, 2] for each outline, in 1 / 2**SHIFT of the grid's cells from the window's
        corner; and the smallest window of the canvas that holds them all, None if they miss the canvas.
    """
    outlines = outlines if isinstance(outlines, tuple) else (outlines,)
    unit = finer << SHIFT
    points = outlines[0] if len(outlines) == 1 else np.concatenate(outlines)
    to_grid = transform * unit
    half = 1 << SHIFT - 1  # of a cell; its centre is its whole number
    to_grid[:, 2] -= half
    corners = np.rint(points @ to_grid[:, :2].T + to_grid[:, 2]).astype(np.int32)
    x, y, width, height = cv2.boundingRect(corners)
    left, top = max((x + half) // unit - 1, 0), max((y + half) // unit - 1, 0)
    right, bottom = (
        min((end + half) // unit + 2, side) for end, side in ((x + width - 2, size[1]), (y + height - 2, size[0]))
    )
    if left >= right or top >= bottom:
        return [], None
    corners -= np.array((left * unit, top * unit), np.int32)
    ends = list(accumulate(map(len, outlines)))
    return [corners[start:end] for start, end in zip([0, *ends], ends, strict=False)], (left, top, right, bottom)


def coverage(outlines: Points | tuple[Points, ...], transform: np.ndarray, size: tuple[int, int]):
    """The share of each pixel that lies inside the outline.

    Args:
        outlines: one outline or several (their union), object units.
        transform: object units to pixels, float [2, 3].
        size: (height, width) of the canvas.

    Returns:
        (window, alpha): the smallest window of the canvas that holds the outline, and float32 [height, width] in
        [0, 1] inside it; (None, None) if the outline misses the canvas.
    """
    polygons, window = in_pixels(outlines, transform, size, SUPERSAMPLING)
    if window is None:
        return None, None
    left, top, right, bottom = window
    fine = np.zeros(((bottom - top) * SUPERSAMPLING, (right - left) * SUPERSAMPLING), np.uint8)
    for corners in polygons:
        cv2.fillPoly(fine, [corners], 255, lineType=cv2.LINE_8, shift=SHIFT)
    half = cv2.resize(fine, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # halving twice is the quick way
    alpha = cv2.resize(half, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    return window, alpha.astype(np.float32) * np.float32(1 / 255)


def paint(canvas: np.ndarray, part: Part, transform: np.ndarray, light: tuple[float, float]):
    """Paints a part onto the canvas, in place.

    Args:
        canvas: float32 [height, width, 3], RGB in [0, 1].
        part: what to paint.
        transform: object units to pixels, float [2, 3].
        light: where the light comes from, (x, y) of about unit length on the screen; (-0.5, -0.8) is above left.

    Returns:
        (window, alpha) as `coverage` gives them.
    """
    window, alpha = coverage(part.outline, transform, canvas.shape[:2])
    if window is None:
        return None, None
    left, top, right, bottom = window
    colour = _shaded(part, alpha, transform, window, light)
    for detail in part.details:
        _paint_detail(colour, detail, transform, window, light)
    blend(canvas[top:bottom, left:right], colour, alpha)
    return window, alpha


def blend(under: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> None:
    """Lays `colour` over `under`, in place, as far as `alpha` [height, width] says."""
    over = colour - under
    over *= cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)  # three full channels are quicker than broadcasting one
    under += over


def clamped(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """The values kept between two bounds, a new array; quicker than `np.clip` on small ones."""
    kept = np.maximum(values, low)
    return np.minimum(kept, high, out=kept)


def lit_colour(colour: Colour, lit: np.ndarray) -> np.ndarray:
    """One colour under a light of varying strength [height, width], float32 [height, width, 3]."""
    return cv2.merge([lit * np.float32(channel) for channel in colour])


def _shaded(part: Part, alpha: np.ndarray, transform: np.ndarray, window: Box, light) -> np.ndarray:
    """The part's colour under the light, float32 [height, width, 3]: texture, rim, and a highlight."""
    if not part.volume and not part.shine:  # a flat detail needs no light
        return _flat(part, alpha.shape, transform, window)
    height, width = alpha.shape
    reach = max(3, int(0.35 * min(height, width)) | 1)  # pixels over which a rim counts as near
    inside = cv2.blur(alpha, (reach, reach), borderType=cv2.BORDER_CONSTANT)
    lit = (inside - 0.85) * (0.7 * part.volume)
    # across the rim, light gathers on the side that faces it
    slope = cv2.filter2D(inside, cv2.CV_32F, (ACROSS * light[0] + ACROSS.T * light[1]) * (-reach / 8))
    cv2.scaleAdd(clamped(slope, -0.7, 0.7), 0.45 * part.volume, lit, dst=lit)
    if part.strength:
        cv2.scaleAdd(texture(part.texture, transform, part.grain, window), 0.5 * part.strength, lit, dst=lit)
    lit += 1
    shaded = lit_colour(part.colour, lit)
    if part.shine:
        shaded += cv2.cvtColor(clamped(slope, 0, 1) * np.float32(part.shine), cv2.COLOR_GRAY2RGB)
    return clamped(shaded, 0, 1)


def _flat(part: Part, size: tuple[int, int], transform: np.ndarray, window: Box) -> np.ndarray:
    """The part's colour and texture without light, float32 [height, width, 3]."""
    colour = np.asarray(part.colour, np.float32)
    if not part.strength:
        return np.broadcast_to(colour, (*size, 3)) if not part.details else np.tile(colour, (*size, 1))
    lit = 1 + part.strength * 0.5 * texture(part.texture, transform, part.grain, window)
    return clamped(lit_colour(part.colour, lit), 0, 1)


def _paint_detail(colour: np.ndarray, detail: Part, transform: np.ndarray, window: Box, light) -> None:
    """Paints a detail into the colours of its part (whose own alpha clips it later)."""
    moved = transform.copy()
    moved[:, 2] -= window[:2]
    paint(colour, detail, moved, light)
