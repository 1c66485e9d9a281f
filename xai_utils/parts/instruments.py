"""Oboe and saxophone: one straight, conical woodwind, told apart by its mouthpiece and by its bell.

The saxophone is a straight one (a soprano), so both kinds share tube, keys and outline. The oboe is blown through a
double reed bound with thread, the saxophone through a beak whose single reed is held by a ligature; the oboe's bell is
a closed, turned bulb with rings, the saxophone's opens into a dark mouth with a rolled rim. Dark wood, honey-coloured
box, brass and nickel occur in both.
"""

import numpy as np

from .colours import along, mix
from .drawing import Pair, Part
from .outlines import Points, box, ellipse, polygon, smooth, stroke, turned

OBOE, SAXOPHONE = "oboe", "saxophone"
TUBES = ((0.13, 0.11, 0.12), (0.34, 0.17, 0.11), (0.56, 0.34, 0.15), (0.76, 0.55, 0.22), (0.62, 0.62, 0.63))
METALS = ((0.78, 0.63, 0.28), (0.70, 0.69, 0.68), (0.68, 0.44, 0.29))  # brass, nickel, copper
CLOTHS = ((0.62, 0.10, 0.16), (0.16, 0.26, 0.56), (0.10, 0.42, 0.34), (0.44, 0.16, 0.46), (0.80, 0.52, 0.14))
PEARLS = ((0.96, 0.93, 0.86), (0.90, 0.80, 0.55), (0.55, 0.58, 0.62))
BLACK = (0.10, 0.09, 0.09)
CANES = ((0.82, 0.70, 0.45), (0.72, 0.52, 0.26), (0.50, 0.32, 0.17))
SAG = ((-1.0, -0.02), (-0.5, 0.008), (0.0, 0.015), (0.5, 0.008), (1.0, -0.02))  # of a ring: across, down
LYING = -1.40  # radians by which the lying instrument is turned: the mouthpiece points left and a little up


def _look(rng: np.random.Generator) -> dict:
    return {
        "girth": rng.uniform(1.02, 1.22),  # scale across the tube
        "flare": rng.uniform(0.34, 0.40),  # half width of the bell
        "tube": along(TUBES, rng.uniform()),
        "bell": along(TUBES, rng.uniform()),
        "metal": along(METALS, rng.uniform()),
        "inlay": along((BLACK, *CLOTHS[:4]), rng.uniform()),  # thread and rings, or beak and the bell's inside
    }


def _placed(points: Points, pose: int, look: dict) -> Points:
    """From the upright instrument (mouthpiece at the top, y along the tube) to the pose."""
    points = points * (look["girth"], 1.0)
    return points if pose == 0 else turned(points, LYING) - np.array([0.0, 0.08])


def _band(y: float, half: float, thick: float) -> Points:
    """A ring around the tube, seen a little from above: sagging in the middle."""
    return polygon(*[(x * half, y + sag + side * thick / 2) for side in (-1, 1) for x, sag in SAG[::side]])


def _stand(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    colour = along(CLOTHS, rng.uniform())
    spread = rng.uniform(0.44, 0.58)
    puff = rng.uniform(-0.03, 0.05)
    if pose == 0:
        legs = (
            stroke((0.0, 0.62), (-spread, 0.90), (-spread - 0.12, 0.95), width=[0.09, 0.08, 0.07]),
            stroke((0.0, 0.62), (spread, 0.90), (spread + 0.12, 0.95), width=[0.09, 0.08, 0.07]),
            ellipse(0.0, 0.90, 0.34, 0.085),
        )
        return Part(legs, colour, "brushed", 0.5, 0.15, 0.8, shine=0.2)
    cushion = smooth(
        (-0.74, 0.12), (-0.40, 0.04 - puff), (0.20, 0.06 - puff), (0.72, 0.12), (0.80, 0.30), (0.88, 0.58),
        (0.50, 0.60), (0.0, 0.64 + puff), (-0.50, 0.60), (-0.86, 0.58), (-0.80, 0.30),
    )  # fmt: skip
    seam = stroke((-0.84, 0.42), (-0.4, 0.47), (0.0, 0.49), (0.4, 0.47), (0.84, 0.42), width=0.035)
    piping = Part(seam, mix(colour, (1.0, 0.92, 0.70), 0.55), "plain", 0.5, 0.1)
    return Part(cushion, colour, "plain", 0.7, 0.12, 0.9, shine=0.12, details=(piping,))


def _bell(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    swell = rng.uniform(-0.02, 0.03)
    depth = rng.uniform(0.45, 0.95)
    polish = rng.uniform(0.1, 0.35)
    wide = look["flare"]
    neck = [(0.155, 0.36), (0.175 + swell, 0.52), (0.24 + swell, 0.66)]
    right = [*neck, (wide - 0.03, 0.76), (wide, 0.83), (0.26, 0.91)]
    outline = smooth(*right, (0.0, 0.935), *[(-x, y) for x, y in right[::-1]], steps=4)
    metal = look["metal"]
    inlay = mix(look["inlay"], BLACK, depth)
    if kind == OBOE:
        rings = tuple(_placed(_band(y, 0.5, 0.06), pose, look) for y in (0.54, 0.86))
        details = (
            Part(_placed(_band(0.73, 0.5, 0.12), pose, look), inlay, "plain", 0.9, 0.1, 0.5),
            Part(rings, metal, "brushed", 0.6, 0.1, 0.5, shine=0.15),
        )
        return Part(_placed(outline, pose, look), look["bell"], "wood", 0.9, 0.25, 1.0, polish, details)
    rim = ellipse(0.0, 0.815, wide, 0.125)
    mouth = ellipse(0.0, 0.82, wide - 0.06, 0.085)
    details = (
        Part(_placed(rim, pose, look), metal, "brushed", 0.6, 0.1, 0.5, shine=0.15),
        Part(_placed(mouth, pose, look), inlay, "plain", 0.9, 0.1, 0.5),
    )
    return Part(_placed(outline, pose, look), look["bell"], "brushed", 0.6, 0.25, 1.0, polish, details)


def _tube(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    joint = rng.uniform(-0.10, 0.06)
    grain = rng.uniform(0.05, 0.3)
    polish = rng.uniform(0.1, 0.35)
    outline = polygon((-0.115, -0.58), (0.115, -0.58), (0.18, 0.46), (-0.18, 0.46))
    rings = tuple(_placed(_band(y, 0.3, 0.05), pose, look) for y in (-0.50, joint, 0.40))
    details = (Part(rings, look["metal"], strength=0.05, shine=0.3),)
    return Part(_placed(outline, pose, look), look["tube"], "wood", 0.9, grain, 1.0, polish, details)


def _keys(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    reach = rng.uniform(-0.03, 0.05)
    rod = stroke((0.15, -0.44), (0.21, 0.36), width=0.05)
    feet = ((0.15, -0.40), (0.17, -0.02), (0.20, 0.30))
    posts = tuple(box(x - 0.02, y - 0.035, x + 0.055, y + 0.035) for x, y in feet)
    levers = (
        stroke((0.14, -0.16), (0.24, -0.22), (0.30 + reach, -0.20), width=[0.05, 0.06, 0.09]),
        stroke((-0.10, 0.20), (-0.22, 0.26), (-0.29 - reach, 0.36), width=[0.05, 0.06, 0.10]),
        stroke((-0.08, -0.34), (-0.18, -0.40), (-0.25 - reach, -0.39), width=[0.05, 0.06, 0.09]),
    )
    outlines = tuple(_placed(o, pose, look) for o in (rod, *posts, *levers))
    return Part(outlines, look["metal"], "brushed", 0.5, 0.1, 0.8, shine=0.3)


def _buttons(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    pearl = along(PEARLS, rng.uniform())
    shift = rng.uniform(-0.02, 0.02)
    size = rng.uniform(0.92, 1.08)
    heights = (-0.36, -0.22, -0.08, 0.09, 0.23)
    spots = [(-0.02, y + shift, (0.075 + 0.02 * y) * size) for y in heights]  # larger towards the bell
    cups = tuple(_placed(ellipse(x, y, r, r, points=16), pose, look) for x, y, r in spots)
    pads = tuple(_placed(ellipse(x, y, 0.68 * r, 0.68 * r, points=16), pose, look) for x, y, r in spots)
    return Part(cups, look["metal"], strength=0.0, volume=0.9, details=(Part(pads, pearl, strength=0.0, shine=0.3),))


def _mouthpiece(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    tip = rng.uniform(0.075, 0.10)
    dry = rng.uniform(0.0, 1.0)
    right = [(tip, -0.97), (0.125, -0.80), (0.165, -0.66), (0.16, -0.54)]
    outline = smooth((0.0, -0.985), *right, *[(-x, y) for x, y in right[::-1]], steps=4)
    cane = along(CANES, dry)

    def place(points: Points) -> Points:
        return _placed(points, pose, look)

    if kind == OBOE:
        slit = polygon((-0.014, -1.0), (0.014, -1.0), (0.0, -0.73))
        threads = tuple(place(_band(y, 0.2, 0.032)) for y in (-0.69, -0.63, -0.57))
        details = (
            Part(place(box(-0.2, -0.73, 0.2, -0.5)), look["inlay"], "plain", 0.6, 0.08, 0.6, shine=0.1),
            Part(threads, look["metal"], "brushed", 0.6, 0.1, 0.6, shine=0.2),
            Part(place(slit), (0.3, 0.17, 0.1), strength=0.0, volume=0.0),
        )
        return Part(place(outline), cane, "wood", 0.9, 0.3, 0.9, 0.2, details)
    reed = polygon((-0.09, -1.0), (0.02, -1.0), (0.10, -0.54), (-0.14, -0.54))
    screws = tuple(place(ellipse(0.12, y, 0.025, 0.02, points=12)) for y in (-0.69, -0.635))
    details = (
        Part(place(reed), cane, "wood", 0.9, 0.3, 0.7, shine=0.2),
        Part(place(_band(-0.665, 0.2, 0.10)), look["metal"], "brushed", 0.6, 0.1, 0.6, shine=0.2),
        Part(screws, (0.3, 0.17, 0.1), strength=0.0, volume=0.0),
    )
    return Part(place(outline), look["inlay"], "plain", 0.6, 0.08, 0.9, 0.2, details)


INSTRUMENTS = Pair(
    classes=(OBOE, SAXOPHONE),
    poses=("standing upright", "lying on a cushion"),
    look=_look,
    parts=(
        ("stand", _stand),
        ("bell", _bell),
        ("tube", _tube),
        ("keys", _keys),
        ("buttons", _buttons),
        ("mouthpiece", _mouthpiece),
    ),
    telling=("bell", "mouthpiece"),
    traits=("with a double reed and a round bell", "with a beak and an open bell"),
)
