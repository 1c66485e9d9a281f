"""Biases of the masking model itself: does it keep what its black box does not use, or does it just know the object?

Every scene is drawn again without one part or thing, and the black box is asked what that costs.
`python -m xai_utils.experiments.realtime_saliency.interventions` computes and records the table.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.realtime_saliency.tables import maps_of
from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES, masking_of
from xai_utils.experiments.records import grid, in_blocks, record_all
from xai_utils.experiments.statistics import bootstrap_interval, spearman
from xai_utils.models import load_model, outputs
from xai_utils.parts import Parts, Scene
from xai_utils.parts.layers import Layer
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.realtime_saliency.interventions"
METHODS = ("masking model", "iterative mask")  # the second one asks the black box in every picture
UNUSED, USED = 0.05, 0.5  # nats of log p: at most so much either way; at least so much lost
MIN_PIXELS, MIN_PARTS = 20, 3  # of a piece that can be seen; of which an order says something
FIRST, SCENES, BLOCK = 100, 100, 20  # of the test split; on the first hundred settings were tried

Pieces = dict[str, float]  # name of a part or thing -> a number


@dataclass(frozen=True)
class Tidied(Scene):
    """A scene from which one of the things that belong to no object is gone."""

    gone: str = ""

    @cached_property
    def _layers(self) -> tuple[Layer, ...]:
        return tuple(layer for layer in super()._layers if layer.owner >= 0 or layer.name != self.gone)


def pieces(scene: Scene) -> Iterator[tuple[str, Tensor, Scene]]:
    """All that can be taken out of a scene: (name, its visible pixels, the scene without it).

    Parts have their own names; things are called "thing 0", "thing 1", ..., and "thing occluder" stands in front.
    """
    for name, visible in scene.parts.items():
        if visible.sum() >= MIN_PIXELS:
            yield name, visible, scene.without(name)
    recipe = {field.name: getattr(scene, field.name) for field in fields(Scene)}
    for one in scene._visible:
        visible = torch.from_numpy(one.seen > 0.5)
        if one.layer.owner < 0 and visible.sum() >= MIN_PIXELS:
            yield f"thing {one.layer.name}", visible, Tidied(**recipe, gone=one.layer.name)


def effects(model: nn.Module, scene: Scene, without: dict[str, Scene]) -> Pieces:
    """What the absence of each piece costs the scene's class: log p before less log p after, in nats."""
    images = torch.stack([scene.image, *(other.image for other in without.values())])
    logs = outputs(model, images).log_softmax(dim=1)[:, scene.label]
    return {name: round(cost, 4) for name, cost in zip(without, (logs[0] - logs[1:]).tolist(), strict=True)}


def measure_interventions(
    method: str, black_boxes: Sequence[str], scenes: list[int], masking: Sequence[str] = ()
) -> dict:
    """One row: what the black boxes use in some scenes, and what the masks for each of them keep.

    Scenes that one of the black boxes does not recognise are left out.

    Args:
        method: a name of `METHODS`.
        black_boxes: as `load_model` takes them.
        scenes: [first, last] of the test split.
        masking: names of the masking models' weights; only a part of the row's key.

    Returns:
        Lists with an entry for each scene that is left: "scene"; "effect", black box -> its `effects`; "keep", black
        box -> for each piece the mean of the mask over its visible pixels; "alike", "A|B" -> [correlation of the
        pixels, intersection over union above 0.5] of the masks for two black boxes.
    """
    models, drawn = {name: load_model(name) for name in black_boxes}, [Parts("test").scene(i) for i in range(*scenes)]
    images, labels = torch.stack([scene.image for scene in drawn]), torch.tensor([scene.label for scene in drawn])
    known = torch.stack([outputs(model, images).argmax(dim=1) == labels for model in models.values()]).all(dim=0)
    found = {name: maps_of(name, method, images[known], labels[known]) for name in models}
    row = {"scene": [scenes[0] + place for place in known.nonzero()[:, 0].tolist()]}
    row |= {"effect": {name: [] for name in models}, "keep": {name: [] for name in models}}
    for place, index in enumerate(row["scene"]):
        scene = drawn[index - scenes[0]]
        taken = list(pieces(scene))
        for name, model in models.items():
            row["effect"][name].append(effects(model, scene, {piece: other for piece, _, other in taken}))
            keep = found[name][place]
            row["keep"][name].append({piece: round(float(keep[pixels].mean()), 4) for piece, pixels, _ in taken})
    return row | {"alike": {f"{a}|{b}": likeness(found[a], found[b]) for a, b in combinations(models, 2)}}


def likeness(maps: Tensor, others: Tensor) -> list[list[float]]:
    """[correlation over the pixels, intersection over union above 0.5] of each pair of masks.

    The correlation with a flat mask is 0; two masks of which nothing is above 0.5 overlap fully.

    Example:
        >>> likeness(torch.tensor([[[1.0, 0.0, 0.0]]]), torch.tensor([[[0.9, 0.9, 0.0]]]))
        [[0.5, 0.5]]
    """
    one, other = (each.flatten(1) - each.flatten(1).mean(dim=1, keepdim=True) for each in (maps, others))
    scale = one.norm(dim=1) * other.norm(dim=1)
    correlation = (one * other).sum(dim=1) / scale.clamp(min=torch.finfo(scale.dtype).tiny)
    both, either = ((maps > 0.5) & (others > 0.5)).sum((1, 2)), ((maps > 0.5) | (others > 0.5)).sum((1, 2))
    overlap = torch.where(either > 0, both / either.clamp(min=1), 1.0)
    return [[round(value, 4) for value in pair] for pair in torch.stack([correlation, overlap], dim=1).tolist()]


def interventions(
    methods: Sequence[str] = METHODS,
    black_boxes: Sequence[str] = BLACK_BOXES,
    *,
    scenes: int = SCENES,
    progress: Progress = quiet,
) -> list[dict]:
    """The table, recorded or computed now.

    Args:
        methods: names of `METHODS`.
        black_boxes: as `load_model` takes them; every one with a masking model.
        scenes: how many of the test split, from `FIRST` on.
        progress: wraps the rows.
    """
    blocks = in_blocks(FIRST + scenes, BLOCK, FIRST)
    wanted = grid(method=methods, black_boxes=[list(black_boxes)], scenes=blocks)
    for row in wanted:
        if row["method"] == "masking model":
            row["masking"] = [masking_of(name) for name in black_boxes]
    return record_all("interventions", wanted, measure_interventions, command=COMMAND, progress=progress)


def kept_by_use(rows: Sequence[dict], method: str, black_box: str) -> dict[str, Interval]:
    """How much the masks keep of what the black box uses and of what it does not, with 95% intervals over scenes.

    Returns:
        "used parts", "unused parts" and "unused things": (mean, low, high) of the mask's mean over such a piece; and
        "used - unused parts", over the scenes that have both.
    """
    scenes = list(zip(_of(rows, method, "keep", black_box), _of(rows, method, "effect", black_box), strict=True))

    def means(thing: bool, low: float, high: float) -> np.ndarray:
        chosen = [
            [keep[name] for name in keep if name.startswith("thing ") == thing and low <= cost[name] <= high]
            for keep, cost in scenes
        ]
        return np.array([np.mean(values) if values else np.nan for values in chosen])

    found = {"used parts": means(False, USED, np.inf), "unused parts": means(False, -UNUSED, UNUSED)}
    found["unused things"] = means(True, -UNUSED, UNUSED)
    found["used - unused parts"] = found["used parts"] - found["unused parts"]
    return {name: bootstrap_interval(values[~np.isnan(values)]) for name, values in found.items()}


def agreement_with_use(rows: Sequence[dict], method: str, masks_for: str, used_by: str) -> np.ndarray:
    """Scene by scene the rank correlation, over the object's parts, of what masks keep with what a black box loses.

    Args:
        rows: of `interventions`.
        method: a name of `METHODS`.
        masks_for: the black box whose masks are looked at.
        used_by: the black box whose losses they are compared with; the same one, or another as a control.
    """
    found = _over_parts(_of(rows, method, "keep", masks_for), _of(rows, method, "effect", used_by))
    return found[~np.isnan(found)]


def _over_parts(one: Sequence[Pieces], other: Sequence[Pieces]) -> np.ndarray:
    """The rank correlation over the object's parts in each scene; NaN in one of too few parts."""

    def of_scene(a: Pieces, b: Pieces) -> float:
        names = [name for name in a if not name.startswith("thing ")]
        enough = len(names) >= MIN_PARTS
        return spearman([a[name] for name in names], [b[name] for name in names]) if enough else np.nan

    return np.array(list(map(of_scene, one, other)))


def own_against_others(rows: Sequence[dict], method: str, black_box: str) -> dict[str, Interval]:
    """Do masks made for a black box agree better with what it uses than masks made for the others do?

    Returns:
        "own" and "others": the mean rank correlation with what this black box uses; "own - others", scenes paired.
    """
    others = [name for name in rows[0]["configuration"]["black_boxes"] if name != black_box]
    own = agreement_with_use(rows, method, black_box, black_box)
    theirs = np.mean([agreement_with_use(rows, method, other, black_box) for other in others], axis=0)
    found = {"own": own, "others": theirs, "own - others": own - theirs}
    return {name: bootstrap_interval(values) for name, values in found.items()}


def likeness_of_pairs(rows: Sequence[dict], method: str) -> dict[str, dict[str, Interval]]:
    """How alike the masks for two black boxes are, beside how alike is what the two use.

    Returns:
        "A|B" -> "correlation" and "overlap" of the masks; "use", the rank correlation of the parts' losses; "together",
        that of the first with the last over scenes: above 0 if masks differ where black boxes do (Fisher's interval).
    """
    found = {}
    for a, b in combinations(rows[0]["configuration"]["black_boxes"], 2):
        alike = np.array(_of(rows, method, "alike", f"{a}|{b}"))
        use = _over_parts(_of(rows, method, "effect", a), _of(rows, method, "effect", b))
        alike, use = alike[~np.isnan(use)], use[~np.isnan(use)]
        values = {"correlation": alike[:, 0], "overlap": alike[:, 1], "use": use}
        found[f"{a}|{b}"] = {name: bootstrap_interval(of) for name, of in values.items()}
        together = spearman(alike[:, 0], use)
        ends = np.tanh(np.arctanh(together) + np.array([-1.96, 1.96]) / np.sqrt(len(use) - 3))
        found[f"{a}|{b}"]["together"] = (together, *map(float, ends))
    return found


def _of(rows: Sequence[dict], method: str, value: str, name: str) -> list:
    """The entries of all scenes, one row after the other."""
    own = [row["result"] for row in rows if row["configuration"]["method"] == method]
    return [entry for result in own for entry in result[value][name]]


def main() -> None:
    """Command line: records the table and prints what it says."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    rows = interventions(progress=tqdm)
    for method in METHODS:
        for name in BLACK_BOXES:
            print(method, name, kept_by_use(rows, method, name), own_against_others(rows, method, name))
        print(method, likeness_of_pairs(rows, method))


if __name__ == "__main__":
    main()
