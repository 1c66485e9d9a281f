"""How one part is painted: an outline, a colour, a texture, a light.

Everything that is drawn in Parts is a `Part`: a closed outline in *object units* (the whole object fits into
[-1, 1] x [-1, 1], x to the right, y down, facing left), painted back to front. Outlines are filled at four times the
resolution and averaged down, so that edges are smooth; textures are sampled in object units, so that they travel,
turn and grow with the object.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from .colours import Colour
from .outlines import Box, Points
from .textures import texture

SUPERSAMPLING = 4
SHIFT = 4  # cv2's fixed point when filling: a sixteenth of a (supersampled) pixel
ACROSS = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)  # Sobel's slope from left to right


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
    """

    classes: tuple[str, str]
    poses: tuple[str, str]
    look: Callable[[np.random.Generator], dict]
    parts: tuple[tuple[str, Callable[[str, int, dict, np.random.Generator], Part]], ...]
    telling: tuple[str, ...]
    traits: tuple[str, str]


def filled(
    outlines: Points | tuple[Points, ...], transform: np.ndarray, size: tuple[int, int], finer: int, line: int
) -> tuple[Box, np.ndarray] | tuple[None, None]:
    """Fills outlines on a grid that may be finer than the canvas.

    Args:
        outlines: one outline or several (their union), object units.
        transform: object units to pixels, float [2, 3].
        size: (height, width) of the canvas.
        finer: how many of the grid's cells go into a pixel, along either side.
        line: how the rim is drawn, `cv2.LINE_8` or `cv2.LINE_AA` (smooth).

    Returns:
        (window, inside): the smallest window of the canvas that holds the outlines, and its part of the grid, uint8
        [height * finer, width * finer], 255 inside; (None, None) if they miss the canvas.
    """
    outlines = outlines if isinstance(outlines, tuple) else (outlines,)
    unit = finer << SHIFT
    points = outlines[0] if len(outlines) == 1 else np.concatenate(outlines)
    to_grid = transform * unit
    half = 1 << SHIFT - 1  # of a cell; its centre is its whole number
    to_grid[:, 2] -= half
    corners = np.rint(cv2.transform(points[None], to_grid)[0]).astype(np.int32)
    x, y, width, height = cv2.boundingRect(corners)
    left, top = max((x + half) // unit - 1, 0), max((y + half) // unit - 1, 0)
    right = min((x + width - 2 + half) // unit + 2, size[1])
    bottom = min((y + height - 2 + half) // unit + 2, size[0])
    if left >= right or top >= bottom:
        return None, None
    inside, start = np.zeros(((bottom - top) * finer, (right - left) * finer), np.uint8), 0
    for outline in outlines:  # one by one: filled together, they would be holes where two overlap
        end = start + len(outline)
        cv2.fillPoly(inside, [corners[start:end]], 255, line, SHIFT, (-left * unit, -top * unit))
        start = end
    return (left, top, right, bottom), inside


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
    window, fine = filled(outlines, transform, size, SUPERSAMPLING, cv2.LINE_8)
    if window is None:
        return None, None
    half = cv2.resize(fine, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # halving twice is the quick way
    alpha = cv2.resize(half, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return window, alpha * np.float32(1 / 255)


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


def blend(under: np.ndarray, colour: np.ndarray | Colour, alpha: np.ndarray) -> None:
    """Lays `colour`, one or one for each pixel, over `under`, in place, as far as `alpha` [height, width] says."""
    over = colour - under if isinstance(colour, np.ndarray) else cv2.subtract((*colour, 0), under)
    over *= cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)  # three full channels are quicker than broadcasting one
    under += over


def clamped(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """The values kept between two bounds, a new array; quicker than `np.clip` on small ones."""
    kept = np.maximum(values, low)
    return np.minimum(kept, high, out=kept)


def lit_colour(colour: Colour, lit: np.ndarray) -> np.ndarray:
    """One colour under a light of varying strength [height, width], float32 [height, width, 3]."""
    return cv2.merge([lit * np.float32(channel) for channel in colour])


def _shaded(part: Part, alpha: np.ndarray, transform: np.ndarray, window: Box, light) -> np.ndarray | Colour:
    """The part's colour under the light: texture, rim, and a highlight; float32 [height, width, 3], or one colour."""
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


def _flat(part: Part, size: tuple[int, int], transform: np.ndarray, window: Box) -> np.ndarray | Colour:
    """The part's colour and texture without light: one colour, or float32 [height, width, 3]."""
    if not part.strength:
        return part.colour if not part.details else np.tile(np.float32(part.colour), (*size, 1))
    lit = 1 + part.strength * 0.5 * texture(part.texture, transform, part.grain, window)
    return clamped(lit_colour(part.colour, lit), 0, 1)


def _paint_detail(colour: np.ndarray, detail: Part, transform: np.ndarray, window: Box, light) -> None:
    """Paints a detail into the colours of its part (whose own alpha clips it later)."""
    moved = transform.copy()
    moved[0, 2] -= window[0]
    moved[1, 2] -= window[1]
    paint(colour, detail, moved, light)
