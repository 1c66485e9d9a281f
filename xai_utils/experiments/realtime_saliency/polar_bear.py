"""The polar bear: a classifier that knows a class by its place, pictures that hide it, and explanations that may not.

`python -m xai_utils.experiments.realtime_saliency.polar_bear` computes and records both tables.
"""

import argparse
from collections.abc import Sequence
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.classifiers import BIAS
from xai_utils.experiments.explanations import evidence
from xai_utils.experiments.realtime_saliency.tables import maps_of
from xai_utils.experiments.realtime_saliency.training import masking_of
from xai_utils.experiments.records import grid, in_blocks, record_all
from xai_utils.experiments.statistics import bootstrap_interval, wilson_interval
from xai_utils.metrics import share_inside
from xai_utils.models import load_model, outputs
from xai_utils.parts import HABITATS, Parts, Scene
from xai_utils.parts.drawing import paint
from xai_utils.parts.streams import stream
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.realtime_saliency.polar_bear"
MODELS = UNBIASED, BIASED = "parts/resnet", "parts/resnet-biased"  # one recipe, other pictures
PICTURES = ("biased", "unbiased")
VIEWS = (*PICTURES, "object only", "place only", "neighbour's place")
BACKWARD = ("gradient", "guided backprop", "LRP", "Grad-CAM", "excitation", "cMWP")
METHODS = ("masking model", "iterative mask", *BACKWARD)
FIRST, SCENES, BLOCK = 100, 100, 50  # of the test split; on the first hundred settings were tried
GREY = 0.5


class OnGrey(Scene):
    """A scene without its place: all that stands there is drawn on one grey, under the same light and camera."""

    def _painted(self) -> np.ndarray:
        canvas = np.full((*self.size, 3), GREY, np.float32)
        x = stream(self.seed, "light").uniform(-0.7, 0.7)
        for layer in self._layers:
            paint(canvas, layer.part, layer.transform, (x, -np.sqrt(1 - x * x)))
        return canvas


def seen(scene: Scene, view: str) -> Scene:
    """A scene in one of the views that need drawing again; things that lie around or stand in front always stay.

    Args:
        scene: the whole of it, of one object.
        view: "object only", on grey; "place only", without the object; "neighbour's place", where the other class of
            its pair lives; any other name is the scene itself.

    Example:
        >>> from xai_utils.parts import draw_scene
        >>> seen(draw_scene(0, label=0), "neighbour's place").background == HABITATS[1]
        True
    """
    if view == "object only":
        return OnGrey(scene.seed, scene.size, scene.cast, scene.background, scene.difficulty)
    if view == "place only":
        return scene.without_object()
    return scene.on(HABITATS[scene.label ^ 1]) if view == "neighbour's place" else scene


_split = cache(partial(Parts, "test"))


def scenes_of(view: str, first: int, last: int) -> list[Scene]:
    """Scenes of the test split as one of `VIEWS` shows them; in all views they are of the same objects.

    Args:
        view: "biased", "unbiased", or what `seen` makes of the biased ones.
        first: index of the first scene.
        last: index after the last one.
    """
    split = _split(bias=0.0 if view == "unbiased" else BIAS)
    return [seen(split.scene(index), view) for index in range(first, last)]


def measure_accuracy(model: str, view: str, scenes: int) -> dict:
    """How often a classifier is right in one view (section 1: "snow-only or polar-bear-only images").

    Args:
        model: as `load_model` takes it.
        view: a name of `VIEWS`.
        scenes: the first so many of the test split.

    Returns:
        "accuracy" with its 95% interval, [share, low, high]; "place", the same for the answers whose class lives at
        the place shown (None where no place is shown).
    """
    answers, labels, places = [], [], []
    for first, last in in_blocks(scenes, 100):
        shown = scenes_of(view, first, last)
        answers += outputs(load_model(model), torch.stack([scene.image for scene in shown])).argmax(dim=1).tolist()
        labels += [scene.label for scene in shown]
        places += [scene.background for scene in shown]
    right = np.mean([answer == label for answer, label in zip(answers, labels, strict=True)])
    lives = np.mean([HABITATS[answer] == place for answer, place in zip(answers, places, strict=True)])
    return {"accuracy": _counted(right, scenes), "place": None if view == "object only" else _counted(lives, scenes)}


def _counted(share: float, count: int) -> list[float]:
    return [round(float(end), 4) for end in (share, *wilson_interval(share, count))]


def share_on(maps: Tensor, regions: Tensor) -> list[float | None]:
    """The share of each map's relevance that lies on the object; None where there is no relevance, or no object.

    Args:
        maps: float [batch, height, width], not negative.
        regions: bool [batch, height, width].

    Example:
        >>> regions = torch.tensor([[[True, True, False]]] * 2)
        >>> share_on(torch.tensor([[[0.5, 0.0, 1.5]], [[0.0, 0.0, 0.0]]]), regions)
        [0.25, None]
    """
    inside, known = share_inside(maps, regions), (maps.sum((1, 2)) > 0) & regions.any(2).any(1)
    return [round(share, 4) if there else None for share, there in zip(inside.tolist(), known.tolist(), strict=True)]


def measure_shares(model: str, method: str, pictures: str, scenes: list[int], masking: str = "") -> dict:
    """One row: on how much of the object an explanation of its class lies, scene by scene.

    Args:
        model: as `load_model` takes it; asked for the object's own class, whatever it answers.
        method: a name of `METHODS`.
        pictures: "biased" or "unbiased".
        scenes: [first, last] of the test split.
        masking: name of the masking model's weights; only a part of the row's key.

    Returns:
        "share" and "area": the share of the relevance, and of the picture, that is the object's (see `share_on`).
    """
    shown = scenes_of(pictures, *scenes)
    images, labels = torch.stack([scene.image for scene in shown]), torch.tensor([scene.label for scene in shown])
    regions = torch.stack([scene.region for scene in shown])
    if method == "cMWP":
        maps = evidence(model, load_model(model), method, images, labels)
    else:
        maps = maps_of(model, method, images, labels)
    return {"share": share_on(maps, regions), "area": share_on(torch.ones_like(maps), regions)}


def accuracies(models: Sequence[str] = MODELS, *, scenes: int = 2000, progress: Progress = quiet) -> list[dict]:
    """Does accuracy show the bias? The rows, recorded or computed now.

    Args:
        models: as `load_model` takes them.
        scenes: of the test split.
        progress: wraps the rows.
    """
    wanted = grid(model=models, view=VIEWS, scenes=[scenes])
    return record_all("polar_bear", wanted, measure_accuracy, command=COMMAND, progress=progress)


def shares(
    models: Sequence[str] = MODELS,
    methods: Sequence[str] = METHODS,
    *,
    scenes: int = SCENES,
    progress: Progress = quiet,
) -> list[dict]:
    """Do explanations show it? The rows, recorded or computed now.

    "biased" pictures are the paper's question: "an image of a polar bear with snow from the dataset". There both
    classifiers are right, and the place has something to say. The "unbiased" ones are the control: their place mostly
    speaks for another class, so that the evidence for the object's own one has to come from the object.

    Args:
        models: as `load_model` takes them.
        methods: names of `METHODS`.
        scenes: how many of the test split, from `FIRST` on.
        progress: wraps the rows.
    """
    blocks = in_blocks(FIRST + scenes, BLOCK, FIRST)
    wanted = grid(model=models, method=methods, pictures=PICTURES, scenes=blocks)
    for row in wanted:
        if row["method"] == "masking model":
            row["masking"] = masking_of(row["model"])
    return record_all("polar_bear_shares", wanted, measure_shares, command=COMMAND, progress=progress)


def accuracy_by_view(rows: Sequence[dict], model: str, value: str = "accuracy") -> dict[str, Interval]:
    """View -> (share, low, high) of one classifier.

    Args:
        rows: of `accuracies`.
        model: its name.
        value: "accuracy" or "place".
    """
    own = {row["configuration"]["view"]: row["result"][value] for row in rows if row["configuration"]["model"] == model}
    return {view: tuple(interval) for view, interval in own.items() if interval}


def share_by_method(rows: Sequence[dict], model: str, pictures: str) -> dict[str, Interval]:
    """Method -> mean share of the relevance on the object, with its 95% interval over scenes; and "area", chance."""
    methods = list(dict.fromkeys(row["configuration"]["method"] for row in rows))
    found = {method: _by_scene(rows, model, method, pictures) for method in methods}
    found["area"] = _by_scene(rows, model, methods[0], pictures, "area")
    return {name: bootstrap_interval([one for one in of.values() if one is not None]) for name, of in found.items()}


def differences(
    rows: Sequence[dict], pictures: str, biased: str = BIASED, unbiased: str = UNBIASED
) -> dict[str, Interval]:
    """Method -> how much less of the relevance lies on the object if the classifier is biased, (mean, low, high).

    Scenes are paired; one in which either classifier's map is empty is left out. A method uncovers the bias if the
    whole interval lies below 0.
    """
    methods = dict.fromkeys(row["configuration"]["method"] for row in rows)
    found = {}
    for method in methods:
        one, other = (_by_scene(rows, model, method, pictures) for model in (biased, unbiased))
        both = [scene for scene in one if one[scene] is not None and other[scene] is not None]
        found[method] = bootstrap_interval([one[scene] - other[scene] for scene in both])
    return found


def _by_scene(rows: Sequence[dict], model: str, method: str, pictures: str, value: str = "share") -> dict[int, float]:
    asked = {"model": model, "method": method, "pictures": pictures}
    return {
        scene: share
        for row in rows
        if asked.items() <= row["configuration"].items()
        for scene, share in zip(range(*row["configuration"]["scenes"]), row["result"][value], strict=True)
    }


def main() -> None:
    """Command line: records both tables and prints what they say."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    for row in accuracies(progress=tqdm):
        print(*list(row["configuration"].values())[:2], row["result"])
    rows = shares(progress=tqdm)
    for pictures in PICTURES:
        for method, (mean, low, high) in differences(rows, pictures).items():
            print(f"{pictures} pictures, {method}: {mean:+.3f} [{low:+.3f}, {high:+.3f}]")


if __name__ == "__main__":
    main()
