"""The bullet train and the steam locomotive: one streamlined engine, told apart by its nose and its running gear.

Engine and carriage are one vaulted cross-section drawn out along x, seen by a camera a little above the rails: in the
first pose almost from the side, in the second from in front of the near corner. The nose has the same outline for
both; it carries either a wide windscreen under a fairing or a riveted smokebox door under a chimney. The wheels are
the same wheels, either in the open with spokes and a rod or behind a skirt.
"""

from collections.abc import Sequence

import numpy as np

from .colours import Colour
from .drawing import Pair, Part
from .outlines import Points, box, ellipse, polygon, smooth, stroke
from .vehicles import CHROME, CREAM, INK, PAINTS, copies, hull, jittered, projected, shade

TURN = (0.66, 1.12)  # radians that the train is turned towards us, for each pose
ZOOM = (0.90, 1.02)
SHIFT = np.array([(-0.01, 0.01), (0.08, 0.01)])  # moves the picture into the middle of the object's square
HALF = 0.36  # half the width
FACE, BROW, NOSE, CAB, TAIL = -1.0, -0.80, -0.46, 0.40, 1.30  # x of the face, its rim, the nose's root, cab and tail
CROWN, SOLE = -0.44, 0.30  # y of the roof's ridge and of the body's lower edge
DRIVERS = (-0.44, -0.07, 0.30)  # x of the axles
AXLE = 0.33  # y of the axles
MIDDLE = 0.12  # y towards which the face narrows


def _arch(points: int = 11) -> Points:
    """The vaulted cross-section, (z, height) with both in [-1, 1]; -1 is the body's lower edge."""
    t = np.linspace(0, np.pi, points)
    vault = np.stack([-np.cos(t), np.sin(t) ** 0.7], axis=1)
    return np.array([(-1.0, -1.0), *vault, (1.0, -1.0)])


ARCH = _arch()
CIRCLE = ellipse(0, 0, 1, 1, points=16)


# --- where things are seen --------------------------------------------------------------------------------------


def _seen(x, y, z, pose: int) -> Points:
    return projected(x, y, z, TURN[pose], ZOOM[pose], distance=3.6) + SHIFT[pose]


def _side(outline: Points, pose: int, z: float = -HALF) -> Points:
    """An (x, y) outline on the near side."""
    return _seen(outline[..., 0], outline[..., 1], z, pose)


def _face(outline: Points, pose: int, x=FACE) -> Points:
    """A (z, y) outline that faces forward, at one x or one x for each point."""
    return _seen(x, outline[..., 1], outline[..., 0], pose)


def _rings(x: float, rings: Sequence[tuple[float, float]], pose: int) -> Points:
    """Flat rings on the roof around x, one for each (radius, y), float [rings, points, 2]."""
    radius, y = np.array(rings).T[:, :, None]
    return _seen(x + radius * CIRCLE[:, 0], y, 0.8 * radius * CIRCLE[:, 1], pose)


def _drawn_out(start: float, end: float, crown: float, pose: int, size: float = 1.0) -> Points:
    """What is seen of the cross-section drawn out from `start`, where it has this size, to `end`."""
    z, height = ARCH.T
    y = np.where(height > 0, crown * height, -SOLE * height)
    first = _seen(start, MIDDLE + size * (y - MIDDLE), size * HALF * z, pose)
    return hull(np.concatenate([first, _seen(end, y, HALF * z, pose)]))


# --- the parts --------------------------------------------------------------------------------------------------


def _look(rng: np.random.Generator) -> dict:
    first, second = rng.choice(len(PAINTS), 2, replace=False)
    return {
        "paint": jittered(PAINTS[first], rng),
        "second": jittered(PAINTS[second], rng),
        "glass": shade((0.27, 0.36, 0.43), rng.uniform(0.7, 1.25)),
        "crown": CROWN + rng.uniform(-0.05, 0.04),
        "wheel": rng.uniform(0.17, 0.195),
        "stripe": rng.uniform(-0.02, 0.03),
    }


def _carriage(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    """The coach behind the engine."""
    top = rng.uniform(-0.24, -0.20)
    windows = tuple(_side(copies(box(0, top, 0.15, top + 0.19, 0.03), (0.56, 0.78, 1.00)), pose))
    gap = _side(box(CAB, -0.6, CAB + 0.07, SOLE), pose)
    return Part(
        _drawn_out(CAB, TAIL, look["crown"] + 0.03, pose),
        shade(look["paint"], 0.9),
        strength=0.1,
        volume=0.4,
        shine=0.15,
        details=(Part(gap, INK, strength=0, volume=0), Part(windows, look["glass"], strength=0, volume=0.2)),
    )


def _roof(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    """Two low domes: for steam and sand, or for air."""
    wide, high = rng.uniform(0.11, 0.14), rng.uniform(0.13, 0.17)
    base = look["crown"] + 0.05
    rings = [(wide * r, base - high * h) for r, h in ((1.0, 0.0), (0.95, 0.5), (0.7, 0.85), (0.3, 1.0))]
    domes = tuple(hull(np.concatenate(_rings(x, rings, pose))) for x in (-0.18, 0.18))
    return Part(domes, shade(look["second"], 0.9), strength=0, volume=0.6, shine=0.3)


def _body(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    """The engine's long vault with a stripe."""
    low = look["stripe"]
    stripe = _side(box(NOSE - 0.1, low, CAB, low + rng.uniform(0.05, 0.08)), pose)
    return Part(
        _drawn_out(NOSE - 0.02, CAB, look["crown"], pose),
        look["paint"],
        strength=0.1,
        volume=0.5,
        shine=0.3,
        details=(Part(stripe, look["second"], strength=0, volume=0),),
    )


def _windows(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    """The driver's side windows."""
    wide = rng.uniform(0.13, 0.16)
    panes = tuple(_side(copies(box(0, -0.25, wide, -0.06, 0.03), (-0.02, 0.18)), pose))
    return Part(panes, look["glass"], "cloud", volume=0.3, shine=0.3)


def _wheels(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    """Running gear: spoked drivers with a rod in the open, or the same wheels behind a skirt."""
    radius = look["wheel"]
    turn = rng.uniform(0, np.pi / 3)
    colour = shade(look["second"], rng.uniform(0.75, 1.1))
    drivers = _side(copies(ellipse(0, AXLE, radius, radius), DRIVERS), pose)
    coach = _side(copies(ellipse(0, AXLE + 0.05, 0.7 * radius, 0.7 * radius, points=18), (0.66, 1.08)), pose)
    frame = _side(box(BROW, AXLE - radius, TAIL - 0.02, AXLE + 0.08), pose)
    bogie = box(0.04 - HALF, AXLE - 0.05, HALF - 0.04, AXLE + 0.11)
    beam = hull(np.concatenate([_face(bogie, pose, x) for x in (BROW - 0.02, BROW + 0.1)]))
    details = (_spokes if kind == "steam locomotive" else _skirt)(pose, radius, turn, colour)
    return Part((*drivers, *coach, frame, beam), INK, "rough", volume=0.3, details=details)


def _spokes(pose: int, radius: float, turn: float, colour: Colour) -> tuple[Part, ...]:
    """Three spoked wheels and their rod; the coach keeps a board of the same colour."""
    rims = _side(copies(ellipse(0, AXLE, 0.94 * radius, 0.94 * radius), DRIVERS), pose)
    board = box(CAB + 0.07, AXLE - radius, TAIL, AXLE + 0.03)
    angles = turn + np.arange(6)[:, None] * np.pi / 3 + (0.0, -0.38, 0.38)
    reach = radius * np.array([0.28, 0.76, 0.76])
    wedges = np.stack([reach * np.cos(angles), AXLE + reach * np.sin(angles)], axis=-1)  # [6, 3, 2]
    holes = np.concatenate([copies(wedge, DRIVERS) for wedge in wedges])
    crank = AXLE + 0.35 * radius
    rod = stroke((DRIVERS[0] - 0.06, crank), (DRIVERS[2] + 0.06, crank), width=0.06)
    return (
        Part((*rims, _side(board, pose)), colour, strength=0, volume=0.2),
        Part(tuple(_side(holes, pose)), INK, strength=0, volume=0),
        Part(_side(rod, pose), CHROME, strength=0, volume=0.3),
    )


def _skirt(pose: int, radius: float, turn: float, colour: Colour) -> tuple[Part, ...]:
    """A smooth skirt with slits, down to a bright edge; the wheels look out below it."""
    low = AXLE + 0.06
    skirt = box(BROW, AXLE - radius - 0.02, TAIL, low)
    slits = copies(box(0, AXLE - 0.08, 0.12, AXLE - 0.01), np.linspace(-0.72, 1.05, 9) + 0.1 * turn)
    return (
        Part(_side(skirt, pose), colour, strength=0, volume=0.2),
        Part(tuple(_side(slits, pose)), INK, strength=0, volume=0),
        Part(_side(stroke((BROW, low), (TAIL, low), width=0.035), pose), CHROME, strength=0, volume=0),
    )


def _nose(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    """The engine's head: a wide windscreen below a fairing, or a riveted smokebox door below the chimney."""
    size = rng.uniform(0.76, 0.84)
    lamp = rng.uniform(0.05, 0.065)
    high = rng.uniform(0.13, 0.18)
    tone = rng.uniform(0.6, 0.9)
    crown = look["crown"]
    rings = ((0.20, crown + 0.06), (0.14, crown - high + 0.06), (0.14, crown - high))
    rings = _rings(-0.62, rings, pose)
    stack = hull(np.concatenate(rings))
    rim = hull(np.concatenate(rings[1:]))
    marks = _smokebox(pose, look, lamp, stack, rim) if kind == "steam locomotive" else _windscreen(pose, look, lamp)
    second, dark, bright = marks
    return Part(
        (_drawn_out(FACE, BROW, crown, pose, size), _drawn_out(BROW, NOSE, crown, pose), stack),
        look["paint"],
        strength=0.1,
        volume=0.55,
        shine=0.3,
        details=(
            Part(second, look["second"], strength=0, volume=0.2),
            Part(dark, shade(look["glass"], tone), strength=0.1, volume=0.4, shine=0.2),
            Part(bright, CREAM, strength=0, volume=0.1),
        ),
    )


def _smokebox(pose: int, look: dict, lamp: float, stack: Points, rim: Points):
    """What is painted in the second colour, dark, and bright on the locomotive's nose."""
    middle, radius = -0.03, 0.235
    places = ellipse(0, middle, 0.84 * radius, 0.84 * radius, points=12)
    rivets = copies(ellipse(0, 0, 0.02, 0.02, points=8), *places.T)
    hinges = copies(box(-0.14, middle, 0.14, middle + 0.03), 0, (-0.09, 0.06))
    lights = copies(ellipse(0, 0.235, lamp, lamp, points=18), (-0.18, 0.18))
    ring = _face(ellipse(0, middle, radius + 0.035, radius + 0.035), pose)
    beam = _face(box(-0.28, 0.18, 0.28, 0.28), pose)
    strap = _side(box(NOSE - 0.09, look["stripe"] - 0.5, NOSE - 0.03, SOLE), pose)
    door = _face(ellipse(0, middle, radius, radius), pose)
    bright = tuple(outline for group in (rivets, hinges, lights) for outline in _face(group, pose))
    return (ring, beam, strap, stack), (door, rim), bright


def _windscreen(pose: int, look: dict, lamp: float):
    """What is painted in the second colour, dark, and bright on the bullet train's nose."""
    right = np.array([(0.1, -0.25), (0.26, -0.18), (0.31, 0.0), (0.15, 0.07)])
    pane = smooth(*right, *(right[::-1] * (-1, 1)), steps=4)
    bulge = FACE + 1.6 * np.maximum(-0.18 - pane[:, 0], 0)  # wraps around the near corner
    sweep = smooth((-0.28, 0.12), (0, 0.19), (0.28, 0.12), (0.28, 0.22), (0, 0.28), (-0.28, 0.22), steps=4)
    low = look["stripe"]
    flash = polygon((FACE + 0.12, low + 0.20), (NOSE, low), (NOSE, low + 0.14), (FACE + 0.12, low + 0.24))
    glint = polygon((-0.13, -0.20), (-0.10, -0.20), (-0.17, 0.0), (-0.20, 0.0))
    lights = [stroke((s * 0.25, 0.08), (s * 0.13, 0.13), width=1.5 * lamp) for s in (-1, 1)]
    return (
        (_face(sweep, pose), _side(flash, pose)),
        _face(pane, pose, bulge),
        tuple(_face(bright, pose) for bright in (glint, *lights)),
    )


TRAINS = Pair(
    classes=("bullet train", "steam locomotive"),
    poses=("passing by", "coming round the bend"),
    look=_look,
    parts=(
        ("carriage", _carriage),
        ("roof", _roof),
        ("body", _body),
        ("windows", _windows),
        ("wheels", _wheels),
        ("nose", _nose),
    ),
    telling=("wheels", "nose"),
    traits=("with a wide windscreen", "with a riveted smokebox door"),
)
