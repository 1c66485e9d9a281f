"""The pickup and the police van: one car, told apart by what stands behind the cab and on its roof.

The car is a handful of convex solids, x to the right, y down, z away from us, seen by a camera a little above it: in
the first pose almost from the side, in the second from in front of its near corner. Two-tone paint is shared, so that
neither the outline nor the colours say which car it is.
"""

import numpy as np

from .drawing import Pair, Part
from .outlines import Points, box, ellipse, polygon, stroke
from .vehicles import CHROME, CREAM, INK, PAINTS, copies, hull, jittered, projected, shade

TURN = (0.16, 0.86)  # radians that the car is turned towards us, for each pose
ZOOM = (0.91, 0.95)  # so that both poses fill the object's square
HALF = 0.40  # half the car's width
FRONT, CAB, BACK = -0.95, 0.14, 0.97  # x of the radiator, of the cab's rear wall, of the tail
ROOF, BELT, SILL = -0.46, -0.06, 0.36  # y of the roof, of the windows' lower edge, of the underside
AXLES = (-0.56, 0.56)
HOOD = -0.50  # x where the windscreen starts
BROW = -0.27  # x where the roof starts

LAMPS = ((0.16, 0.36, 0.88), (0.87, 0.16, 0.14), (0.95, 0.66, 0.18), (0.93, 0.91, 0.82))


# --- where things are seen --------------------------------------------------------------------------------------


def _side(outline: Points, pose: int, z: float = -HALF) -> Points:
    """An (x, y) outline on the car's near side, or an array of them."""
    return projected(outline[..., 0], outline[..., 1], z, TURN[pose], ZOOM[pose])


def _across(outline: Points, pose: int, x=FRONT) -> Points:
    """A (z, y) outline that faces forward, or an array of them, at one x or one x for each point."""
    return projected(x, outline[..., 1], outline[..., 0], TURN[pose], ZOOM[pose])


def _top(left: float, right: float, y: float, pose: int, half: float = HALF) -> Points:
    """A rectangle that lies flat at height y."""
    corners = np.array([(left, -half), (right, -half), (right, half), (left, half)])
    return projected(corners[:, 0], y, corners[:, 1], TURN[pose], ZOOM[pose])


def _solid(profile: Points, pose: int, half: float = HALF) -> Points:
    """What is seen of a solid with this convex side profile."""
    return hull(np.concatenate([_side(profile, pose, -half), _side(profile, pose, half)]))


# --- what the parts share ---------------------------------------------------------------------------------------


def _look(rng: np.random.Generator) -> dict:
    first, second = rng.choice(len(PAINTS), 2, replace=False)
    return {
        "paint": jittered(PAINTS[first], rng),
        "second": jittered(PAINTS[second], rng),
        "glass": shade((0.27, 0.36, 0.43), rng.uniform(0.7, 1.25)),
        "wheel": rng.uniform(0.185, 0.225),
        "roof": ROOF + rng.uniform(-0.04, 0.04),
    }


def _arch(axle: float, pose: int, look: dict) -> Points:
    """The opening above a wheel."""
    return _side(ellipse(axle, SILL, look["wheel"] + 0.05, look["wheel"] + 0.05), pose)


# --- the parts --------------------------------------------------------------------------------------------------


def _rear(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    """Behind the cab: a bed piled with logs, or a closed wall with a window and a chequered band."""
    top = look["roof"] + rng.uniform(-0.03, 0.05)
    seam = rng.uniform(-0.02, 0.03)  # y of the bed's rim, or of the band
    split = rng.uniform(0.46, 0.60)  # x between the crates, or of the window
    tone = rng.uniform(0.8, 1.4)
    start = CAB - 0.1  # the cab hides the first bit
    profile = polygon((start, SILL), (start, top), (BACK - 0.05, top), (BACK, top + 0.05), (BACK, SILL))
    roof = Part(_top(start, BACK, top, pose), shade(look["second"], 1.15), strength=0, volume=0)
    lower = Part(_side(box(start, seam, BACK, SILL), pose), look["paint"], volume=0.3, shine=0.1)
    glass, lines = (_logs if kind == "pickup" else _panel)(pose, look, top, seam, split, tone)
    dark = Part((*lines, _arch(AXLES[1], pose, look)), shade(look["second"], 0.3), strength=0, volume=0)
    return Part(
        _solid(profile, pose),
        look["second"],
        texture="wood",
        strength=0.2,
        volume=0.4,
        details=(roof, glass, lower, dark),
    )


def _logs(pose: int, look: dict, top: float, seam: float, split: float, tone: float):
    """Ends of logs, some painted like glass, so that the colours are those of a window in a wall."""
    radius = (seam - top) / 4
    column, row = np.arange(8) % 4, np.arange(8) // 4
    x, y = BACK - 0.03 - (2 * column + 1 + row) * radius, top + (2 * row + 1) * radius
    circle = ellipse(0, 0, radius, radius, points=18)
    bark = np.concatenate([circle, circle[:1], 0.86 * circle[:1], 0.86 * circle[::-1]])
    painted = _side(copies(0.9 * circle, x[[1, 3, 4, 6]], y[[1, 3, 4, 6]]), pose)
    painted = Part(tuple(painted), shade(look["glass"], tone), strength=0, volume=0.3, shine=0.3)
    return painted, _side(copies(bark, x, y), pose)


def _panel(pose: int, look: dict, top: float, seam: float, split: float, tone: float):
    """A window in a closed wall, a chequered band beneath it."""
    pane = box(split - 0.16, top + 0.09, BACK - 0.12, seam - 0.06, 0.04)
    square = (BACK - CAB) / 12
    steps = np.arange(12)
    checks = _side(copies(box(0, 0, square, 0.06), CAB + steps * square, seam + 0.06 * (steps % 2)), pose)
    return Part(_side(pane, pose), shade(look["glass"], tone), strength=0, volume=0.3, shine=0.3), checks


def _body(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    """Engine and cab."""
    bow = rng.uniform(-0.03, 0.02)  # y of the bonnet's front edge
    roof, paint = look["roof"], look["paint"]
    engine = polygon((FRONT, SILL), (FRONT, bow), (FRONT + 0.04, bow - 0.02), (HOOD, BELT), (CAB, BELT), (CAB, SILL))
    cab = polygon((HOOD, BELT), (BROW, roof + 0.02), (BROW + 0.06, roof), (CAB, roof), (CAB, SILL), (HOOD, SILL))
    x, y = np.array([(FRONT, bow), (HOOD, BELT), (HOOD, BELT), (FRONT, bow)]).T
    bonnet = projected(x, y, np.array([-HALF, -HALF, HALF, HALF]), TURN[pose], ZOOM[pose])
    door = stroke((CAB - 0.05, roof), (CAB - 0.05, 0.3), (HOOD + 0.16, 0.3), width=0.02)
    radiator = _across(box(-HALF, bow, HALF, SILL), pose)
    return Part(
        (_solid(engine, pose), _solid(cab, pose)),
        paint,
        strength=0.08,
        volume=0.45,
        shine=0.2,
        details=(
            Part((bonnet, _top(BROW, CAB, roof, pose)), shade(paint, 1.15), strength=0, volume=0),
            Part(radiator, shade(paint, 0.84), strength=0, volume=0),
            Part((_side(door, pose), _arch(AXLES[0], pose, look)), INK, strength=0, volume=0),
        ),
    )


def _windshield(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    """Windscreen and side window."""
    post = rng.uniform(0.05, 0.08)
    roof = look["roof"] + 0.06
    wide = HALF - 0.05
    screen = polygon((-wide, BELT - 0.03), (-wide, roof), (wide, roof), (wide, BELT - 0.03))
    slope = np.array([HOOD + 0.02, BROW - 0.03, BROW - 0.03, HOOD + 0.02])
    window = polygon((HOOD + post + 0.05, BELT), (BROW + post, roof), (CAB - 0.1, roof), (CAB - 0.1, BELT))
    return Part(
        (_across(screen, pose, slope), _side(window, pose)), look["glass"], "cloud", strength=0.3, volume=0.3, shine=0.4
    )


def _front(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    """Bumper, grille and headlights."""
    lamp = rng.uniform(0.07, 0.09)
    grille = rng.uniform(0.18, 0.22)
    bumper = (
        _across(box(-HALF - 0.03, 0.27, HALF + 0.03, 0.38), pose, FRONT - 0.03),
        _side(box(FRONT - 0.03, 0.27, FRONT + 0.2, 0.38), pose),
    )
    eyes = tuple(_across(copies(ellipse(0, 0.13, lamp, lamp, points=18), (0.1 - HALF, HALF - 0.1)), pose))
    bars = tuple(_across(copies(box(0.02 - grille, 0, grille - 0.02, 0.025), 0, (0.08, 0.13, 0.18)), pose))
    return Part(
        (*bumper, *eyes, _across(box(-grille, 0.06, grille, 0.23), pose)),
        CHROME,
        strength=0.1,
        volume=0.4,
        shine=0.2,
        details=(Part(bars, INK, strength=0, volume=0), Part(eyes, CREAM, strength=0, volume=0.5)),
    )


def _lightbar(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    """On the roof: two beacons side by side, or a rack of three lamps."""
    first, second = (LAMPS[i] for i in rng.choice(len(LAMPS), 2, replace=False))
    wide, high = rng.uniform(0.25, 0.28), rng.uniform(0.28, 0.31)
    x, y = projected((BROW + CAB) / 2 + 0.02, look["roof"], 0.0, TURN[pose], ZOOM[pose])
    frame = box(x - wide, y - high + 0.02, x + wide, y + 0.03, 0.06)
    if kind == "pickup":
        lamps = [ellipse(x + i * wide * 0.62, y - high * 0.48, wide * 0.28, high * 0.34) for i in (-1, 0, 1)]
        lights = ((lamps[0], lamps[2]), lamps[1])
    else:
        middle, top, bottom = 0.03, y - high + 0.05, y - 0.05
        lights = (
            box(x - wide + 0.03, top, x - middle, bottom, 0.06),
            box(x + middle, top, x + wide - 0.03, bottom, 0.06),
        )
    details = (
        Part(lights[0], first, strength=0, volume=0.6, shine=0.4),
        Part(lights[1], second, strength=0, volume=0.6, shine=0.4),
    )
    return Part(frame, shade(CHROME, 0.45), strength=0, volume=0.4, details=details)


def _wheels(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    """Tyres with hubs."""
    hub = look["wheel"] * rng.uniform(0.52, 0.62)
    tread, face = 0.16 - HALF, -0.01 - HALF  # z of the tyre's two sides
    rims = copies(ellipse(0, SILL, look["wheel"], look["wheel"]), AXLES)
    tyres = np.concatenate([_side(rims, pose, tread), _side(rims, pose, face)], axis=1)
    hubs = tuple(_side(copies(ellipse(0, SILL, hub, hub, points=18), AXLES), pose, face))
    details = (Part(hubs, CHROME, strength=0, volume=0.6),)
    return Part(tuple(hull(tyre) for tyre in tyres), INK, "rough", volume=0.4, details=details)


CARS = Pair(
    classes=("pickup", "police van"),
    poses=("seen from the side", "turning towards us"),
    look=_look,
    parts=(
        ("rear", _rear),
        ("body", _body),
        ("windshield", _windshield),
        ("front", _front),
        ("lightbar", _lightbar),
        ("wheels", _wheels),
    ),
    telling=("rear", "lightbar"),
    traits=("with logs in its bed", "with beacons on its roof"),
)
