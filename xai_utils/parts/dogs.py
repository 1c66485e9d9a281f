"""Golden retriever and german shepherd: one dog, told apart by its ear and by the coat on its back.

Both kinds share skeleton, coat colours and outline. The ear rises equally high in both; in one it falls over into a
rounded flap, in the other it stands and shows its dark inside. The back carries the same two colours in both: as long
wavy locks in one, as a closed saddle with a ragged hem in the other.
"""

import numpy as np

from .colours import along, mix
from .drawing import Pair, Part
from .outlines import Points, ellipse, smooth, stroke

GOLDEN, SHEPHERD = "golden retriever", "german shepherd"
HEAD_CENTRE = ((-0.39, -0.49), (-0.27, -0.50))  # standing, sitting; (x, y) in object units
COATS = ((0.93, 0.79, 0.55), (0.85, 0.62, 0.32), (0.72, 0.45, 0.22), (0.60, 0.38, 0.21))  # cream to brown
MARKINGS = ((0.11, 0.09, 0.09), (0.20, 0.13, 0.10), (0.32, 0.18, 0.10))  # black to chestnut
COLLARS = ((0.80, 0.14, 0.16), (0.14, 0.34, 0.72), (0.10, 0.52, 0.38), (0.93, 0.70, 0.12), (0.50, 0.18, 0.52))


def _look(rng: np.random.Generator) -> dict:
    return {
        "coat": along(COATS, rng.uniform()),
        "marking": along(MARKINGS, rng.uniform()),
        "mask": rng.uniform(0.0, 1.0),  # how much of the marking's colour the face, the legs and the tail take on
        "head": rng.uniform(1.08, 1.17),  # scale of the head
        "stout": rng.uniform(0.92, 1.08),  # scale of the trunk across
        "reach": rng.uniform(0.75, 1.3),  # how far down the flank the coat of the back reaches
    }


def _furry(outline: Points, length: float, rng: np.random.Generator) -> Points:
    """The outline with tufts: every third point is pulled outwards by up to `length`."""
    along = np.roll(outline, -1, 0) - np.roll(outline, 1, 0)
    outward = np.stack([along[:, 1], -along[:, 0]], axis=1)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True) + 1e-9
    pull = np.where(np.arange(len(outline)) % 3 == 0, rng.uniform(0.2, 1.0, len(outline)), 0.0)
    return outline + length * pull[:, None] * outward


def _on_head(points: Points, pose: int, look: dict) -> Points:
    """From the head's own coordinates (centre of the skull at the origin) to the object's."""
    return points * look["head"] + HEAD_CENTRE[pose]


def _stout(points: Points, pose: int, look: dict) -> Points:
    """The trunk made thinner or thicker: across the back when standing, from chest to back when sitting."""
    centre = np.array([[0.0, -0.05], [0.0, 0.0]][pose])
    scale = (1.0, look["stout"]) if pose == 0 else (look["stout"], 1.0)
    return (points - centre) * scale + centre


def _tail(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    lift = rng.uniform(-0.22, 0.12)
    bushy = rng.uniform(0.85, 1.15)
    if pose == 0:
        spine = ((0.52, -0.22), (0.68, -0.22 + lift * 0.3), (0.82, -0.16 + lift), (0.94, -0.12 + 1.6 * lift))
    else:
        spine = ((0.34, 0.74), (0.55, 0.80), (0.76, 0.76 + lift * 0.4), (0.93, 0.62 + lift))
    plume = stroke(*spine, width=[0.14 * bushy, 0.22 * bushy, 0.24 * bushy, 0.06])
    colour = mix(look["coat"], look["marking"], 0.8 * look["mask"])
    return Part(_furry(smooth(*plume, steps=4), 0.035, rng), colour, "fur", 1.1, 0.18, 0.6)


def _leg(joints: tuple[tuple[float, float], ...], width: list[float]) -> tuple[Points, Points]:
    x, y = joints[-1]
    return stroke(*joints, width=width), ellipse(x - 0.045, y + 0.01, 0.125, 0.07)


def _legs(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    step = rng.uniform(-0.07, 0.07)
    if pose == 0:
        fore = _leg(((-0.34, 0.10), (-0.35, 0.50), (-0.37 + step, 0.90)), [0.32, 0.22, 0.16])
        hind = _leg(((0.46, 0.0), (0.46, 0.36), (0.59, 0.62), (0.54 - step, 0.90)), [0.44, 0.34, 0.17, 0.16])
        far = _leg(((-0.12, 0.10), (-0.13, 0.50), (-0.12 - step, 0.86)), [0.24, 0.19, 0.14])
        far += _leg(((0.28, 0.0), (0.22, 0.36), (0.34, 0.62), (0.28 + step, 0.86)), [0.34, 0.24, 0.15, 0.14])
    else:
        fore = _leg(((-0.28, 0.05), (-0.30, 0.50), (-0.32 + step * 0.3, 0.90)), [0.28, 0.22, 0.17])
        hind = (ellipse(0.08 + step * 0.5, 0.90, 0.22, 0.075),)
        far = _leg(((-0.10, 0.05), (-0.11, 0.50), (-0.11 - step * 0.3, 0.87)), [0.20, 0.19, 0.14])
    colour = mix(look["coat"], look["marking"], 0.8 * look["mask"])
    shade = mix(colour, (0.10, 0.07, 0.06), 0.38)
    return Part(far + fore + hind, colour, "fur", 1.1, 0.15, 0.6, details=(Part(far, shade, "fur", 1.1, 0.12, 0.4),))


def _body(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    belly = rng.uniform(-0.03, 0.05)
    if pose == 0:
        trunk = smooth(
            (-0.10, -0.52), (-0.04, -0.38), (0.18, -0.33), (0.46, -0.36), (0.67, -0.20), (0.69, 0.12), (0.50, 0.28),
            (0.18, 0.28 + belly), (-0.10, 0.38 + belly), (-0.34, 0.42), (-0.56, 0.20), (-0.60, -0.16), (-0.46, -0.50),
        )  # fmt: skip
        chest = smooth((-0.66, -0.26), (-0.36, -0.20), (-0.28, 0.12), (-0.32, 0.44), (-0.58, 0.30), (-0.70, 0.0))
        haunch = ellipse(0.48, 0.05, 0.21, 0.30, 0.2)
    else:
        trunk = smooth(
            (0.04, -0.52), (0.10, -0.30), (0.28, 0.0), (0.46, 0.36), (0.54, 0.68), (0.42, 0.90),
            (0.06, 0.93), (-0.18 + belly, 0.78), (-0.36, 0.44), (-0.48, 0.12), (-0.46, -0.20), (-0.34, -0.48),
        )  # fmt: skip
        chest = smooth((-0.52, -0.25), (-0.26, -0.20), (-0.18, 0.12), (-0.24, 0.46), (-0.44, 0.36), (-0.56, 0.08))
        haunch = ellipse(0.24, 0.66, 0.25, 0.26, -0.3)
    pale = mix(look["coat"], (0.98, 0.90, 0.74), 0.45)
    details = (
        Part(_furry(chest, 0.06, rng), pale, "fur", 1.1, 0.18, 0.3),
        Part(haunch, look["coat"], "fur", 1.1, 0.15, 0.75),
    )
    return Part(_furry(_stout(trunk, pose, look), 0.035, rng), look["coat"], "fur", 1.1, 0.15, 0.75, details=details)


# For each pose, the line along the back and the hem below it, both from the neck to the rump.
BACK = (
    ((-0.12, -0.38), (-0.02, -0.36), (0.18, -0.32), (0.44, -0.35), (0.63, -0.23)),
    ((0.02, -0.34), (0.10, -0.27), (0.26, -0.01), (0.43, 0.36), (0.50, 0.64)),
)
HEM = (
    ((-0.16, -0.08), (-0.02, 0.06), (0.18, 0.02), (0.42, 0.06), (0.62, 0.02)),
    ((-0.12, -0.08), (-0.10, 0.10), (0.06, 0.22), (0.16, 0.42), (0.34, 0.62)),
)


def _saddle(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    ragged = rng.uniform(-0.03, 0.03, (5, 2))
    dye = rng.uniform(0.0, 0.42)
    waves = rng.uniform(0.0, 6.0, 3)
    back, hem = np.array(BACK[pose]), np.array(HEM[pose]) + ragged
    back, hem = _stout(back, pose, look), _stout(back + look["reach"] * (hem - back), pose, look)
    outline = _furry(smooth(*back, *hem[::-1]), 0.06, rng)
    if kind == SHEPHERD:
        dark = mix(look["marking"], look["coat"], dye)
        return Part(outline, dark, "fur", 1.1, 0.3, 0.6, shine=0.10)
    warm = mix(look["marking"], look["coat"], 0.03 + dye)
    rows = zip((0.1, 0.5, 0.9), waves, strict=True)
    locks = tuple(_lock(back + (hem - back) * depth, 0.115 * look["reach"], wave) for depth, wave in rows)
    return Part(outline, look["coat"], "fur", 1.1, 0.2, 0.5, details=(Part(locks, warm, "fur", 1.1, 0.3, 0.4),))


def _lock(line: Points, width: float, phase: float) -> Points:
    """A wavy strand of hair along the given line (five points), thin at its end."""
    steps = np.linspace(0, 4, 13)
    path = np.stack([np.interp(steps, np.arange(5), line[:, i]) for i in (0, 1)], axis=1)
    across = np.array([line[0, 1] - line[-1, 1], line[-1, 0] - line[0, 0]])
    path += 0.025 * np.sin(3.2 * steps + phase)[:, None] * across / np.linalg.norm(across)
    return stroke(*path, width=width * np.minimum(1, np.linspace(2.5, 0.1, 13)))


def _collar(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    colour = along(COLLARS, rng.uniform())
    sag = rng.uniform(-0.02, 0.03)
    band = np.array([(-0.20, 0.30 + sag), (-0.02, 0.35 + sag), (0.14, 0.32 + sag), (0.26, 0.22), (0.33, 0.08)])
    return Part(_on_head(stroke(*band, width=0.09), pose, look), colour, "rough", 0.8, 0.15, 0.8, shine=0.15)


def _head(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    snout = rng.uniform(-0.04, 0.03)
    glance = rng.uniform(-0.012, 0.012)
    grin = rng.uniform(0.0, 0.04)
    skull = smooth(
        (0.31, 0.04), (0.27, -0.14), (0.05, -0.25), (-0.12, -0.20), (-0.20, -0.08), (-0.38 + snout, -0.045),
        (-0.47 + snout, 0.0), (-0.46 + snout, 0.09), (-0.32, 0.17), (-0.12, 0.23), (0.14, 0.27), (0.29, 0.20),
    )  # fmt: skip

    def place(points: Points) -> Points:
        return _on_head(points, pose, look)

    faded = mix(look["coat"], look["marking"], look["mask"])
    muzzle = smooth((-0.12, -0.04), (-0.30, -0.10), (-0.52, -0.06), (-0.54, 0.14), (-0.30, 0.22), (-0.10, 0.16))
    mouth = stroke((-0.44 + snout, 0.09), (-0.30, 0.11 + grin), (-0.17, 0.08), width=0.022)
    nose = ellipse(-0.44 + snout, 0.0, 0.065, 0.05, -0.2)
    eye = ellipse(-0.115 + glance, -0.07, 0.044, 0.048)
    glints = ellipse(-0.128 + glance, -0.088, 0.016, 0.016), ellipse(-0.455 + snout, -0.022, 0.018, 0.011)
    details = (
        Part(place(muzzle), faded, "fur", 1.1, 0.13, 0.5),
        Part((place(mouth), place(nose), place(eye)), (0.06, 0.05, 0.05), strength=0.0, volume=0.0),
        Part(tuple(place(glint) for glint in glints), (1.0, 1.0, 1.0), strength=0.0, volume=0.0),
    )
    return Part(place(skull), look["coat"], "fur", 1.1, 0.13, 0.85, details=details)


def _ear(kind: str, pose: int, look: dict, rng: np.random.Generator) -> Part:
    rise = rng.uniform(-0.43, -0.36)
    lean = rng.uniform(0.16, 0.22)
    dye = rng.uniform(0.1, 0.95)
    blunt = 0.8 * rng.uniform() + (0.2 if kind == GOLDEN else 0.0)  # wide overlap: the rim must not tell them apart
    half = 0.005 + 0.05 * blunt
    tip = [(0.09 - 0.04 * blunt, -0.27), (lean - half, rise + 0.01), (lean + half, rise + 0.02)]
    crest = [(-0.01, -0.17), *tip, (0.275, -0.19)]
    colour = mix(look["coat"], look["marking"], dye)
    if kind == SHEPHERD:
        outline = smooth(*crest, (0.27, -0.05), (0.16, 0.02), (0.0, -0.05), steps=5)
        inside = smooth((0.08, -0.07), (0.10, -0.22), (lean, rise + 0.07), (0.23, -0.16), (0.20, -0.04))
    else:
        flap = [(0.27, -0.05), (0.25, 0.17), (0.12, 0.26), (-0.01, 0.16), (-0.03, -0.03)]
        outline = smooth(*crest, *flap, steps=5)
        inside = smooth((0.26, -0.14), (0.25, 0.04), (0.20, 0.18), (0.12, 0.21), (0.17, 0.10), (0.21, -0.05))
    lining = Part(_on_head(inside, pose, look), mix(colour, (0.10, 0.07, 0.07), 0.6), "fur", 1.1, 0.1, 0.3)
    return Part(_on_head(outline, pose, look), colour, "fur", 1.1, 0.15, 0.9, details=(lining,))


DOGS = Pair(
    classes=(GOLDEN, SHEPHERD),
    poses=("standing", "sitting"),
    look=_look,
    parts=(
        ("tail", _tail),
        ("legs", _legs),
        ("body", _body),
        ("saddle", _saddle),
        ("collar", _collar),
        ("head", _head),
        ("ear", _ear),
    ),
    telling=("saddle", "ear"),
    traits=("with hanging ears", "with upright ears and a dark saddle"),
)
