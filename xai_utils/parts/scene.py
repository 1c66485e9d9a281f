"""A scene: a recipe that is drawn when somebody looks, and can be changed in one place only.

Everything in a scene is a function of its recipe. Each part of each object, the background, every thing that lies
around, the occluder, the light and the noise has a stream of randomness of its own, named by the seed and by what it
is; so a change of one leaves all the others as they were, pixel for pixel. That makes `scene.without("beak")` an
experiment.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from zlib import crc32

import cv2
import numpy as np
import torch
from numpy.random.bit_generator import ISeedSequence

from .backgrounds import BACKGROUNDS, PLACES, draw_background, thing
from .birds import BIRDS
from .cars import CARS
from .dogs import DOGS
from .drawing import SUPERSAMPLING, Box, Pair, Part, coverage, paint
from .instruments import INSTRUMENTS
from .trains import TRAINS

PAIRS: tuple[Pair, ...] = (BIRDS, DOGS, TRAINS, CARS, INSTRUMENTS)
CLASSES: tuple[str, ...] = tuple(name for pair in PAIRS for name in pair.classes)
# Where `bias` puts each class; the two classes of a pair never share their place.
HABITATS = ("meadow", "sky", "room", "snow", "station", "forest", "meadow", "road", "stage", "room")
MAX_OBJECTS = 4
MIN_SIDE, MAX_SIDE = 32, 2048
REFERENCE_SIDE = 128  # blur is given in pixels of a picture of this side
NOTHING: Box = (0, 0, 0, 0)


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


@dataclass(frozen=True)
class SceneObject:
    """What is known about one object of a scene.

    Args:
        class_name: a name of `CLASSES`.
        label: its index.
        box: (left, top, right, bottom) of the visible region, right and bottom exclusive; zeros if nothing is visible.
        region: bool [height, width], the pixels that mostly show this object.
        parts: name -> bool [height, width], the pixels that mostly show this part (visible share above one half).
        amodal: name -> bool [height, width], every pixel the part touches, hidden or not.
    """

    class_name: str
    label: int
    box: Box
    region: torch.Tensor
    parts: dict[str, torch.Tensor] = field(repr=False)
    amodal: dict[str, torch.Tensor] = field(repr=False)


@dataclass(frozen=True)
class _Layer:
    """One thing to paint: a part of object `owner`, or a distractor (-1) or occluder (-2)."""

    owner: int
    name: str
    part: Part
    transform: np.ndarray


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
        canvas = self._drawn()
        self._light(canvas)
        levels = self._seen_by_the_camera(canvas)
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
        return _radius(self._blur)

    @property
    def caption(self) -> str:
        """A sentence about the scene: "a robin with a red breast, perched, facing left, on a meadow"."""
        phrases = [self._phrase(index) for index, role in enumerate(self.cast) if role.shown]
        place = PLACES[self.background][0]
        return f"{' and '.join(phrases)}, {place}" if phrases else f"nothing {place}"

    @cached_property
    def sketch(self) -> torch.Tensor:
        """A line drawing of the objects, float32 [1, height, width]: dark lines on white, the picture's geometry."""
        lines = _Sketch(self.size)
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
        self._check_part(part, of)
        return self._recast(of, lambda role: replace(role, absent=tuple(sorted({*role.absent, part}))))

    def with_part_of(self, class_name: str, part: str, of: int = 0) -> "Scene":
        """The same scene with a part drawn as the given class of the same pair has it, and put back if it was left out.

        Args:
            class_name: one of the two classes of the object's pair.
            part: its name.
            of: which object, an index of `objects`.

        Raises:
            ValueError: if there is no such object or part, or the class belongs to another pair.
        """
        self._check_part(part, of)
        allowed = self.cast[of].pair.classes
        if class_name not in allowed:
            raise ValueError(f"class_name: expected one of {allowed}, the object's pair, got {class_name!r}")

        def change(role: Role) -> Role:
            kinds = _other_kinds(role, {**dict(role.kinds), part: class_name})
            return replace(role, kinds=kinds, absent=tuple(name for name in role.absent if name != part))

        return self._recast(of, change)

    def without_object(self, of: int = 0) -> "Scene":
        """The same scene with an object taken away; its masks are then empty and its box is all zeros."""
        self._check_object(of)
        return self._recast(of, lambda role: replace(role, shown=False))

    def on(self, background: str) -> "Scene":
        """The same objects and things in another place."""
        _check_background(background)
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
        window = _checked_window(window, self.size)
        seed = _checked_seed(seed)
        cast = tuple(self._fresh_role(index, window, seed) for index in range(len(self.cast)))
        restyled = tuple(k for k, inside in enumerate(self._distractors_inside(window)) if inside)
        other = replace(self, cast=cast, redraw=seed, restyled=restyled, pasted=())
        return replace(self, pasted=(*self.pasted, (window, other)))

    def _recast(self, of: int, change: Callable[[Role], Role]) -> "Scene":
        """The scene with one role changed, in its pasted windows too."""
        cast = tuple(change(role) if index == of else role for index, role in enumerate(self.cast))
        pasted = tuple((window, scene._recast(of, change)) for window, scene in self.pasted)
        return replace(self, cast=cast, pasted=pasted)

    def _fresh_role(self, index: int, window: Box, seed: int) -> Role:
        """The role with the parts that lie inside the window drawn anew."""
        role, masks = self.cast[index], self._own_masks(index)
        inside = [name for name, mask in masks.items() if _lies_inside(mask, window)]
        kinds = dict(role.kinds)
        if inside and all(name in inside for name in role.pair.telling if name in masks and masks[name].any()):
            kind = role.pair.classes[stream(self.seed, f"{index}/class/redrawn {seed}").integers(2)]
            kinds.update({name: kind for name in inside if name in role.pair.telling})
        fresh = tuple(sorted({**dict(role.fresh), **dict.fromkeys(inside, seed)}.items()))
        return replace(role, fresh=fresh, kinds=_other_kinds(role, kinds))

    # --- layers -----------------------------------------------------------------------------------------------

    @cached_property
    def _layers(self) -> tuple[_Layer, ...]:
        """Everything that is painted onto the background, back to front."""
        objects = [layer for index in reversed(range(len(self.cast))) for layer in self._object_layers(index)]
        return (*self._distractors(), *objects, *self._occluders())

    def _object_layers(self, index: int) -> Iterator[_Layer]:
        role = self.cast[index]
        if not role.shown:
            return
        rng = stream(self.seed, f"{index}/object")
        pose, transform = self._placed(rng, index)
        look = role.pair.look(rng)
        kinds, fresh = dict(role.kinds), dict(role.fresh)
        for name, draw in role.pair.parts:
            if name not in role.absent:
                redrawn = f"/{fresh[name]}" if name in fresh else ""
                kind, rng = kinds.get(name, CLASSES[role.label]), stream(self.seed, f"{index}/{name}{redrawn}")
                yield _Layer(index, name, draw(kind, pose, look, rng), transform)

    def _placed(self, rng: np.random.Generator, index: int) -> tuple[int, np.ndarray]:
        """The object's pose, and the transform from its units to pixels."""
        pose, mirrored = int(rng.integers(2)), -1.0 if rng.uniform() < 0.5 else 1.0
        scale, angle = rng.uniform(*self.difficulty.scale), rng.uniform(-1, 1) * self.difficulty.turn
        shift = rng.uniform(-1, 1, 2) * self.difficulty.shift
        share, (x, y) = _slot(self.seed, index, len(self.cast))
        height, width = self.size
        unit = scale * share * min(self.size)
        c, s = unit * np.cos(angle), unit * np.sin(angle)
        centre = (width * x + share * shift[0] * min(self.size), height * y + share * shift[1] * min(self.size))
        return pose, np.array([[mirrored * c, -s, centre[0]], [mirrored * s, c, centre[1]]])

    def _distractors(self) -> list[_Layer]:
        """The things that lie around behind the objects."""
        rng = stream(self.seed, "distractors")
        height, width = self.size
        low, high = self.difficulty.distractors
        layers = []
        for index in range(int(rng.integers(low, high + 1))):
            x, y, radius = rng.uniform(0, width / height), rng.uniform(0.25, 0.95), rng.uniform(0.05, 0.13)
            redrawn = f"/{self.redraw}" if index in self.restyled else ""
            style = stream(self.seed, f"distractor {index}{redrawn}")
            if redrawn and style.uniform() < 0.25:
                continue
            layers.append(_Layer(-1, str(index), thing(x, y, radius, style), _scene_units(height)))
        return layers

    def _occluders(self) -> list[_Layer]:
        """The thing in front, if there is one; it comes in from the side, the top or below, towards the middle."""
        rng = stream(self.seed, "occluder")
        occluded, radius = rng.uniform() < self.difficulty.occlusion, rng.uniform(*self.difficulty.occluder)
        x, y = rng.uniform(0.15, 0.85, 2)
        height, width = self.size
        if not occluded:
            return []
        part = thing(x * width / height, y, 1.6 * radius * min(self.size) / height, stream(self.seed, "occluder/style"))
        return [_Layer(-2, "occluder", part, _scene_units(height))]

    # --- picture ----------------------------------------------------------------------------------------------

    def _drawn(self) -> np.ndarray:
        """Background and layers under the light, before the camera, float32 [height, width, 3]."""
        redrawn = "" if self.redraw is None else f"/{self.redraw}"
        composition, grain = stream(self.seed, "background"), stream(self.seed, f"background/grain{redrawn}")
        canvas = draw_background(self.background, self.size, composition, grain)
        x = stream(self.seed, "light").uniform(-0.7, 0.7)
        light = (x, -np.sqrt(1 - x * x))
        for layer in self._layers:
            paint(canvas, layer.part, layer.transform, light)
        return canvas

    def _light(self, canvas: np.ndarray) -> None:
        """The colour and strength of the light, and the contrast that is left, in place; the same everywhere."""
        rng, hard = stream(self.seed, "corruption/light"), self.difficulty
        gain = rng.uniform(*hard.brightness) * (1 + hard.tint * rng.uniform(-1, 1, 3))
        contrast, grey = rng.uniform(*hard.contrast), rng.uniform(0.35, 0.6)
        rows = canvas.reshape(len(canvas), -1)  # a row of gains is quicker than broadcasting three
        rows *= np.tile((contrast * gain).astype(np.float32), canvas.shape[1])
        rows += np.float32((1 - contrast) * grey)

    def _seen_by_the_camera(self, canvas: np.ndarray) -> np.ndarray:
        """Blur, noise and whole grey levels, uint8 [height, width, 3]."""
        if self.halo:
            width = 2 * self.halo + 1
            canvas = cv2.GaussianBlur(canvas, (width, width), self._blur)
        redrawn = "" if self.redraw is None else f"/{self.redraw}"
        deviation = stream(self.seed, "corruption/noise").uniform(*self.difficulty.noise)
        start = stream(self.seed, f"corruption/noise/start{redrawn}").integers(0, len(_noise_tile()), 2)
        noise = _wrapped(_noise_tile(), start, self.size)
        cv2.scaleAdd(noise, float(deviation), canvas, dst=canvas)
        return cv2.convertScaleAbs(np.maximum(canvas, 0, out=canvas), alpha=255)

    @cached_property
    def _blur(self) -> float:
        """Deviation of the blur in this picture's pixels."""
        deviation = stream(self.seed, "corruption/blur").uniform(*self.difficulty.blur)
        return float(deviation) * min(self.size) / REFERENCE_SIDE

    # --- ground truth -----------------------------------------------------------------------------------------

    @cached_property
    def _shares(self) -> list[tuple[_Layer, np.ndarray, np.ndarray]]:
        """For each layer, back to front: what share of each pixel it covers, and what share it is seen on."""
        free, shares = np.ones(self.size, np.float32), []
        for layer in reversed(self._layers):
            cover = np.zeros(self.size, np.float32)
            window, alpha = coverage(layer.part.outline, layer.transform, self.size)
            if window is not None:
                cover[window[1] : window[3], window[0] : window[2]] = alpha
            shares.append((layer, cover, cover * free))
            free = free * (1 - cover)
        return shares[::-1]

    def _own_masks(self, index: int) -> dict[str, np.ndarray]:
        """name -> visible pixels of each part, the pasted windows left aside."""
        return {layer.name: seen > 0.5 for layer, _, seen in self._shares if layer.owner == index}

    def _distractors_inside(self, window: Box) -> list[bool]:
        """For each distractor, whether it lies inside the window."""
        inside = {
            int(layer.name): _lies_inside(seen > 0.5, window) for layer, _, seen in self._shares if layer.owner == -1
        }
        return [inside.get(k, False) for k in range(max(inside, default=-1) + 1)]

    def _masks(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Region, visible parts and amodal parts of an object, the pasted windows included."""
        own = [(layer.name, cover, seen) for layer, cover, seen in self._shares if layer.owner == index]
        region = sum((seen for _, _, seen in own), np.zeros(self.size, np.float32)) > 0.5
        visible = {name: seen > 0.5 for name, _, seen in own}
        amodal = {name: cover > 0 for name, cover, _ in own}
        for (left, top, right, bottom), other in self.pasted:
            inside = np.zeros(self.size, bool)
            inside[top:bottom, left:right] = True
            o_region, o_visible, o_amodal = other._masks(index)
            region = np.where(inside, o_region, region)
            visible, amodal = _joined(visible, o_visible, inside), _joined(amodal, o_amodal, inside)
        return region, visible, amodal

    def _describe(self, index: int) -> SceneObject:
        label = self.cast[index].label
        region, visible, amodal = self._masks(index)
        as_tensors = [{name: torch.from_numpy(mask) for name, mask in masks.items()} for masks in (visible, amodal)]
        return SceneObject(CLASSES[label], label, _bounds(region), torch.from_numpy(region), *as_tensors)

    def _phrase(self, index: int) -> str:
        role = self.cast[index]
        pair, kind, rng = role.pair, role.label % 2, stream(self.seed, f"{index}/object")
        pose, transform = self._placed(rng, index)
        name, trait = pair.classes[kind], f" {pair.traits[kind]}"
        if role.kinds or set(role.absent) & set(pair.telling):
            trait = ""  # what the class is known by is not there
        side = "left" if transform[0, 0] > 0 else "right"
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name}{trait}, {pair.poses[pose]}, facing {side}"

    # --- checks -----------------------------------------------------------------------------------------------

    def _check_object(self, of: int) -> None:
        if not isinstance(of, int) or not 0 <= of < len(self.cast):
            raise ValueError(f"of: expected an object's index from 0 to {len(self.cast) - 1}, got {of!r}")

    def _check_part(self, part: str, of: int) -> None:
        self._check_object(of)
        names = tuple(name for name, _ in self.cast[of].pair.parts)
        if part not in names:
            raise ValueError(
                f"part: expected one of {names}, the parts of {CLASSES[self.cast[of].label]!r}, got {part!r}"
            )


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
    seed = _checked_seed(seed)
    _check_range("label", 0 if label is None else label, 0, len(CLASSES) - 1, int)
    _check_range("objects", objects, 1, MAX_OBJECTS, int)
    _check_range("bias", bias, 0, 1, (int, float))
    size = _checked_size(size)
    labels = stream(seed, "labels").integers(0, len(CLASSES), MAX_OBJECTS)
    label = int(labels[0]) if label is None else int(label)
    cast = (Role(label), *(Role(int(other)) for other in labels[1:objects]))
    choice = stream(seed, "place")
    anywhere, tied = BACKGROUNDS[choice.integers(len(BACKGROUNDS))], choice.uniform() < bias
    if background is None:
        background = HABITATS[label] if tied else anywhere
    _check_background(background)
    return Scene(seed, size, cast, background, difficulty)


def stream(seed: int, name: str) -> np.random.Generator:
    """The stream of randomness of one thing in one scene; streams of different names are independent."""
    return np.random.Generator(np.random.Philox(_Key(seed, name)))


class _Key(ISeedSequence):
    """The key of a stream; taken as it is, it is quicker than a seed that has to be mixed first."""

    def __init__(self, seed: int, name: str):
        self.words = np.array([seed, crc32(name.encode())], np.uint64)

    def generate_state(self, n_words: int, dtype=np.uint32) -> np.ndarray:
        """The two words that Philox asks for."""
        return self.words


# --- small pieces -------------------------------------------------------------------------------------------------


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


def _scene_units(height: int) -> np.ndarray:
    """Shares of the picture's height to pixels."""
    return np.array([[height, 0, 0], [0, height, 0]], dtype=np.float64)


def _radius(blur: float) -> int:
    """Radius in pixels of the kernel that a blur of this deviation uses; below a quarter of a pixel there is none."""
    return int(np.ceil(2.5 * blur)) if blur >= 0.25 else 0


@cache
def _noise_tile() -> np.ndarray:
    """Normal noise, float32 [512, 512, 3]; scenes cut their noise out of it at random places."""
    return np.random.default_rng(1).standard_normal((512, 512, 3), dtype=np.float32)


def _wrapped(tile: np.ndarray, start: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A piece of a periodic tile that begins at `start`."""
    (top, left), (height, width) = start, size
    if top + height <= len(tile) and left + width <= len(tile):
        return tile[top : top + height, left : left + width]
    return tile[(top + np.arange(height)) % len(tile)][:, (left + np.arange(width)) % len(tile)]


def _lies_inside(mask: np.ndarray, window: Box) -> bool:
    """Whether a mask is not empty and at least 98% of it lies inside the window."""
    left, top, right, bottom = window
    count = mask.sum()
    return bool(count > 0 and mask[top:bottom, left:right].sum() >= 0.98 * count)


def _joined(outer: dict, inner: dict, inside: np.ndarray) -> dict[str, np.ndarray]:
    """Masks by name: `inner` inside a window and `outer` around it; the names of both, in the order of the outer."""
    nothing = np.zeros_like(inside)
    names = [*outer, *(name for name in inner if name not in outer)]
    return {name: np.where(inside, inner.get(name, nothing), outer.get(name, nothing)) for name in names}


def _bounds(region: np.ndarray) -> Box:
    """The smallest box around a region; zeros if it is empty."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    if not len(rows):
        return NOTHING
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _other_kinds(role: Role, kinds: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """The (part, class name) pairs that differ from the role's own class, sorted, so that equal recipes are equal."""
    return tuple(sorted((part, kind) for part, kind in kinds.items() if kind != CLASSES[role.label]))


class _Sketch:
    """Draws outlines as lines that later parts cover, at four times the resolution."""

    def __init__(self, size: tuple[int, int]):
        self.paper = np.full((size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING), 255, np.uint8)
        self.width = max(1, round(0.018 * min(size) * SUPERSAMPLING))

    def add(self, part: Part, transform: np.ndarray) -> None:
        """Covers the part's inside with white, then draws its rim and, thinner, its details."""
        polygons = self._pixels(part, transform)
        cv2.polylines(self.paper, polygons, True, 0, self.width, cv2.LINE_AA, shift=4)
        inside = np.zeros_like(self.paper)
        for one in polygons:
            cv2.fillPoly(inside, [one], 255, shift=4)
        drawn = np.full_like(self.paper, 255)
        for detail in part.details:
            cv2.polylines(
                drawn, self._pixels(detail, transform), True, 90, max(1, self.width // 3), cv2.LINE_AA, shift=4
            )
        np.copyto(self.paper, drawn, where=inside > 0)

    def finish(self) -> torch.Tensor:
        size = (self.paper.shape[1] // SUPERSAMPLING, self.paper.shape[0] // SUPERSAMPLING)
        small = cv2.resize(self.paper, size, interpolation=cv2.INTER_AREA)
        return torch.from_numpy(small.astype(np.float32) / 255)[None]

    def _pixels(self, part: Part, transform: np.ndarray) -> list[np.ndarray]:
        outlines = part.outline if isinstance(part.outline, tuple) else (part.outline,)
        pixels = [(o @ transform[:, :2].T + transform[:, 2]) * SUPERSAMPLING for o in outlines]
        return [np.round((p - 0.5) * 16).astype(np.int32) for p in pixels]


def _check_background(background: str) -> None:
    if background not in BACKGROUNDS:
        raise ValueError(f"background: expected one of {BACKGROUNDS}, got {background!r}")


def _check_range(name: str, value, low, high, kind) -> None:
    if (
        isinstance(value, bool)
        or not isinstance(value, kind if isinstance(kind, tuple) else (kind, np.integer))
        or not low <= value <= high
    ):
        what = "an integer" if kind is int else "a number"
        raise ValueError(f"{name}: expected {what} from {low} to {high}, got {value!r}")


def _checked_seed(seed: int) -> int:
    _check_range("seed", seed, 0, 2**63 - 1, int)
    return int(seed)


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    fine = (
        isinstance(size, (tuple, list))
        and len(size) == 2
        and all(isinstance(s, (int, np.integer)) and MIN_SIDE <= s <= MAX_SIDE for s in size)
    )
    if not fine:
        raise ValueError(f"size: expected (height, width) from {MIN_SIDE} to {MAX_SIDE} pixels each, got {size!r}")
    return int(size[0]), int(size[1])


def _checked_window(window: Box, size: tuple[int, int]) -> Box:
    fine = (
        isinstance(window, (tuple, list)) and len(window) == 4 and all(isinstance(v, (int, np.integer)) for v in window)
    )
    if not (fine and 0 <= window[0] < window[2] <= size[1] and 0 <= window[1] < window[3] <= size[0]):
        raise ValueError(
            f"window: expected (left, top, right, bottom) inside the picture of {size[0]} x {size[1]} pixels "
            f"(height x width) and not empty, got {window!r}"
        )
    return tuple(int(v) for v in window)
