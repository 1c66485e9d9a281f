"""Where the objects stand: eight places with depth and texture, and the things that lie around in them.

Coordinates are shares of the picture's height: (0, 0) is the top left corner and (width / height, 1) the bottom right.
A place is drawn from two streams of randomness: its `composition` (horizon, palette, what stands where) and its `grain`
(where in their tiles the textures begin), so that a window can be drawn anew without moving the horizon.
"""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np

from .drawing import (
    SHIFT,
    TILE,
    Colour,
    Part,
    blend,
    box,
    coverage,
    ellipse,
    in_pixels,
    lit_colour,
    mix,
    polygon,
    sampled,
    smooth,
    stroke,
    texture,
    tiled,
)

Rng = np.random.Generator
Size = tuple[int, int]  # height, width

# The colours of things that lie around are the colours of the objects, so that colours alone say little.
PALETTE: tuple[Colour, ...] = (
    (0.80, 0.22, 0.14),  # red
    (0.94, 0.74, 0.18),  # yellow
    (0.20, 0.38, 0.72),  # blue
    (0.42, 0.28, 0.17),  # brown
    (0.93, 0.92, 0.89),  # white
    (0.79, 0.60, 0.24),  # brass
    (0.13, 0.12, 0.13),  # black
    (0.52, 0.53, 0.56),  # grey
    (0.66, 0.36, 0.18),  # rust
    (0.27, 0.45, 0.22),  # green
)
BLACK, WHITE = (0.05, 0.05, 0.06), (0.98, 0.98, 0.97)


# --- ingredients ------------------------------------------------------------------------------------------------


def _rows(size: Size, *stops: tuple[float, Colour]) -> np.ndarray:
    """A vertical gradient through (height, colour) stops, float32 [height, width, 3]."""
    y = (np.arange(size[0]) + 0.5) / size[0]
    at, colours = [s[0] for s in stops], np.array([s[1] for s in stops])
    column = np.stack([np.interp(y, at, colours[:, c]) for c in range(3)], axis=1).astype(np.float32)
    return np.repeat(column[:, None], size[1], axis=1)


def _flat(name: str, size: Size, grain: Rng, tiles: float | tuple[float, float]) -> np.ndarray:
    """A texture seen straight on, float32 [height, width]; `tiles` of it (across, down) fit into its height."""
    across, down = np.broadcast_to(np.asarray(tiles, dtype=np.float64), 2) * TILE / size[0]
    start = grain.uniform(0, TILE, 2)
    to_tile = np.array([[across, 0, start[0]], [0, down, start[1]]])
    return sampled(name, to_tile, size)


def _plane(name: str, size: Size, horizon: float, grain: Rng, tiles: float) -> np.ndarray:
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


def _modulate(canvas: np.ndarray, relief: np.ndarray) -> None:
    """Makes the canvas lighter where the relief [height, width] is above zero and darker below, in place."""
    canvas *= cv2.cvtColor(1 + relief, cv2.COLOR_GRAY2RGB)


def _ground(canvas: np.ndarray, horizon: float, far: Colour, near: Colour, relief: np.ndarray, strength: float) -> None:
    """Fills the canvas below the horizon: from the far colour to the near one, with the relief as light and dark."""
    depth = len(relief)
    ramp = _rows((depth, canvas.shape[1]), (0.0, far), (1.0, near))
    _modulate(ramp, strength * relief)
    canvas[canvas.shape[0] - depth :] = ramp


def _unit(size: Size) -> np.ndarray:
    """Shares of the picture's height to pixels."""
    return np.array([[size[0], 0, 0], [0, size[0], 0]], dtype=np.float64)


def _put(
    canvas: np.ndarray, outlines, colour: Colour, name: str = "rough", grain: float = 1.5, strength: float = 0.12
) -> None:
    """Paints a flat, textured shape in shares of the picture's height; quicker and plainer than `paint`."""
    size = canvas.shape[:2]
    polygons, window = in_pixels(outlines, _unit(size), size, finer=1)
    if window is None:
        return
    left, top, right, bottom = window
    alpha = np.zeros((bottom - top, right - left), np.uint8)
    for corners in polygons:
        cv2.fillPoly(alpha, [corners], 255, lineType=cv2.LINE_AA, shift=SHIFT)
    paint = np.asarray(colour, np.float32)
    if strength:
        relief = texture(name, _unit(size), grain, window)
        paint = lit_colour(colour, 1 + 0.5 * strength * relief)
    blend(canvas[top:bottom, left:right], paint, alpha.astype(np.float32) * np.float32(1 / 255))


def _clouds(canvas: np.ndarray, composition: Rng, grain: Rng, below: float = 1.0) -> None:
    """Blends lit clouds into the sky above the given height."""
    rows = max(1, int(below * canvas.shape[0]))
    height, width = canvas.shape[:2]
    amount, tiles = composition.uniform(-0.5, 0.7), composition.uniform(0.35, 0.6)
    thick = _flat("cloud", (height, width), grain, (tiles, 1.7 * tiles))[:rows]
    thick += np.float32(amount)
    white = np.float32(0.97) - 0.25 * np.clip(thick - 0.9, 0, 1)  # thick clouds are darker in the middle
    blend(canvas[:rows], cv2.cvtColor(white, cv2.COLOR_GRAY2RGB), 0.85 * np.clip(0.55 * thick, 0, 1))


def _skyline(width: float, base: float, rise: float, composition: Rng, points: int) -> np.ndarray:
    """A rolling outline (hills, treetops) that reaches down to the picture's lower edge."""
    x = np.linspace(-0.1, width + 0.1, points)
    y = base - rise * composition.uniform(0.1, 1, points)
    return np.concatenate([smooth(*zip(x, y, strict=True))[:-6], polygon((width + 0.1, 1.1), (-0.1, 1.1))])


def _hills(canvas: np.ndarray, horizon: float, composition: Rng, colour: Colour, haze: Colour) -> None:
    """Two ridges, the farther one paler."""
    width = canvas.shape[1] / canvas.shape[0]
    for distance, rise, points in ((0.6, 0.22, 7), (0.25, 0.10, 12)):
        ridge = _skyline(width, horizon + 0.01, rise, composition, points)
        _put(canvas, ridge, mix(colour, haze, distance), "cloud", strength=0.15)


@cache
def _vignette(size: Size) -> np.ndarray:
    """How much light the corners keep, float32 [height, width, 3]."""
    y, x = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]), indexing="ij")
    return cv2.cvtColor((1.04 - 0.16 * (x**2 + y**2)).astype(np.float32), cv2.COLOR_GRAY2RGB)


def _sky_colours(composition: Rng) -> tuple[Colour, Colour]:
    """The sky's colour above and at the horizon: noon, morning, overcast, evening."""
    skies = (
        ((0.30, 0.53, 0.82), (0.75, 0.86, 0.94)),
        ((0.45, 0.58, 0.78), (0.96, 0.87, 0.76)),
        ((0.62, 0.67, 0.73), (0.84, 0.86, 0.88)),
        ((0.36, 0.38, 0.60), (0.95, 0.70, 0.52)),
    )
    return skies[composition.integers(len(skies))]


# --- places -----------------------------------------------------------------------------------------------------


def _sky(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    high, low = _sky_colours(composition)
    canvas = _rows(size, (0.0, mix(high, BLACK, 0.1)), (0.9, low))
    _clouds(canvas, composition, grain)
    _hills(canvas, composition.uniform(0.93, 1.02), composition, mix((0.28, 0.38, 0.36), low, 0.35), low)
    return canvas


def _meadow(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    horizon, (high, low) = composition.uniform(0.32, 0.5), _sky_colours(composition)
    canvas = _rows(size, (0.0, high), (horizon, low))
    _clouds(canvas, composition, grain, below=horizon)
    _hills(canvas, horizon, composition, (0.22, 0.36, 0.22), low)
    dry = composition.uniform(0, 0.7)
    near = mix((0.27, 0.46, 0.14), (0.58, 0.52, 0.22), dry)
    _ground(canvas, horizon, mix(near, low, 0.35), near, _plane("grass", size, horizon, grain, 1.6), 0.22)
    flower = PALETTE[composition.integers(6)]
    width = size[1] / size[0]
    flowers = [(grain.uniform(0, width), horizon + (1 - horizon) * grain.uniform(0.2, 1)) for _ in range(14)]
    dots = tuple(ellipse(x, y, r := 0.002 + 0.014 * (y - horizon), 0.8 * r, points=7) for x, y in flowers)
    _put(canvas, dots, flower, strength=0)
    return canvas


def _road(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    horizon, (high, low) = composition.uniform(0.32, 0.48), _sky_colours(composition)
    canvas = _rows(size, (0.0, high), (horizon, low))
    _clouds(canvas, composition, grain, below=horizon)
    width, vanish = size[1] / size[0], size[1] / size[0] * composition.uniform(0.3, 0.7)
    _houses(canvas, horizon, composition, low)
    verge = mix((0.36, 0.42, 0.22), (0.60, 0.55, 0.44), composition.uniform())
    _ground(canvas, horizon, mix(verge, low, 0.3), verge, _plane("grass", size, horizon, grain, 1.5), 0.2)
    asphalt, spread = mix((0.30, 0.30, 0.32), (0.46, 0.45, 0.44), composition.uniform()), composition.uniform(0.55, 0.9)
    road = polygon(
        (vanish - 0.03, horizon),
        (vanish + 0.03, horizon),
        (vanish + spread * width, 1.05),
        (vanish - spread * width, 1.05),
    )
    _put(canvas, road, asphalt, "rough", 2.0, 0.22)
    _put(canvas, _markings(horizon, vanish, spread * width), mix(WHITE, asphalt, 0.2), strength=0)
    return canvas


def _markings(horizon: float, vanish: float, spread: float) -> tuple[np.ndarray, ...]:
    """Dashes on the middle of the road and a line along each edge, in perspective."""
    edges = [
        polygon(
            (vanish + 0.026 * side, horizon),
            (vanish + 0.86 * side * spread, 1.05),
            (vanish + 0.91 * side * spread, 1.05),
        )
        for side in (-1, 1)
    ]
    dashes = []
    for start in (0.1, 0.28, 0.58):
        y0, y1 = horizon + (1 - horizon) * start, horizon + (1 - horizon) * start * 1.5
        w0, w1 = 0.05 * spread * start, 0.075 * spread * start
        dashes.append(
            polygon((vanish - w0 / 2, y0), (vanish + w0 / 2, y0), (vanish + w1 / 2, y1), (vanish - w1 / 2, y1))
        )
    return (*edges, *dashes)


def _houses(canvas: np.ndarray, horizon: float, composition: Rng, haze: Colour) -> None:
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
    _put(canvas, tuple(walls), colour)
    _put(canvas, tuple(roofs), mix(colour, (0.35, 0.2, 0.16), 0.6))
    _put(canvas, tuple(windows), mix(colour, BLACK, 0.4), strength=0)


def _snow(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    horizon, (high, low) = composition.uniform(0.34, 0.52), _sky_colours(composition)
    pale = mix(low, WHITE, 0.4)
    canvas = _rows(size, (0.0, mix(high, WHITE, 0.25)), (horizon, pale))
    _clouds(canvas, composition, grain, below=horizon)
    _hills(canvas, horizon, composition, (0.52, 0.60, 0.70), pale)
    _firs(canvas, horizon, composition)
    shade = _plane("cloud", size, horizon, grain, 0.8)
    _ground(canvas, horizon, mix(pale, (0.80, 0.86, 0.95), 0.6), (0.90, 0.93, 0.98), shade, 0.07)
    width = size[1] / size[0]
    flakes = tuple(ellipse(*grain.uniform(0, (width, 1)), 0.007, 0.007, points=6) for _ in range(18))
    _put(canvas, flakes, WHITE, strength=0)
    return canvas


def _firs(canvas: np.ndarray, horizon: float, composition: Rng) -> None:
    """A loose row of fir trees on the horizon."""
    width = canvas.shape[1] / canvas.shape[0]
    trees = []
    for _ in range(int(composition.integers(5, 12))):
        x, h = composition.uniform(0, width), composition.uniform(0.07, 0.2)
        outline = ((0, 0), (0.5, 0.4), (0.3, 0.45), (0.8, 0.75), (0.5, 0.8), (1, 1))  # half of it, the tip first
        steps = [(x + 0.28 * h * side, horizon + 0.02 - h * (1 - down)) for side, down in outline]
        trees.append(polygon(*steps, *[(2 * x - right, y) for right, y in steps[::-1]]))
    _put(canvas, tuple(trees), mix((0.17, 0.28, 0.26), (0.5, 0.58, 0.66), composition.uniform(0, 0.5)), strength=0.3)


def _room(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    floor = composition.uniform(0.58, 0.76)
    walls = (
        (0.80, 0.74, 0.62),
        (0.55, 0.66, 0.66),
        (0.72, 0.52, 0.44),
        (0.62, 0.66, 0.50),
        (0.82, 0.82, 0.80),
        (0.40, 0.46, 0.58),
    )
    wall = walls[composition.integers(len(walls))]
    canvas = _rows(size, (0.0, mix(wall, BLACK, 0.12)), (floor, wall))
    width, stripes = size[1] / size[0], int(composition.integers(8, 15))
    step = width / stripes
    paper = tuple(box(i * step, -0.1, (i + 0.45) * step, floor) for i in range(stripes))
    _put(canvas, paper, mix(wall, WHITE if composition.uniform() < 0.5 else BLACK, 0.1), strength=0.05)
    _modulate(canvas, 0.03 * _flat("rough", size, grain, 1.2))
    _picture(canvas, composition, floor)
    wood = mix((0.52, 0.34, 0.20), (0.72, 0.56, 0.38), composition.uniform())
    _ground(canvas, floor, mix(wood, BLACK, 0.25), wood, _plane("wood", size, floor, grain, 1.4), 0.12)
    vanish = width * composition.uniform(0.35, 0.65)
    seams = tuple(
        stroke((vanish + i * 0.16, floor), (vanish + i * 0.42, 1.05), width=(0.004, 0.012)) for i in range(-5, 6)
    )
    _put(canvas, seams, mix(wood, BLACK, 0.45), strength=0)
    _put(canvas, box(-0.1, floor - 0.035, width + 0.1, floor + 0.005), mix(wall, WHITE, 0.6))
    return canvas


def _picture(canvas: np.ndarray, composition: Rng, floor: float) -> None:
    """A framed picture on the wall."""
    width = canvas.shape[1] / canvas.shape[0]
    x, y, w, h = (
        composition.uniform(0, width - 0.3),
        composition.uniform(0.03, 0.2),
        composition.uniform(0.2, 0.4),
        composition.uniform(0.2, 0.3),
    )
    frame, inner = PALETTE[composition.integers(len(PALETTE))], PALETTE[composition.integers(len(PALETTE))]
    _put(canvas, box(x, y, x + w, y + h), mix(frame, BLACK, 0.2), "wood")
    _put(canvas, box(x + 0.03, y + 0.03, x + w - 0.03, y + h - 0.03), mix(inner, WHITE, 0.35), "cloud", 0.6, 0.3)


def _stage(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    floor, width = composition.uniform(0.64, 0.8), size[1] / size[0]
    cloths = (
        (0.55, 0.10, 0.11),
        (0.16, 0.22, 0.46),
        (0.13, 0.34, 0.26),
        (0.36, 0.17, 0.38),
        (0.62, 0.45, 0.20),
        (0.26, 0.25, 0.27),
    )
    cloth = cloths[composition.integers(len(cloths))]
    canvas = _rows(size, (0.0, mix(cloth, BLACK, 0.45)), (floor, cloth))
    x = np.arange(size[1], dtype=np.float32) / size[0]
    folds, phase = composition.uniform(30, 60), composition.uniform(0, 6)
    pleats = np.sin(folds * x + phase + 0.8 * np.sin(0.37 * folds * x + phase))
    _modulate(canvas, np.repeat(0.32 * pleats[None], size[0], axis=0))
    _modulate(canvas, 0.06 * _flat("brushed", size, grain, 1.0))
    wood = mix((0.34, 0.22, 0.14), (0.62, 0.44, 0.28), composition.uniform())
    _ground(canvas, floor, mix(wood, BLACK, 0.35), wood, _plane("wood", size, floor, grain, 1.4), 0.16)
    _put(canvas, box(-0.1, -0.1, width + 0.1, composition.uniform(0.05, 0.12)), mix(cloth, BLACK, 0.55))
    _spotlight(canvas, composition, floor, width)
    return canvas


def _spotlight(canvas: np.ndarray, composition: Rng, floor: float, width: float) -> None:
    """One or two beams from above, and the pool of light where they meet the floor."""
    for _ in range(int(composition.integers(1, 3))):
        lamp, foot, spread = (
            composition.uniform(0, width),
            composition.uniform(0.25, 0.75) * width,
            composition.uniform(0.2, 0.34),
        )
        y = floor + 0.45 * (1 - floor)
        beam = polygon((lamp - 0.02, -0.05), (lamp + 0.02, -0.05), (foot + spread, y), (foot - spread, y))
        for outline, gain in ((beam, 0.13), (ellipse(foot, y, spread, 0.06), 0.25)):
            (left, top, right, bottom), alpha = coverage(outline, _unit(canvas.shape[:2]), canvas.shape[:2])
            canvas[top:bottom, left:right] += lit_colour((1.0, 0.95, 0.8), gain * alpha)


def _forest(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    horizon, width = composition.uniform(0.5, 0.66), size[1] / size[0]
    season = composition.uniform()
    leaves = mix((0.24, 0.42, 0.20), (0.66, 0.44, 0.18), season**2)
    light = mix(leaves, (0.93, 0.95, 0.80), 0.55)
    canvas = _rows(size, (0.0, mix(leaves, BLACK, 0.25)), (0.8 * horizon, light), (horizon, mix(light, leaves, 0.4)))
    _modulate(canvas, 0.16 * _flat("rough", size, grain, 0.9))
    bark = mix((0.26, 0.19, 0.14), (0.62, 0.58, 0.53), composition.uniform(0, 0.8))
    soil = mix((0.36, 0.27, 0.18), leaves, 0.35)
    for distance, count, thick in ((0.65, 9, 0.025), (0.35, 6, 0.045), (0.0, 2, 0.08)):
        if distance == 0:  # the near trunks stand on the ground, the others behind its edge
            _ground(canvas, horizon, mix(soil, light, 0.3), soil, _plane("rough", size, horizon, grain, 0.9), 0.16)
        foot = horizon + (0.06 if distance == 0 else 0.02)
        trunks = tuple(
            _trunk(composition.uniform(0, width), foot, thick * composition.uniform(0.7, 1.3)) for _ in range(count)
        )
        _put(canvas, trunks, mix(bark, light, distance), "cloud", 1.2, 0.3)
    litter = tuple(
        ellipse(grain.uniform(0, width), y, 0.03 * (y - horizon + 0.05), 0.012 * (y - horizon + 0.05), points=7)
        for y in grain.uniform(horizon + 0.05, 1, 16)
    )
    _put(canvas, litter, mix(leaves, (0.80, 0.55, 0.22), composition.uniform(0.2, 0.8)), strength=0)
    return canvas


def _trunk(x: float, foot: float, thick: float) -> np.ndarray:
    return stroke((x, -0.1), (x + 0.01, 0.6 * foot), (x, foot), width=(0.8 * thick, thick, 1.3 * thick))


def _station(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    floor, width = composition.uniform(0.56, 0.72), size[1] / size[0]
    bricks = ((0.60, 0.32, 0.24), (0.70, 0.66, 0.58), (0.46, 0.50, 0.54), (0.78, 0.72, 0.56))
    brick = bricks[composition.integers(len(bricks))]
    canvas = _rows(size, (0.0, mix(brick, BLACK, 0.4)), (0.5 * floor, brick), (floor, mix(brick, BLACK, 0.1)))
    _modulate(canvas, 0.10 * _flat("rough", size, grain, (0.8, 1.6)))
    courses = tuple(box(-0.1, y, width + 0.1, y + 0.007) for y in np.arange(0.16, floor, 0.055))
    _put(canvas, courses, mix(brick, WHITE, 0.22), strength=0)
    arches, offset = composition.uniform(0.3, 0.42), composition.uniform(-0.2, 0.1)
    openings = tuple(_arch(offset + i * arches, floor, 0.62 * arches) for i in range(5))
    _put(canvas, openings, mix((0.72, 0.80, 0.86), brick, composition.uniform(0.1, 0.6)), "cloud", 0.8, 0.2)
    steel = mix(PALETTE[composition.integers(len(PALETTE))], BLACK, 0.45)
    girders = [stroke((x, 0.16), (x + 0.08, 0.02), width=0.014) for x in np.arange(-0.1, width, 0.16)]
    _put(canvas, (box(-0.1, 0.0, width + 0.1, 0.03), box(-0.1, 0.14, width + 0.1, 0.165), *girders), steel)
    stone = mix((0.48, 0.47, 0.46), (0.68, 0.65, 0.60), composition.uniform())
    _ground(canvas, floor, mix(stone, BLACK, 0.2), stone, _plane("rough", size, floor, grain, 1.2), 0.12)
    _put(canvas, box(-0.1, floor + 0.06, width + 0.1, floor + 0.085), (0.90, 0.74, 0.24), strength=0.2)
    return canvas


def _arch(x: float, floor: float, w: float) -> np.ndarray:
    t = np.linspace(np.pi, 2 * np.pi, 9)
    top = np.stack([x + w / 2 + w / 2 * np.cos(t), 0.36 * floor + 0.07 + 0.5 * w * np.sin(t)], axis=1)
    return np.concatenate([top, polygon((x + w, floor - 0.1), (x, floor - 0.1))])


PLACES: dict[str, tuple[str, Callable[[Size, Rng, Rng], np.ndarray]]] = {
    "sky": ("under a wide sky", _sky),
    "meadow": ("on a meadow", _meadow),
    "road": ("on a road", _road),
    "snow": ("in the snow", _snow),
    "room": ("in a room", _room),
    "stage": ("on a stage", _stage),
    "forest": ("in a forest", _forest),
    "station": ("at a station", _station),
}
BACKGROUNDS = tuple(PLACES)


def draw_background(name: str, size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    """Draws a place without anything in it.

    Args:
        name: one of `BACKGROUNDS`.
        size: (height, width) in pixels.
        composition: draws the horizon, the palette and what stands where.
        grain: draws where the textures begin.

    Returns:
        float32 [height, width, 3], RGB in about [0, 1].
    """
    if name not in PLACES:
        raise ValueError(f"background: expected one of {BACKGROUNDS}, got {name!r}")
    canvas = PLACES[name][1](size, composition, grain)
    canvas *= _vignette(size)
    return canvas


# --- things that lie around ---------------------------------------------------------------------------------------


def _ball(x: float, y: float, r: float, style: Rng) -> Part:
    stripe = Part(
        stroke((x - r, y + 0.3 * r), (x, y + 0.1 * r), (x + r, y - 0.4 * r), width=0.4 * r),
        _any(style),
        volume=0,
        strength=0,
    )
    return Part(ellipse(x, y, r, r), _any(style), "rough", 1.0, 0.08, 0.9, 0.3, details=(stripe,))


def _crate(x: float, y: float, r: float, style: Rng) -> Part:
    boards = tuple(box(x - 1.2 * r, y + s * r, x + 1.2 * r, y + (s + 0.12) * r) for s in (-0.45, 0.1, 0.6))
    colour = _any(style)
    return Part(box(x - 1.1 * r, y - r, x + 1.1 * r, y + r), colour, "wood", 1.5, 0.25, 0.4,
                details=(Part(boards, mix(colour, BLACK, 0.5), volume=0, strength=0),))  # fmt: skip


def _post(x: float, y: float, r: float, style: Rng) -> Part:
    w = 0.3 * r
    bands = tuple(box(x - w, y + s * r, x + w, y + (s + 0.4) * r) for s in (-1.5, -0.5, 0.5))
    return Part(box(x - w, y - 1.7 * r, x + w, y + 1.3 * r, 0.4 * w), _any(style), "rough", 1.5, 0.12, 0.7,
                details=(Part(bands, _any(style), volume=0.0, strength=0),))  # fmt: skip


def _bush(x: float, y: float, r: float, style: Rng) -> Part:
    radii = style.uniform(0.75, 1.15, 10) * r
    t = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    outline = smooth(*np.stack([x + 1.2 * radii * np.cos(t), y + 0.9 * radii * np.sin(t)], axis=1), steps=4)
    return Part(outline, mix(_any(style), (0.25, 0.42, 0.2), style.uniform(0.2, 0.9)), "speckle", 1.6, 0.5, 0.8)


def _sign(x: float, y: float, r: float, style: Rng) -> Part:
    turn, sides = style.uniform(0, 1.5), int(style.integers(3, 7))
    plate, core = (ellipse(x, y, s * r, s * r, turn, points=sides) for s in (1.1, 0.7))
    return Part(
        plate, _any(style), "brushed", 1.0, 0.12, 0.5, 0.15, details=(Part(core, _any(style), volume=0, strength=0),)
    )


def _pipe(x: float, y: float, r: float, style: Rng) -> Part:
    turn = style.uniform(0, np.pi)
    c, s = 1.8 * r * np.cos(turn), 1.8 * r * np.sin(turn)
    line = stroke((x - c, y - s), (x + 0.3 * s, y - 0.3 * c), (x + c, y + s), width=(0.25 * r, 0.4 * r, 0.6 * r))
    return Part(line, _any(style), "brushed", 1.0, 0.15, 0.8, 0.35)


def _any(style: Rng) -> Colour:
    """One of the palette's colours, a little off."""
    return tuple(np.clip(np.array(PALETTE[style.integers(len(PALETTE))]) * style.uniform(0.8, 1.15), 0, 1))


THINGS = (_ball, _crate, _post, _bush, _sign, _pipe)


def thing(x: float, y: float, radius: float, style: Rng) -> Part:
    """One of the things that lie around, around (x, y), in shares of the picture's height."""
    return THINGS[style.integers(len(THINGS))](x, y, radius, style)
