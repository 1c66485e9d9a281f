"""What a scene is made from: how hard its picture is, and the role that each object plays."""

from dataclasses import dataclass, replace

from .classes import CLASSES, PAIRS
from .drawing import Pair


@dataclass(frozen=True)
class Difficulty:
    """How hard the pictures are; every range is (lowest, highest), drawn uniformly for each scene.

    Args:
        scale: pixels in one object unit, as a share of the picture's smaller side (an object is two units long).
        turn: the largest rotation, radians, either way.
        shift: how far the object's centre lies from its place, in shares of the side, either way.
        distractors: fewest and most things that lie around behind the objects.
        occlusion: the probability that something stands in front.
        occluder: its half width, in shares of the side.
        blur: deviation of the Gaussian blur, in pixels of a 128x128 picture.
        noise: deviation of the sensor noise, grey levels in [0, 1].
        contrast: how much of the contrast is left; 1 is all.
        brightness: gain of the light.
        tint: the largest gain of one colour channel against the others.
    """

    scale: tuple[float, float] = (0.30, 0.39)
    turn: float = 0.22
    shift: float = 0.08
    distractors: tuple[int, int] = (1, 4)
    occlusion: float = 0.7
    occluder: tuple[float, float] = (0.07, 0.15)
    blur: tuple[float, float] = (0.0, 1.5)
    noise: tuple[float, float] = (0.0, 0.065)
    contrast: tuple[float, float] = (0.7, 1.05)
    brightness: tuple[float, float] = (0.8, 1.15)
    tint: float = 0.08


DIFFICULTY = Difficulty()


@dataclass(frozen=True)
class Role:
    """What one object of a scene is, as the recipe says it.

    Args:
        label: its class.
        kinds: (part, class name) of the parts that are drawn in the other class's version.
        absent: the parts that are left out.
        fresh: (part, seed) of the parts that are drawn from another stream than their own.
        shown: whether the object is there at all.
    """

    label: int
    kinds: tuple[tuple[str, str], ...] = ()
    absent: tuple[str, ...] = ()
    fresh: tuple[tuple[str, int], ...] = ()
    shown: bool = True

    @property
    def pair(self) -> Pair:
        """The pair of classes that its own belongs to."""
        return PAIRS[self.label // 2]

    @property
    def part_names(self) -> tuple[str, ...]:
        """The names of all parts that such an object has, back to front."""
        return tuple(name for name, _ in self.pair.parts)

    def without(self, part: str) -> "Role":
        """The role with a part left out."""
        return replace(self, absent=tuple(sorted({*self.absent, part})))

    def with_part_of(self, class_name: str, *parts: str) -> "Role":
        """The role with some parts as the given class has them, put back if they were left out."""
        kinds = {**dict(self.kinds), **dict.fromkeys(parts, class_name)}
        # only what differs from the role's own class is kept, sorted, so that equal recipes are equal
        others = tuple(sorted((part, kind) for part, kind in kinds.items() if kind != CLASSES[self.label]))
        return replace(self, kinds=others, absent=tuple(name for name in self.absent if name not in parts))

    def with_fresh(self, parts: list[str], seed: int) -> "Role":
        """The role with some parts drawn from another stream."""
        return replace(self, fresh=tuple(sorted({**dict(self.fresh), **dict.fromkeys(parts, seed)}.items())))

    def phrase(self, pose: int, side: str) -> str:
        """How a caption says it: "a robin with a red breast, perched, facing left"."""
        pair, kind = self.pair, self.label % 2
        name, trait = pair.classes[kind], f" {pair.traits[kind]}"
        if self.kinds or set(self.absent) & set(pair.telling):
            trait = ""  # what the class is known by is not there
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name}{trait}, {pair.poses[pose]}, facing {side}"
