"""Where the objects stand: eight places with depth and texture.

Coordinates are shares of the picture's height: (0, 0) is the top left corner and (width / height, 1) the bottom right.
A place is drawn from two streams of randomness: its `composition` (horizon, palette, what stands where) and its `grain`
(where in their tiles the textures begin), so that a window can be drawn anew without moving the horizon.
"""

from collections.abc import Callable

import numpy as np

from .colours import BLACK, PALETTE, WHITE, mix
from .drawing import coverage, lit_colour
from .outlines import box, ellipse, polygon, stroke
from .scenery import (
    Rng,
    Size,
    clouds,
    firs,
    ground,
    hills,
    houses,
    lying,
    modulate,
    put,
    rows,
    sky_colours,
    unit,
    upright,
    vignette,
)


def _sky(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    high, low = sky_colours(composition)
    canvas = rows(size, (0.0, mix(high, BLACK, 0.1)), (0.9, low))
    clouds(canvas, composition, grain)
    hills(canvas, composition.uniform(0.93, 1.02), composition, mix((0.28, 0.38, 0.36), low, 0.35), low)
    return canvas


def _meadow(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    horizon, (high, low) = composition.uniform(0.32, 0.5), sky_colours(composition)
    canvas = rows(size, (0.0, high), (horizon, low))
    clouds(canvas, composition, grain, below=horizon)
    hills(canvas, horizon, composition, (0.22, 0.36, 0.22), low)
    dry = composition.uniform(0, 0.7)
    near = mix((0.27, 0.46, 0.14), (0.58, 0.52, 0.22), dry)
    ground(canvas, horizon, mix(near, low, 0.35), near, lying("grass", size, horizon, grain, 1.6), 0.22)
    flower = PALETTE[composition.integers(6)]
    width = size[1] / size[0]
    flowers = [(grain.uniform(0, width), horizon + (1 - horizon) * grain.uniform(0.2, 1)) for _ in range(14)]
    dots = tuple(ellipse(x, y, r := 0.002 + 0.014 * (y - horizon), 0.8 * r, points=7) for x, y in flowers)
    put(canvas, dots, flower, strength=0)
    return canvas


def _road(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    horizon, (high, low) = composition.uniform(0.32, 0.48), sky_colours(composition)
    canvas = rows(size, (0.0, high), (horizon, low))
    clouds(canvas, composition, grain, below=horizon)
    width, vanish = size[1] / size[0], size[1] / size[0] * composition.uniform(0.3, 0.7)
    houses(canvas, horizon, composition, low)
    verge = mix((0.36, 0.42, 0.22), (0.60, 0.55, 0.44), composition.uniform())
    ground(canvas, horizon, mix(verge, low, 0.3), verge, lying("grass", size, horizon, grain, 1.5), 0.2)
    asphalt, spread = mix((0.30, 0.30, 0.32), (0.46, 0.45, 0.44), composition.uniform()), composition.uniform(0.55, 0.9)
    road = polygon(
        (vanish - 0.03, horizon),
        (vanish + 0.03, horizon),
        (vanish + spread * width, 1.05),
        (vanish - spread * width, 1.05),
    )
    put(canvas, road, asphalt, "rough", 2.0, 0.22)
    put(canvas, _markings(horizon, vanish, spread * width), mix(WHITE, asphalt, 0.2), strength=0)
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


def _snow(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    horizon, (high, low) = composition.uniform(0.34, 0.52), sky_colours(composition)
    pale = mix(low, WHITE, 0.4)
    canvas = rows(size, (0.0, mix(high, WHITE, 0.25)), (horizon, pale))
    clouds(canvas, composition, grain, below=horizon)
    hills(canvas, horizon, composition, (0.52, 0.60, 0.70), pale)
    firs(canvas, horizon, composition)
    shade = lying("cloud", size, horizon, grain, 0.8)
    ground(canvas, horizon, mix(pale, (0.80, 0.86, 0.95), 0.6), (0.90, 0.93, 0.98), shade, 0.07)
    width = size[1] / size[0]
    flakes = tuple(ellipse(0, 0, 0.007, 0.007, points=6) + grain.uniform(0, (width, 1), (18, 1, 2)))
    put(canvas, flakes, WHITE, strength=0)
    return canvas


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
    canvas = rows(size, (0.0, mix(wall, BLACK, 0.12)), (floor, wall))
    width, stripes = size[1] / size[0], int(composition.integers(8, 15))
    step = width / stripes
    paper = tuple(box(i * step, -0.1, (i + 0.45) * step, floor) for i in range(stripes))
    put(canvas, paper, mix(wall, WHITE if composition.uniform() < 0.5 else BLACK, 0.1), strength=0.05)
    modulate(canvas, 0.03 * upright("rough", size, grain, 1.2))
    _picture(canvas, composition, floor)
    wood = mix((0.52, 0.34, 0.20), (0.72, 0.56, 0.38), composition.uniform())
    ground(canvas, floor, mix(wood, BLACK, 0.25), wood, lying("wood", size, floor, grain, 1.4), 0.12)
    vanish = width * composition.uniform(0.35, 0.65)
    seams = tuple(
        stroke((vanish + i * 0.16, floor), (vanish + i * 0.42, 1.05), width=(0.004, 0.012)) for i in range(-5, 6)
    )
    put(canvas, seams, mix(wood, BLACK, 0.45), strength=0)
    put(canvas, box(-0.1, floor - 0.035, width + 0.1, floor + 0.005), mix(wall, WHITE, 0.6))
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
    put(canvas, box(x, y, x + w, y + h), mix(frame, BLACK, 0.2), "wood")
    put(canvas, box(x + 0.03, y + 0.03, x + w - 0.03, y + h - 0.03), mix(inner, WHITE, 0.35), "cloud", 0.6, 0.3)


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
    canvas = rows(size, (0.0, mix(cloth, BLACK, 0.45)), (floor, cloth))
    x = np.arange(size[1], dtype=np.float32) / size[0]
    folds, phase = composition.uniform(30, 60), composition.uniform(0, 6)
    pleats = np.sin(folds * x + phase + 0.8 * np.sin(0.37 * folds * x + phase))
    modulate(canvas, np.repeat(0.32 * pleats[None], size[0], axis=0))
    modulate(canvas, 0.06 * upright("brushed", size, grain, 1.0))
    wood = mix((0.34, 0.22, 0.14), (0.62, 0.44, 0.28), composition.uniform())
    ground(canvas, floor, mix(wood, BLACK, 0.35), wood, lying("wood", size, floor, grain, 1.4), 0.16)
    put(canvas, box(-0.1, -0.1, width + 0.1, composition.uniform(0.05, 0.12)), mix(cloth, BLACK, 0.55))
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
            (left, top, right, bottom), alpha = coverage(outline, unit(canvas.shape[:2]), canvas.shape[:2])
            canvas[top:bottom, left:right] += lit_colour((1.0, 0.95, 0.8), gain * alpha)


def _forest(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    horizon, width = composition.uniform(0.5, 0.66), size[1] / size[0]
    season = composition.uniform()
    leaves = mix((0.24, 0.42, 0.20), (0.66, 0.44, 0.18), season**2)
    light = mix(leaves, (0.93, 0.95, 0.80), 0.55)
    canvas = rows(size, (0.0, mix(leaves, BLACK, 0.25)), (0.8 * horizon, light), (horizon, mix(light, leaves, 0.4)))
    modulate(canvas, 0.16 * upright("rough", size, grain, 0.9))
    bark = mix((0.26, 0.19, 0.14), (0.62, 0.58, 0.53), composition.uniform(0, 0.8))
    soil = mix((0.36, 0.27, 0.18), leaves, 0.35)
    for distance, count, thick in ((0.65, 9, 0.025), (0.35, 6, 0.045), (0.0, 2, 0.08)):
        if distance == 0:  # the near trunks stand on the ground, the others behind its edge
            ground(canvas, horizon, mix(soil, light, 0.3), soil, lying("rough", size, horizon, grain, 0.9), 0.16)
        foot = horizon + (0.06 if distance == 0 else 0.02)
        trunks = tuple(
            _trunk(composition.uniform(0, width), foot, thick * composition.uniform(0.7, 1.3)) for _ in range(count)
        )
        put(canvas, trunks, mix(bark, light, distance), "cloud", 1.2, 0.3)
    litter = tuple(
        ellipse(grain.uniform(0, width), y, 0.03 * (y - horizon + 0.05), 0.012 * (y - horizon + 0.05), points=7)
        for y in grain.uniform(horizon + 0.05, 1, 16)
    )
    put(canvas, litter, mix(leaves, (0.80, 0.55, 0.22), composition.uniform(0.2, 0.8)), strength=0)
    return canvas


def _trunk(x: float, foot: float, thick: float) -> np.ndarray:
    return stroke((x, -0.1), (x + 0.01, 0.6 * foot), (x, foot), width=(0.8 * thick, thick, 1.3 * thick))


def _station(size: Size, composition: Rng, grain: Rng) -> np.ndarray:
    floor, width = composition.uniform(0.56, 0.72), size[1] / size[0]
    bricks = ((0.60, 0.32, 0.24), (0.70, 0.66, 0.58), (0.46, 0.50, 0.54), (0.78, 0.72, 0.56))
    brick = bricks[composition.integers(len(bricks))]
    canvas = rows(size, (0.0, mix(brick, BLACK, 0.4)), (0.5 * floor, brick), (floor, mix(brick, BLACK, 0.1)))
    modulate(canvas, 0.10 * upright("rough", size, grain, (0.8, 1.6)))
    courses = tuple(box(-0.1, y, width + 0.1, y + 0.007) for y in np.arange(0.16, floor, 0.055))
    put(canvas, courses, mix(brick, WHITE, 0.22), strength=0)
    arches, offset = composition.uniform(0.3, 0.42), composition.uniform(-0.2, 0.1)
    openings = tuple(_arch(offset + i * arches, floor, 0.62 * arches) for i in range(5))
    put(canvas, openings, mix((0.72, 0.80, 0.86), brick, composition.uniform(0.1, 0.6)), "cloud", 0.8, 0.2)
    steel = mix(PALETTE[composition.integers(len(PALETTE))], BLACK, 0.45)
    girders = [stroke((x, 0.16), (x + 0.08, 0.02), width=0.014) for x in np.arange(-0.1, width, 0.16)]
    put(canvas, (box(-0.1, 0.0, width + 0.1, 0.03), box(-0.1, 0.14, width + 0.1, 0.165), *girders), steel)
    stone = mix((0.48, 0.47, 0.46), (0.68, 0.65, 0.60), composition.uniform())
    ground(canvas, floor, mix(stone, BLACK, 0.2), stone, lying("rough", size, floor, grain, 1.2), 0.12)
    put(canvas, box(-0.1, floor + 0.06, width + 0.1, floor + 0.085), (0.90, 0.74, 0.24), strength=0.2)
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
    canvas *= vignette(size)
    return canvas
