"""A scene: a recipe that is drawn when somebody looks, and can be changed in one place only.

Everything in a scene is a function of its recipe. Each part of each object, the background, every thing that lies
around, the occluder, the light and the noise has a stream of randomness of its own, named by the seed and by what it
is; so a change of one leaves all the others as they were, pixel for pixel. That makes `scene.without("beak")` an
experiment.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np
import torch

from .backgrounds import BACKGROUNDS, PLACES, draw_background
from .camera import blur_radius, change_light, photographed
from .checks import (
    check_background,
    check_class_of_pair,
    check_object,
    check_part,
    check_range,
    checked_seed,
    checked_size,
    checked_window,
)
from .classes import CLASSES, HABITATS
from .drawing import paint
from .layers import BEHIND, Layer, Stance, distractors, object_layers, occluders, stance_of
from .outlines import Box
from .recipe import DIFFICULTY, Difficulty, Role
from .sketch import Sketch
from .streams import stream
from .truth import Masks, SceneObject, Visible, bounds, joined, lies_inside, masks_of, visibility

MAX_OBJECTS = 4
REFERENCE_SIDE = 128  # blur is given in pixels of a picture of this side


@dataclass(frozen=True)
class Scene:
    """The recipe of a picture. `draw_scene` makes one; the interventions make changed copies.

    Args:
        seed: names all streams of randomness.
        size: (height, width) in pixels.
        cast: the objects; the first is the main one.
        background: a name of `BACKGROUNDS`.
        difficulty: how hard the picture is.
        redraw: seed of another draw of the background's grain and the noise; None is the scene's own.
        restyled: the distractors that this other draw changes.
        pasted: (window, scene) pairs: inside the window the picture shows that scene instead.
    """

    seed: int
    size: tuple[int, int]
    cast: tuple[Role, ...]
    background: str
    difficulty: Difficulty = DIFFICULTY
    redraw: int | None = None
    restyled: tuple[int, ...] = ()
    pasted: tuple[tuple[Box, "Scene"], ...] = ()

    # --- what it shows ----------------------------------------------------------------------------------------

    @cached_property
    def image(self) -> torch.Tensor:
        """RGB picture, float32 [3, height, width] in [0, 1], whole grey levels (multiples of 1 / 255)."""
        return torch.from_numpy(self.pixels().transpose(2, 0, 1).astype(np.float32) / 255)

    def pixels(self) -> np.ndarray:
        """The picture as uint8 [height, width, 3], drawn at every call."""
        canvas = self._painted()
        change_light(canvas, stream(self.seed, "corruption/light"), self.difficulty)
        noise = float(stream(self.seed, "corruption/noise").uniform(*self.difficulty.noise))
        levels = photographed(canvas, self._blur, noise, self._redrawn_stream("corruption/noise/start"))
        for (left, top, right, bottom), other in self.pasted:
            levels[top:bottom, left:right] = other.pixels()[top:bottom, left:right]
        return levels

    @cached_property
    def objects(self) -> tuple[SceneObject, ...]:
        """The objects with their regions, boxes and part masks, in the order of `cast`."""
        return tuple(self._describe(index) for index in range(len(self.cast)))

    @property
    def label(self) -> int:
        """The main object's class."""
        return self.cast[0].label

    @property
    def class_name(self) -> str:
        """The main object's class, as a name of `CLASSES`."""
        return CLASSES[self.label]

    @property
    def box(self) -> Box:
        """The main object's (left, top, right, bottom)."""
        return self.objects[0].box

    @property
    def region(self) -> torch.Tensor:
        """The main object's visible pixels, bool [height, width]."""
        return self.objects[0].region

    @property
    def parts(self) -> dict[str, torch.Tensor]:
        """The main object's parts: name -> visible pixels, bool [height, width]."""
        return self.objects[0].parts

    @property
    def halo(self) -> int:
        """How many pixels the blur carries a change beyond the pixels that it touches."""
        return blur_radius(self._blur)

    @property
    def caption(self) -> str:
        """A sentence about the scene: "a robin with a red breast, perched, facing left, on a meadow"."""
        stances = [(role, self._stance(index)) for index, role in enumerate(self.cast) if role.shown]
        phrases = [role.phrase(how.pose, how.side) for role, how in stances]
        place = PLACES[self.background][0]
        return f"{' and '.join(phrases)}, {place}" if phrases else f"nothing {place}"

    @cached_property
    def sketch(self) -> torch.Tensor:
        """A line drawing of the objects, float32 [1, height, width]: dark lines on white, the picture's geometry."""
        lines = Sketch(self.size)
        for layer in self._layers:
            if layer.owner >= 0:
                lines.add(layer.part, layer.transform)
        sketch = lines.finish()
        for (left, top, right, bottom), other in self.pasted:
            sketch[:, top:bottom, left:right] = other.sketch[:, top:bottom, left:right]
        return sketch

    # --- interventions ----------------------------------------------------------------------------------------

    def without(self, part: str, of: int = 0) -> "Scene":
        """The same scene with a part of an object left out; what was behind it shows.

        Args:
            part: its name.
            of: which object, an index of `objects`.

        Raises:
            ValueError: if there is no such object or part.

        Example:
            >>> scene = draw_scene(3, label=1)
            >>> changed = (scene.without("beak").image != scene.image).any(0)
            >>> bool(changed.any()), bool((changed & ~scene.objects[0].amodal["beak"]).any() and scene.halo == 0)
            (True, False)
        """
        check_part(part, of, self.cast)
        return self._recast(of, lambda role: role.without(part))

    def with_part_of(self, class_name: str, part: str, of: int = 0) -> "Scene":
        """The same scene with a part drawn as the given class of the same pair has it, and put back if it was left out.

        Args:
            class_name: one of the two classes of the object's pair.
            part: its name.
            of: which object, an index of `objects`.

        Raises:
            ValueError: if there is no such object or part, or the class belongs to another pair.
        """
        check_part(part, of, self.cast)
        check_class_of_pair(class_name, self.cast[of])
        return self._recast(of, lambda role: role.with_part_of(class_name, part))

    def without_object(self, of: int = 0) -> "Scene":
        """The same scene with an object taken away; its masks are then empty and its box is all zeros."""
        check_object(of, self.cast)
        return self._recast(of, lambda role: replace(role, shown=False))

    def on(self, background: str) -> "Scene":
        """The same objects and things in another place."""
        check_background(background)
        pasted = tuple((window, scene.on(background)) for window, scene in self.pasted)
        return replace(self, background=background, pasted=pasted)

    def redrawn(self, window: Box, seed: int) -> "Scene":
        """The same scene with a window's content drawn anew and every pixel outside it unchanged.

        Inside, the background's texture and the noise are other draws. A part that shows almost nowhere else is drawn
        from another stream, and in either class's version unless a telling part outside shows the class; a distractor
        is drawn anew or, one time in four, left out. What reaches out of the window stays, since the pixels outside
        say what it is.

        Args:
            window: (left, top, right, bottom) in pixels, right and bottom exclusive.
            seed: another seed, another content.

        Raises:
            ValueError: if the window is empty or reaches out of the picture, or the seed is negative.
        """
        window, seed = checked_window(window, self.size), checked_seed(seed)
        cast = tuple(self._fresh_role(index, window, seed) for index in range(len(self.cast)))
        behind = [one for one in self._visible if one.layer.owner == BEHIND]
        restyled = tuple(int(one.layer.name) for one in behind if lies_inside(one.seen > 0.5, window))
        other = replace(self, cast=cast, redraw=seed, restyled=restyled, pasted=())
        return replace(self, pasted=(*self.pasted, (window, other)))

    def _recast(self, of: int, change: Callable[[Role], Role]) -> "Scene":
        """The scene with one role changed, in its pasted windows too."""
        cast = tuple(change(role) if index == of else role for index, role in enumerate(self.cast))
        pasted = tuple((window, scene._recast(of, change)) for window, scene in self.pasted)
        return replace(self, cast=cast, pasted=pasted)

    def _fresh_role(self, index: int, window: Box, seed: int) -> Role:
        """The role with the parts that lie inside the window drawn anew."""
        role = self.cast[index]
        shown = {one.layer.name: one.seen > 0.5 for one in self._visible if one.layer.owner == index}
        inside = [name for name, mask in shown.items() if lies_inside(mask, window)]
        if inside and all(name in inside for name in role.pair.telling if name in shown and shown[name].any()):
            kind = role.pair.classes[stream(self.seed, f"{index}/class/redrawn {seed}").integers(2)]
            role = role.with_part_of(kind, *(name for name in inside if name in role.pair.telling))
        return role.with_fresh(inside, seed)

    # --- from the recipe to the picture -----------------------------------------------------------------------

    def _redrawn_stream(self, name: str) -> np.random.Generator:
        """The stream of something that another draw of the scene changes."""
        return stream(self.seed, name if self.redraw is None else f"{name}/{self.redraw}")

    def _stance(self, index: int) -> Stance:
        """How an object stands there."""
        return stance_of(self.seed, index, self.cast, self.size, self.difficulty)

    @cached_property
    def _layers(self) -> tuple[Layer, ...]:
        """Everything that is painted onto the background, back to front."""
        behind = distractors(self.seed, self.size, self.difficulty, dict.fromkeys(self.restyled, self.redraw))
        objects = [
            object_layers(self.seed, index, role, self._stance(index))
            for index, role in reversed(list(enumerate(self.cast)))  # the main object is painted last
        ]
        return tuple(chain(behind, *objects, occluders(self.seed, self.size, self.difficulty)))

    def _painted(self) -> np.ndarray:
        """Background and layers, before the light is set and the camera looks, float32 [height, width, 3]."""
        grain = self._redrawn_stream("background/grain")
        canvas = draw_background(self.background, self.size, stream(self.seed, "background"), grain)
        x = stream(self.seed, "light").uniform(-0.7, 0.7)
        light = (x, -np.sqrt(1 - x * x))
        for layer in self._layers:
            paint(canvas, layer.part, layer.transform, light)
        return canvas

    @cached_property
    def _blur(self) -> float:
        """Deviation of the blur in this picture's pixels."""
        deviation = stream(self.seed, "corruption/blur").uniform(*self.difficulty.blur)
        return float(deviation) * min(self.size) / REFERENCE_SIDE

    # --- from the recipe to the truth -------------------------------------------------------------------------

    @cached_property
    def _visible(self) -> list[Visible]:
        """How much of each layer is seen, back to front; the pasted windows are left aside."""
        return visibility(self._layers, self.size)

    def _masks(self, index: int) -> tuple[np.ndarray, Masks, Masks]:
        """Region, visible parts and amodal parts of an object, the pasted windows included."""
        region, visible, amodal = masks_of([one for one in self._visible if one.layer.owner == index], self.size)
        for (left, top, right, bottom), other in self.pasted:
            inside = np.zeros(self.size, bool)
            inside[top:bottom, left:right] = True
            o_region, o_visible, o_amodal = other._masks(index)
            region = np.where(inside, o_region, region)
            visible, amodal = joined(visible, o_visible, inside), joined(amodal, o_amodal, inside)
        return region, visible, amodal

    def _describe(self, index: int) -> SceneObject:
        label = self.cast[index].label
        region, visible, amodal = self._masks(index)
        as_tensors = [{name: torch.from_numpy(mask) for name, mask in named.items()} for named in (visible, amodal)]
        return SceneObject(CLASSES[label], label, bounds(region), torch.from_numpy(region), *as_tensors)


def draw_scene(
    seed: int,
    *,
    label: int | None = None,
    size: tuple[int, int] = (128, 128),
    objects: int = 1,
    background: str | None = None,
    bias: float = 0.0,
    difficulty: Difficulty = DIFFICULTY,
) -> Scene:
    """A scene from a seed: what is not said is drawn from the seed, and the same seed is the same scene.

    Args:
        seed: at least 0.
        label: the main object's class, an index of `CLASSES`.
        size: (height, width) in pixels.
        objects: how many objects; the classes of all but the first are drawn.
        background: a name of `BACKGROUNDS`.
        bias: the probability that the place is the main class's habitat instead of any place.
        difficulty: how hard the picture is.

    Raises:
        ValueError: if an argument is out of its range.

    Example:
        >>> draw_scene(0, label=0, background="meadow").caption.endswith("on a meadow")
        True
    """
    seed = checked_seed(seed)
    check_range("label", 0 if label is None else label, 0, len(CLASSES) - 1, int)
    check_range("objects", objects, 1, MAX_OBJECTS, int)
    check_range("bias", bias, 0, 1, (int, float))
    size = checked_size(size)
    labels = stream(seed, "labels").integers(0, len(CLASSES), MAX_OBJECTS)
    label = int(labels[0]) if label is None else int(label)
    cast = (Role(label), *(Role(int(other)) for other in labels[1:objects]))
    choice = stream(seed, "place")
    anywhere, tied = BACKGROUNDS[choice.integers(len(BACKGROUNDS))], choice.uniform() < bias
    if background is None:
        background = HABITATS[label] if tied else anywhere
    check_background(background)
    return Scene(seed, size, cast, background, difficulty)
