"""The things that lie around behind the objects, or stand in front of them: balls, crates, posts, bushes, signs, pipes.

Coordinates are shares of the picture's height.
"""

import numpy as np

from .colours import BLACK, PALETTE, Colour, mix
from .drawing import Part
from .outlines import box, ellipse, smooth, stroke

Rng = np.random.Generator


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
