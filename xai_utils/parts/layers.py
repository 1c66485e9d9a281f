"""What is painted onto a background, back to front: things that lie around, the objects' parts, something in front."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .classes import CLASSES
from .drawing import Part
from .recipe import Difficulty, Role
from .scenery import unit
from .streams import stream
from .things import thing

BEHIND, IN_FRONT = -1, -2  # the owners of what belongs to no object


@dataclass(frozen=True)
class Layer:
    """One thing to paint: a part of object `owner`, or a thing `BEHIND` or `IN_FRONT` of all objects."""

    owner: int
    name: str
    part: Part
    transform: np.ndarray


class Stance(NamedTuple):
    """How an object stands there; all its parts share it.

    Args:
        pose: 0 or 1, one of its pair's poses.
        transform: object units to pixels, float [2, 3].
        look: what its parts share (a colour scheme, proportions).
    """

    pose: int
    transform: np.ndarray
    look: dict

    @property
    def side(self) -> str:
        """Where it faces; mirrored objects face right."""
        return "left" if self.transform[0, 0] > 0 else "right"


def stance_of(seed: int, index: int, cast: tuple[Role, ...], size: tuple[int, int], difficulty: Difficulty) -> Stance:
    """How one object of a scene stands there, drawn from the object's own stream."""
    rng = stream(seed, f"{index}/object")
    pose, mirrored = int(rng.integers(2)), -1.0 if rng.uniform() < 0.5 else 1.0
    scale, angle = rng.uniform(*difficulty.scale), rng.uniform(-1, 1) * difficulty.turn
    shift = rng.uniform(-1, 1, 2) * difficulty.shift
    share, (x, y) = _slot(seed, index, len(cast))
    height, width = size
    length = scale * share * min(size)  # of one object unit, pixels
    c, s = length * np.cos(angle), length * np.sin(angle)
    centre = (width * x + share * shift[0] * min(size), height * y + share * shift[1] * min(size))
    transform = np.array([[mirrored * c, -s, centre[0]], [mirrored * s, c, centre[1]]])
    return Stance(pose, transform, cast[index].pair.look(rng))


def object_layers(seed: int, index: int, role: Role, stance: Stance) -> Iterator[Layer]:
    """The parts of one object, back to front; none if it is not shown."""
    if not role.shown:
        return
    kinds, fresh = dict(role.kinds), dict(role.fresh)
    for name, draw in role.pair.parts:
        if name not in role.absent:
            redrawn = f"/{fresh[name]}" if name in fresh else ""
            kind, rng = kinds.get(name, CLASSES[role.label]), stream(seed, f"{index}/{name}{redrawn}")
            yield Layer(index, name, draw(kind, stance.pose, stance.look, rng), stance.transform)


def distractors(seed: int, size: tuple[int, int], difficulty: Difficulty, fresh: Mapping[int, int]) -> Iterator[Layer]:
    """The things that lie around behind the objects; those in `fresh` (index -> seed) are drawn anew or left out."""
    rng = stream(seed, "distractors")
    height, width = size
    low, high = difficulty.distractors
    for index in range(int(rng.integers(low, high + 1))):
        x, y, radius = rng.uniform(0, width / height), rng.uniform(0.25, 0.95), rng.uniform(0.05, 0.13)
        redrawn = f"/{fresh[index]}" if index in fresh else ""
        style = stream(seed, f"distractor {index}{redrawn}")
        if redrawn and style.uniform() < 0.25:
            continue
        yield Layer(BEHIND, str(index), thing(x, y, radius, style), unit(size))


def occluders(seed: int, size: tuple[int, int], difficulty: Difficulty) -> Iterator[Layer]:
    """The thing in front, if there is one, somewhere around the middle."""
    rng = stream(seed, "occluder")
    occluded, radius = rng.uniform() < difficulty.occlusion, rng.uniform(*difficulty.occluder)
    x, y = rng.uniform(0.15, 0.85, 2)
    height, width = size
    if occluded:
        part = thing(x * width / height, y, 1.6 * radius * min(size) / height, stream(seed, "occluder/style"))
        yield Layer(IN_FRONT, "occluder", part, unit(size))


def _slot(seed: int, index: int, count: int) -> tuple[float, tuple[float, float]]:
    """How large an object may be, and where its centre lies, in shares of the picture."""
    if count == 1:
        return 1.0, (0.5, 0.52)
    share, centres = {
        2: (0.66, [(0.29, 0.6), (0.71, 0.6)]),
        3: (0.55, [(0.25, 0.36), (0.75, 0.36), (0.5, 0.76)]),
        4: (0.52, [(0.27, 0.3), (0.73, 0.3), (0.27, 0.74), (0.73, 0.74)]),
    }[count]
    return share, centres[stream(seed, "slots").permutation(count)[index]]
