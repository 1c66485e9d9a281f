"""Closed outlines: polygons, curves, ellipses, boxes and strokes, as points in object units."""

from collections.abc import Sequence
from functools import cache
from math import hypot

import numpy as np

Points = np.ndarray  # float [points, 2], (x, y) in object units
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels; right and bottom exclusive


def polygon(*points: tuple[float, float]) -> Points:
    """A polygon with straight sides through the given (x, y) points."""
    return np.array(points, dtype=np.float64)


def smooth(*points: tuple[float, float], steps: int = 6) -> Points:
    """A closed curve through the given (x, y) points (Catmull-Rom, `steps` points for each side)."""
    p = np.array(points, dtype=np.float64)
    neighbours = p[(np.arange(len(p))[:, None] + (-1, 0, 1, 2)) % len(p)]  # [points, 4, 2]
    return (_catmull_rom(steps) @ neighbours).reshape(-1, 2)


@cache
def _catmull_rom(steps: int) -> np.ndarray:
    """How much each of four neighbours weighs along the side between the middle two, float [steps, 4]."""
    t = np.linspace(0, 1, steps, endpoint=False)
    weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3)
    return 0.5 * np.stack(weights, axis=1)


def ellipse(x: float, y: float, width: float, height: float, angle: float = 0.0, points: int = 28) -> Points:
    """An ellipse around (x, y) with the given half-axes, turned by `angle` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return _circle(points) @ np.array([[width * c, width * s], [-height * s, height * c]]) + (x, y)


@cache
def _circle(points: int) -> Points:
    t = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([np.cos(t), np.sin(t)], axis=1)


def box(left: float, top: float, right: float, bottom: float, corner: float = 0.0) -> Points:
    """A rectangle with rounded corners of radius `corner`."""
    if corner == 0:
        return polygon((left, top), (right, top), (right, bottom), (left, bottom))
    corners = polygon((right, bottom), (left, bottom), (left, top), (right, top))
    return (corners[:, None] + corner * _rounding()).reshape(-1, 2)


@cache
def _rounding() -> np.ndarray:
    """From the corners of a box to the points that round them off with radius 1, float [4, points, 2]."""
    t = np.linspace(0, np.pi / 2, 5)
    arc = np.stack([np.cos(t), np.sin(t)], axis=1) - 1  # of the lower right corner
    return np.stack([turned(arc, quarter * np.pi / 2) for quarter in range(4)])


def stroke(*points: tuple[float, float], width: float | Sequence[float]) -> Points:
    """A line through the given points as an outline; `width` in object units, one value or one for each point."""
    p = np.array(points, dtype=np.float64).tolist()  # plain floats: for a few points quicker than arrays
    widths = width if isinstance(width, Sequence | np.ndarray) else (width,) * len(p)
    left, right = [], []
    for (x0, y0), (x, y), (x1, y1), across in zip(p[:1] + p[:-1], p, p[1:] + p[-1:], widths, strict=True):
        half = across / 2 / hypot(x1 - x0, y1 - y0)
        dx, dy = (y0 - y1) * half, (x1 - x0) * half
        left.append((x + dx, y + dy))
        right.append((x - dx, y - dy))
    return np.array(left + right[::-1], dtype=np.float64)


def turned(points: Points, angle: float, centre: tuple[float, float] = (0.0, 0.0)) -> Points:
    """The points turned by `angle` radians (clockwise on the screen) around `centre`."""
    c, s = np.cos(angle), np.sin(angle)
    return (points - centre) @ np.array([[c, s], [-s, c]]) + centre
