"""A scene that moves: its objects go round in a loop while the place stands still and the camera keeps its noise."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from xai_utils.parts import Scene
from xai_utils.parts.layers import Stance
from xai_utils.parts.streams import stream
from xai_utils.tensors import check_count

RIGHT, DOWN = 0.15, 0.08  # how far the objects go either way, shares of the picture's shorter side
TURN, GROW = 0.25, 0.15  # how much they turn, in radians, and grow


@dataclass(frozen=True)
class Moved(Scene):
    """A scene at a later moment: the objects elsewhere, everything else where it was, the noise drawn anew.

    All that is known about a scene (regions, boxes, parts, interventions) is known about it, too.

    Args:
        moment: names the noise; 0 is the scene's own.
        turn: of the objects around their centres, radians.
        grow: factor of their size.
        right: how far they went, in shares of the picture's shorter side.
        down: the same.
    """

    moment: int = 0
    turn: float = 0.0
    grow: float = 1.0
    right: float = 0.0
    down: float = 0.0

    def _stance(self, index: int) -> Stance:
        stance = super()._stance(index)
        c, s = self.grow * np.cos(self.turn), self.grow * np.sin(self.turn)
        turned = np.array([[c, -s], [s, c]]) @ stance.transform[:, :2]
        centre = stance.transform[:, 2] + np.array([self.right, self.down]) * min(self.size)
        return stance._replace(transform=np.concatenate([turned, centre[:, None]], axis=1))

    def _redrawn_stream(self, name: str) -> np.random.Generator:
        if self.moment and name.startswith("corruption/noise"):
            return stream(self.seed, f"{name}/moment {self.moment}")
        return super()._redrawn_stream(name)


def animation(scene: Scene, frames: int = 120, *, moving: bool = True) -> Iterator[Moved]:
    """The frames of a clip that can be played in a loop; the first one is the scene itself.

    Args:
        scene: what is to move.
        frames: of one round.
        moving: whether the objects go round; otherwise only the noise changes.

    Yields:
        One scene for each frame; its `pixels()` are the frame, its `region` the moving object.

    Example:
        >>> from xai_utils.parts import draw_scene
        >>> scene = draw_scene(0, label=0)
        >>> first, second, *rest = animation(scene, 120)
        >>> len(rest), bool((first.image == scene.image).all()), bool((second.region == scene.region).all())
        (118, True, False)
    """
    check_count("frames", frames)
    recipe = {field.name: getattr(scene, field.name) for field in fields(Scene)}
    for moment in range(frames):
        once, twice = (np.sin(2 * np.pi * times * moment / frames) if moving else 0.0 for times in (1, 2))
        yield Moved(
            **recipe, moment=moment, turn=TURN * once, grow=1 + GROW * once, right=RIGHT * once, down=DOWN * twice
        )
