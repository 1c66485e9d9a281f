"""What cars and trains share: a camera a little above the ground, solids seen by it, and paint."""

from math import cos, sin

import cv2
import numpy as np

from .colours import Colour
from .outlines import Points

PAINTS = (
    (0.88, 0.87, 0.83),
    (0.20, 0.33, 0.58),
    (0.70, 0.19, 0.16),
    (0.23, 0.45, 0.34),
    (0.80, 0.60, 0.25),
    (0.33, 0.56, 0.66),
    (0.50, 0.36, 0.25),
    (0.35, 0.37, 0.41),
    (0.72, 0.62, 0.48),
)
CHROME = (0.74, 0.75, 0.77)
CREAM = (0.97, 0.94, 0.78)
INK = (0.13, 0.13, 0.15)


def projected(x, y, z, turn: float, zoom: float, tilt: float = 0.17, distance: float = 4.5) -> Points:
    """Points in space as a camera a little above sees them, float [..., 2].

    Args:
        x: to the right, along the vehicle; its front is at the left.
        y: down.
        z: away from us, 0 on the vehicle's axis.
        turn: radians that the front is turned towards us.
        zoom: magnification.
        tilt: radians that the camera looks down.
        distance: of the camera; smaller is steeper perspective.
    """
    across, depth = x * cos(turn) - z * sin(turn), z * cos(turn) + x * sin(turn)
    down, depth = y * cos(tilt) - depth * sin(tilt), depth * cos(tilt) + y * sin(tilt)
    scale = zoom * distance / (distance + depth)
    return np.stack([across * scale, down * scale], axis=-1)


def copies(outline: Points, first, second=0.0) -> Points:
    """One copy of the outline for each shift along its first and second coordinate, float [copies, points, 2]."""
    first, second = np.broadcast_arrays(first, second)
    return outline + np.stack([first, second], axis=-1)[:, None]


def hull(points: Points) -> Points:
    """The convex outline around the points."""
    return cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (below 1) or lighter (above 1)."""
    return tuple(float(min(1.0, c * factor)) for c in colour)


def jittered(colour: Colour, rng: np.random.Generator, amount: float = 0.06) -> Colour:
    """The colour somewhat lighter or darker, each channel shifted by at most `amount`."""
    return tuple(np.clip(np.array(colour) * rng.uniform(0.85, 1.12) + rng.uniform(-amount, amount, 3), 0.03, 0.97))
