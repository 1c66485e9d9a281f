"""Colours: the palette of everything but the objects, and how to mix two."""

from collections.abc import Sequence

Colour = tuple[float, float, float]  # RGB in [0, 1]

# What lies around and what stands in the background has the objects' colours, so that colours alone say little.
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


def along(colours: Sequence[Colour], t: float) -> Colour:
    """The colour at `t` in [0, 1] on the way through the given colours."""
    stop = t * (len(colours) - 1)
    i = min(int(stop), len(colours) - 2)
    return mix(colours[i], colours[i + 1], stop - i)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour between two others: `share` 0 is the first, 1 the second."""
    return tuple((1 - share) * a + share * b for a, b in zip(first, second, strict=True))
