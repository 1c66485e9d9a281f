"""Robins and bald eagles: one bird, two beaks and two breasts.

The beak's outline comes from one family (more or less hooked) that both classes share almost entirely, and the breast's
from one distribution; what tells the classes apart is what is drawn inside: a yellow beak with a dark, sweeping gape
against a slate one with a straight, pale edge; a smooth red breast against a brown, scalloped one. The colours of head,
wings and legs are the object's own and say nothing about the class.
"""

import numpy as np

from .colours import mix
from .drawing import Pair, Part
from .outlines import Points, ellipse, smooth, stroke, turned

ROBIN, EAGLE = "robin", "bald eagle"
PERCHED, FLYING = 0, 1

BLACK, WHITE = (0.07, 0.06, 0.06), (0.97, 0.96, 0.93)
RUST, RED = (0.50, 0.32, 0.20), (0.86, 0.29, 0.13)
COATS = ((0.34, 0.24, 0.17), (0.27, 0.25, 0.26), (0.42, 0.33, 0.22), (0.36, 0.37, 0.40), (0.24, 0.18, 0.15))
HEADS = ((0.95, 0.94, 0.90), (0.27, 0.22, 0.20), (0.56, 0.50, 0.44), (0.84, 0.78, 0.66), (0.40, 0.40, 0.43))
LEGS = ((0.93, 0.71, 0.17), (0.78, 0.47, 0.20), (0.42, 0.30, 0.24), (0.85, 0.60, 0.48))


def _look(rng: np.random.Generator) -> dict:
    """The bird's own colours and proportions."""
    coat = COATS[rng.integers(len(COATS))]
    coat = tuple(np.clip(np.array(coat) * rng.uniform(0.85, 1.25), 0, 1))
    return {
        "coat": coat,
        "head": mix(HEADS[rng.integers(len(HEADS))], coat, rng.uniform(0, 0.25)),
        "legs": LEGS[rng.integers(len(LEGS))],
        "plump": rng.uniform(0.9, 1.12),
        "head size": rng.uniform(0.92, 1.1),
    }


def _head_centre(pose: int) -> tuple[float, float]:
    return (-0.36, -0.50) if pose == PERCHED else (-0.47, -0.02)


def _tail(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    length, spread = rng.uniform(0.88, 1.08), rng.uniform(0.85, 1.2)
    start, end = ((0.28, 0.30), (0.30 + 0.46 * length, 0.30 + 0.60 * length))
    if pose == FLYING:
        start, end = ((0.30, 0.14), (0.35 + 0.60 * length, 0.26 + 0.10 * length))
    start, end = np.array(start), np.array(end)
    along = (end - start) / np.linalg.norm(end - start)
    across = np.array((-along[1], along[0])) * spread * (0.13 if pose == PERCHED else 0.2)
    outline = np.concatenate(
        [[start + 0.8 * across, start - 0.8 * across], [end - across, end + 0.05 * along, end + across]]
    )
    quills = tuple(stroke(start + 0.25 * (end - start), end + side * across, width=0.022) for side in (-0.5, 0.0, 0.5))
    dark = mix(look["coat"], BLACK, 0.35)
    band = stroke(end - 0.09 * along - 1.2 * across, end - 0.09 * along + 1.2 * across, width=0.07)
    details = (
        Part(band, mix(look["head"], dark, 0.35), volume=0, strength=0),
        Part(quills, mix(dark, BLACK, 0.5), volume=0, strength=0),
    )
    return Part(outline, dark, "feathers", strength=0.18, volume=0.4, details=details)


def _legs(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    stance, length = rng.uniform(-0.05, 0.05), rng.uniform(0.95, 1.05)
    colour = mix(look["legs"], BLACK, rng.uniform(0, 0.15))
    if pose == PERCHED:
        legs = [_leg((x, 0.40), (x + stance - 0.04, 0.86 * length), (-0.15, -0.02, 0.12)) for x in (-0.06, 0.16)]
    else:
        legs = [_leg((x, 0.26), (x + 0.22, 0.47 * length + stance), (0.08, 0.13, 0.16)) for x in (0.0, 0.14)]
    return Part(tuple(o for leg in legs for o in leg), colour, "rough", strength=0.2, volume=0.6)


def _leg(hip: tuple[float, float], foot: tuple[float, float], toes: tuple[float, ...]) -> list[Points]:
    """A shank and its toes, which end at the given distances from the foot."""
    x, y = foot
    shank = stroke(hip, (0.4 * hip[0] + 0.6 * x, 0.5 * (hip[1] + y)), foot, width=(0.13, 0.06, 0.055))
    return [shank] + [
        stroke((x, y - 0.02), (x + 0.7 * t, y + 0.03), (x + t, y + 0.07), width=(0.06, 0.05, 0.02)) for t in toes
    ]


def _body(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    plump = look["plump"] * rng.uniform(0.97, 1.03)
    colour = mix(look["coat"], WHITE, rng.uniform(0.0, 0.12))
    if pose == PERCHED:
        outline = smooth(
            (-0.30, -0.66), (-0.08, -0.52), (0.22, -0.24), (0.42, 0.12), (0.46, 0.42), (0.28, 0.52 * plump),
            (-0.02, 0.56 * plump), (-0.36 * plump, 0.40), (-0.56 * plump, 0.06), (-0.55 * plump, -0.24),
        )  # fmt: skip
    else:
        outline = smooth(
            (-0.62, -0.12), (-0.40, -0.18), (0.00, -0.13), (0.36, 0.06), (0.56, 0.22), (0.36, 0.32 * plump),
            (0.04, 0.43 * plump), (-0.32, 0.40 * plump), (-0.60, 0.20),
        )  # fmt: skip
    return Part(outline, colour, "feathers", strength=0.18, volume=0.75, shine=0.08)


def _breast(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    plump, warmth, light = look["plump"], rng.uniform(0, 0.8), rng.uniform(0.8, 1.15)
    shift, seam = rng.uniform(-0.02, 0.02), rng.uniform(0.0, 0.06)
    if pose == PERCHED:
        outline = smooth(
            (-0.50, -0.34), (-0.22 + seam, -0.26), (-0.02 + seam, 0.06 + shift), (0.00 + seam, 0.34),
            (-0.14, 0.52 * plump), (-0.36 * plump, 0.40), (-0.57 * plump, 0.07), (-0.57 * plump, -0.20),
        )  # fmt: skip
        centre, turn = (-0.28, 0.08), 0.3
    else:
        outline = smooth(
            (-0.64, 0.12), (-0.36, 0.08 + shift), (-0.02 + seam, 0.12), (0.18 + seam, 0.26),
            (0.06, 0.43 * plump), (-0.32, 0.41 * plump), (-0.58, 0.27),
        )  # fmt: skip
        centre, turn = (-0.22, 0.27), 0.0
    if kind == "robin":
        red = mix(RUST, RED, warmth + 0.2)
        glow = ellipse(centre[0] - 0.08, centre[1], 0.2, 0.16)
        details = (Part(glow, tuple(np.clip(np.array(red) * light * 1.12, 0, 1)), "feathers", 0.6, 0.1, volume=0),)
        return Part(
            outline, tuple(np.array(red) * light), "feathers", 0.6, 0.12, volume=0.75, shine=0.1, details=details
        )
    brown = mix(RUST, RED, warmth)
    dark = Part(_scallops(centre, turn), mix(brown, BLACK, 0.62), volume=0, strength=0)
    pale = Part(_scallops((centre[0], centre[1] + 0.045), turn), mix(brown, WHITE, 0.5), volume=0, strength=0)
    return Part(outline, tuple(np.array(brown) * light), strength=0.1, volume=0.75, shine=0.1, details=(pale, dark))


def _scallops(centre: tuple[float, float], turn: float) -> tuple[Points, ...]:
    """Rows of small arcs around the centre, like the edges of overlapping feathers."""
    arc = np.stack(
        [0.085 * np.cos(np.linspace(0.15, np.pi - 0.15, 6)), 0.075 * np.sin(np.linspace(0.15, np.pi - 0.15, 6))], 1
    )
    row, column = np.mgrid[-3:4, -3:4].reshape(2, -1)
    middles = turned(np.stack([0.17 * (column + 0.5 * (row % 2)), 0.125 * row], axis=1), turn) + centre
    return tuple(stroke(*arc, width=0.036) + middles[:, None])


def _wing(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    reach, droop = rng.uniform(0.93, 1.07), rng.uniform(-0.05, 0.05)
    colour = mix(look["coat"], BLACK, rng.uniform(0.1, 0.3))
    bars = mix(look["head"], colour, rng.uniform(0.2, 0.6))
    feathers = mix(colour, BLACK, 0.55)
    if pose == PERCHED:
        outline = smooth(
            (-0.02, -0.34), (0.20, -0.22), (0.44, 0.10), (0.62 * reach, 0.52 * reach), (0.58 * reach, 0.62 * reach),
            (0.34, 0.42 + droop), (0.10, 0.22 + droop), (-0.06, -0.04),
        )  # fmt: skip
        tip = (0.56 * reach, 0.55 * reach)
        quills = tuple(stroke((0.14 + 0.06 * i, 0.22 - 0.13 * i + droop), tip, width=(0.03, 0.02)) for i in range(3))
        bar = stroke((-0.06, 0.02), (0.10, 0.06), (0.28, -0.08), width=0.05)
        return Part(
            outline, colour, "feathers", 0.7, 0.2, 0.6,
            details=(Part(quills, feathers, volume=0, strength=0), Part(bar, bars, volume=0, strength=0)),
        )  # fmt: skip
    lift = -0.93 * reach
    near = smooth(
        (-0.26, 0.06), (-0.30, -0.22), (-0.10, -0.62), (0.22, lift), (0.36, lift - 0.02),
        (0.42, lift + 0.12), (0.52, lift + 0.16),
        (0.50, -0.58 * reach), (0.56, -0.48), (0.44, -0.32), (0.46, -0.16), (0.28, 0.02 + droop), (0.02, 0.14),
    )  # fmt: skip
    far = smooth(
        (-0.30, -0.10), (-0.44, -0.42), (-0.34, -0.78 * reach), (-0.22, -0.80 * reach), (-0.12, -0.48), (-0.14, -0.10)
    )
    quills = tuple(
        stroke((-0.02 + 0.08 * i, -0.26 + 0.06 * i), (0.36 + 0.06 * i, -0.88 + 0.22 * i), width=(0.03, 0.02))
        for i in range(4)
    )
    bar = stroke((-0.24, -0.14), (0.04, -0.20), (0.40, -0.06), width=0.06)
    shadow = Part(
        stroke((-0.26, 0.0), (-0.26, -0.50), (-0.12, -0.80), width=(0.05, 0.05, 0.16)), feathers, volume=0, strength=0
    )
    return Part(
        (near, far), colour, "feathers", 0.7, 0.2, 0.6,
        details=(shadow, Part(quills, feathers, volume=0, strength=0), Part(bar, bars, volume=0, strength=0)),
    )  # fmt: skip


def _head(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    x, y = _head_centre(pose)
    size, cap = look["head size"] * rng.uniform(0.98, 1.02), rng.uniform(0.1, 0.5)
    colour = mix(look["head"], BLACK, rng.uniform(0, 0.12))
    outline = smooth(
        (x - 0.27 * size, y + 0.02), (x - 0.20 * size, y - 0.19 * size),
        (x + 0.02, y - 0.27 * size), (x + 0.22 * size, y - 0.16 * size),
        (x + 0.30 * size, y + 0.08), (x + 0.22 * size, y + 0.26 * size),
        (x - 0.04, y + 0.25 * size), (x - 0.22 * size, y + 0.18 * size),
    )  # fmt: skip
    eye = (x - 0.06, y - 0.04)
    details = (
        Part(
            ellipse(x + 0.10, y - 0.20, 0.26, 0.13, 0.35, points=14),
            mix(colour, look["coat"], cap),
            volume=0,
            strength=0,
        ),
        Part(ellipse(*eye, 0.075, 0.075, points=16), mix(look["legs"], WHITE, 0.35), volume=0, strength=0),
        Part(ellipse(*eye, 0.055, 0.055, points=14), BLACK, volume=0, strength=0),
        Part(ellipse(eye[0] - 0.02, eye[1] - 0.025, 0.02, 0.02, points=8), WHITE, volume=0, strength=0),
    )
    return Part(outline, colour, "feathers", 0.7, 0.14, 0.65, shine=0.12, details=details)


def _beak(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    x, y = _head_centre(pose)
    x, y = x - 0.20 * look["head size"], y + 0.05
    hook, length, depth = (
        0.85 * rng.uniform() + 0.15 * (kind == "bald eagle"),
        rng.uniform(0.36, 0.42),
        rng.uniform(0.9, 1.1),
    )
    tone, light = rng.uniform(), rng.uniform(0.9, 1.1)
    tip = (x - length, y + 0.02 + 0.17 * hook)
    outline = smooth(
        (x + 0.03, y - 0.14 * depth), (x - 0.4 * length, y - 0.13 * depth),
        (x - 0.82 * length, y - 0.05 + 0.02 * hook), tip,
        (x - 0.80 * length, y + 0.10 + 0.03 * hook), (x - 0.4 * length, y + 0.14 * depth), (x + 0.03, y + 0.16 * depth),
    )  # fmt: skip
    if kind == "robin":
        slate = mix((0.22, 0.20, 0.21), (0.52, 0.38, 0.20), tone)
        lower = smooth((x + 0.06, y + 0.02), (x - length, y + 0.06), (x - 0.5 * length, y + 0.22), (x + 0.06, y + 0.22))
        edge = stroke((x + 0.06, y + 0.02), (x - length, y + 0.05 + 0.06 * hook), width=0.03)
        details = (
            Part(lower, mix(slate, (0.95, 0.80, 0.50), 0.55), volume=0, strength=0),
            Part(edge, mix(slate, BLACK, 0.7), volume=0, strength=0),
        )
        return Part(outline, tuple(np.array(slate) * light), "rough", 0.5, 0.1, 0.6, shine=0.25, details=details)
    yellow = mix((0.98, 0.80, 0.16), (0.92, 0.60, 0.14), tone)
    gape = stroke(
        (x + 0.06, y + 0.08), (x - 0.35 * length, y + 0.07), (x - 0.8 * length, y + 0.12), width=(0.05, 0.04, 0.02)
    )
    details = (
        Part(ellipse(tip[0] + 0.02, tip[1], 0.10, 0.09, points=12), mix(yellow, BLACK, 0.45), volume=0, strength=0),
        Part(
            (gape, ellipse(x - 0.10, y - 0.05, 0.035, 0.02, points=10)), mix(yellow, BLACK, 0.75), volume=0, strength=0
        ),
    )
    return Part(
        outline, tuple(np.clip(np.array(yellow) * light, 0, 1)), "rough", 0.5, 0.1, 0.7, shine=0.3, details=details
    )


BIRDS = Pair(
    classes=(ROBIN, EAGLE),
    poses=("perched", "in flight"),
    look=_look,
    parts=(
        ("tail", _tail),
        ("legs", _legs),
        ("body", _body),
        ("breast", _breast),
        ("wing", _wing),
        ("head", _head),
        ("beak", _beak),
    ),
    telling=("beak", "breast"),
    traits=("with a red breast", "with a hooked yellow beak"),
)
