"""What places are made of: gradients, textured grounds, flat shapes, clouds, hills, houses and firs.

Coordinates are shares of the picture's height: (0, 0) is the top left corner and (width / height, 1) the bottom right.
"""

from functools import cache

import cv2
import numpy as np

from .colours import BLACK, PALETTE, Colour, mix
from .drawing import blend, filled, lit_colour
from .outlines import box, polygon, smooth
from .textures import TILE, sampled, texture, tiled

Rng = np.random.Generator
Size = tuple[int, int]  # height, width


def rows(size: Size, *stops: tuple[float, Colour]) -> np.ndarray:
    """A vertical gradient through (height, colour) stops, float32 [height, width, 3]."""
    y = (np.arange(size[0]) + 0.5) / size[0]
    at, colours = zip(*stops, strict=True)
    column = np.array([np.interp(y, at, channel) for channel in zip(*colours, strict=True)], np.float32).T
    return cv2.resize(column[:, None], size[::-1], interpolation=cv2.INTER_NEAREST)


def upright(name: str, size: Size, grain: Rng, tiles: float | tuple[float, float]) -> np.ndarray:
    """A texture seen straight on, float32 [height, width]; `tiles` of it (across, down) fit into its height."""
    across, down = (t * TILE / size[0] for t in (tiles if isinstance(tiles, tuple) else (tiles, tiles)))
    x, y = grain.uniform(0, TILE, 2).tolist()
    return sampled(name, ((across, 0, x), (0, down, y)), size)


def lying(name: str, size: Size, horizon: float, grain: Rng, tiles: float) -> np.ndarray:
    """A texture lying on the ground in perspective, float32 [rows below the horizon, width]; it fades far away.

    Args:
        name: a name of `TEXTURES`.
        size: (height, width) of the picture.
        horizon: its height, in shares of the picture's.
        grain: draws where the texture begins.
        tiles: how many tiles fit across the picture at its lower edge.
    """
    height, width = size
    top = int(horizon * height)
    depth, start = height - top, grain.uniform(0, TILE, 2)
    scale, middle = tiles * TILE * depth / width, start[0] + TILE
    # w grows with the distance below the horizon; u = x / w and v = 1 / w are the ground's own coordinates
    to_ground = np.array([
        [scale, middle, middle - scale * width / 2],
        [0, start[1], start[1] + 0.6 * scale * width],
        [0, 1, 1],
    ])  # fmt: skip
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(tiled(name), to_ground, (width, depth), flags=flags, borderMode=cv2.BORDER_WRAP)
    seen *= np.linspace(0.05, 1, depth, dtype=np.float32)[:, None] ** 0.7
    return seen


def modulate(canvas: np.ndarray, relief: np.ndarray) -> None:
    """Makes the canvas lighter where the relief [height, width] is above zero and darker below, in place."""
    canvas *= cv2.cvtColor(1 + relief, cv2.COLOR_GRAY2RGB)


def ground(canvas: np.ndarray, horizon: float, far: Colour, near: Colour, relief: np.ndarray, strength: float) -> None:
    """Fills the canvas below the horizon: from the far colour to the near one, with the relief as light and dark."""
    depth = len(relief)
    ramp = rows((depth, canvas.shape[1]), (0.0, far), (1.0, near))
    modulate(ramp, strength * relief)
    canvas[canvas.shape[0] - depth :] = ramp


@cache
def unit(size: Size) -> np.ndarray:
    """Shares of the picture's height to pixels."""
    return np.array([[size[0], 0, 0], [0, size[0], 0]], dtype=np.float64)


def put(
    canvas: np.ndarray, outlines, colour: Colour, name: str = "rough", grain: float = 1.5, strength: float = 0.12
) -> None:
    """Paints a flat, textured shape in shares of the picture's height; quicker and plainer than `paint`."""
    size = canvas.shape[:2]
    window, inside = filled(outlines, unit(size), size, 1, cv2.LINE_AA)
    if window is None:
        return
    left, top, right, bottom = window
    paint = colour
    if strength:
        relief = texture(name, unit(size), grain, window)
        paint = lit_colour(colour, 1 + 0.5 * strength * relief)
    blend(canvas[top:bottom, left:right], paint, inside * np.float32(1 / 255))


def clouds(canvas: np.ndarray, composition: Rng, grain: Rng, below: float = 1.0) -> None:
    """Blends lit clouds into the sky above the given height."""
    rows = max(1, int(below * canvas.shape[0]))
    height, width = canvas.shape[:2]
    amount, tiles = composition.uniform(-0.5, 0.7), composition.uniform(0.35, 0.6)
    thick = upright("cloud", (height, width), grain, (tiles, 1.7 * tiles))[:rows]
    thick += np.float32(amount)
    white = np.float32(0.97) - 0.25 * np.clip(thick - 0.9, 0, 1)  # thick clouds are darker in the middle
    blend(canvas[:rows], cv2.cvtColor(white, cv2.COLOR_GRAY2RGB), 0.85 * np.clip(0.55 * thick, 0, 1))


def _skyline(width: float, base: float, rise: float, composition: Rng, points: int) -> np.ndarray:
    """A rolling outline (hills, treetops) that reaches down to the picture's lower edge."""
    x = np.linspace(-0.1, width + 0.1, points)
    y = base - rise * composition.uniform(0.1, 1, points)
    return np.concatenate([smooth(*zip(x, y, strict=True))[:-6], polygon((width + 0.1, 1.1), (-0.1, 1.1))])


def hills(canvas: np.ndarray, horizon: float, composition: Rng, colour: Colour, haze: Colour) -> None:
    """Two ridges, the farther one paler."""
    width = canvas.shape[1] / canvas.shape[0]
    for distance, rise, points in ((0.6, 0.22, 7), (0.25, 0.10, 12)):
        ridge = _skyline(width, horizon + 0.01, rise, composition, points)
        put(canvas, ridge, mix(colour, haze, distance), "cloud", strength=0.15)


def houses(canvas: np.ndarray, horizon: float, composition: Rng, haze: Colour) -> None:
    """A row of houses on the horizon, with roofs and windows."""
    width = canvas.shape[1] / canvas.shape[0]
    colour = mix(PALETTE[composition.integers(len(PALETTE))], haze, 0.45)
    x, walls, roofs, windows = -0.05, [], [], []
    while x < width:
        w, h = composition.uniform(0.12, 0.26), composition.uniform(0.08, 0.2)
        walls.append(box(x, horizon - h, x + w, horizon + 0.02))
        roofs.append(polygon((x - 0.01, horizon - h), (x + w / 2, horizon - 1.45 * h), (x + w + 0.01, horizon - h)))
        windows += [box(x + w * s, horizon - 0.8 * h, x + w * (s + 0.18), horizon - 0.45 * h) for s in (0.18, 0.62)]
        x += w + composition.uniform(0.0, 0.06)
    put(canvas, tuple(walls), colour)
    put(canvas, tuple(roofs), mix(colour, (0.35, 0.2, 0.16), 0.6))
    put(canvas, tuple(windows), mix(colour, BLACK, 0.4), strength=0)


def firs(canvas: np.ndarray, horizon: float, composition: Rng) -> None:
    """A loose row of fir trees on the horizon."""
    width = canvas.shape[1] / canvas.shape[0]
    trees = []
    for _ in range(int(composition.integers(5, 12))):
        x, h = composition.uniform(0, width), composition.uniform(0.07, 0.2)
        outline = ((0, 0), (0.5, 0.4), (0.3, 0.45), (0.8, 0.75), (0.5, 0.8), (1, 1))  # half of it, the tip first
        steps = [(x + 0.28 * h * side, horizon + 0.02 - h * (1 - down)) for side, down in outline]
        trees.append(polygon(*steps, *[(2 * x - right, y) for right, y in steps[::-1]]))
    put(canvas, tuple(trees), mix((0.17, 0.28, 0.26), (0.5, 0.58, 0.66), composition.uniform(0, 0.5)), strength=0.3)


@cache
def vignette(size: Size) -> np.ndarray:
    """How much light the corners keep, float32 [height, width, 3]."""
    y, x = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]), indexing="ij")
    return cv2.cvtColor((1.04 - 0.16 * (x**2 + y**2)).astype(np.float32), cv2.COLOR_GRAY2RGB)


def sky_colours(composition: Rng) -> tuple[Colour, Colour]:
    """The sky's colour above and at the horizon: noon, morning, overcast, evening."""
    skies = (
        ((0.30, 0.53, 0.82), (0.75, 0.86, 0.94)),
        ((0.45, 0.58, 0.78), (0.96, 0.87, 0.76)),
        ((0.62, 0.67, 0.73), (0.84, 0.86, 0.88)),
        ((0.36, 0.38, 0.60), (0.95, 0.70, 0.52)),
    )
    return skies[composition.integers(len(skies))]
