"""The adjacent pair: which methods point at the parts that tell a class from its neighbour?"""

import argparse
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.records import in_blocks, record_all
from xai_utils.experiments.verdict.methods import METHODS, maps_of, methods_for
from xai_utils.experiments.verdict.rows import recorded, wanted
from xai_utils.experiments.verdict.standings import asked_everywhere, side_by_side
from xai_utils.experiments.verdict.truth import (
    BLOCK,
    other_class,
    recorded_truth,
    seen_scenes,
    visible_parts,
)
from xai_utils.parts import CLASSES, Parts
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.verdict.adjacent"
RECORD = "verdict_adjacent"
NETWORKS = ("parts/alexnet", "parts/resnet")
SCENES = 60
MORE = 0.001  # of the mass: what a map must have beyond another one, so that rounding is no difference


def measure_adjacent(model: str, method: str, scenes: list[int]) -> dict:
    """Scenes of adjacent classes: how much of a map lies on the parts that tell the class from its neighbour.

    Args:
        model: as `load_model` takes it.
        method: a name of `METHODS`.
        scenes: [first, last] of the test split.

    Returns:
        For scenes that the network recognises and that show telling parts, lists: "size" (the telling parts' share of
        all visible parts' pixels), "own" (their share of the positive mass on parts, asked about the class), "contrast"
        (the same for what the map has more than the one asked about the neighbour; None where it has nothing more).
    """
    network, seen = classifier(model), seen_scenes(classifier(model), *scenes)
    neighbours = torch.tensor([CLASSES.index(other_class(scene)) for scene in seen.scenes])
    own, other = (maps_of(model, network, method, seen.images, asked) for asked in (seen.labels, neighbours))
    found: dict[str, list[float | None]] = {"size": [], "own": [], "contrast": []}
    for scene, first, second in zip(seen.scenes, own, other, strict=True):
        parts = visible_parts(scene)
        telling = [mask for name, mask in parts.items() if name in scene.cast[0].pair.telling]
        if telling:
            told, all_parts = (torch.stack(list(masks)).any(dim=0) for masks in (telling, parts.values()))
            found["size"].append(round(float(told.sum() / all_parts.sum()), 4))
            found["own"].append(_share(first, told, all_parts))
            more = first - second
            shown = more.clamp(min=0)[all_parts].sum() > MORE * first.clamp(min=0)[all_parts].sum()
            found["contrast"].append(_share(more, told, all_parts) if shown else None)
    return found


def _share(maps: Tensor, inside: Tensor, of: Tensor) -> float | None:
    """The share of a map's positive mass on some parts that lies on others, or None if there is none."""
    mass = maps.clamp(min=0).double()
    whole = float(mass[of].sum())
    return round(float(mass[inside].sum()) / whole, 4) if whole > 0 else None


def record_adjacent(
    networks: Sequence[str] = NETWORKS, methods: Sequence[str] = (), *, progress: Progress = quiet
) -> list[dict]:
    """The rows of adjacent classes, recorded or computed now.

    Args:
        networks: names.
        methods: names of `METHODS`; all that can be asked by default.
        progress: wraps the rows.
    """
    rows = wanted(networks, methods, in_blocks(SCENES, BLOCK))
    return record_all(RECORD, rows, measure_adjacent, command=COMMAND, progress=progress)


def recorded_networks(networks: Sequence[str] = NETWORKS) -> list[str]:
    """Those networks of which every method's scenes are all recorded.

    Args:
        networks: names to choose from.
    """
    found = {model: recorded(RECORD, model) for model in networks}
    scenes = {model: len(_telling_scenes(model)) for model in networks}
    return [
        model
        for model, of in found.items()
        if all(len(of.get(name, {"own": ()})["own"]) == scenes[model] for name in methods_for(model))
    ]


def excess(kind: str, networks: Sequence[str]) -> dict[str, np.ndarray]:
    """By how much the telling parts' share of a map exceeds their size: method -> [scenes, networks].

    Args:
        kind: "own" or "contrast", see `measure_adjacent`.
        networks: names of recorded ones.

    Returns:
        Methods that have something to look at in some scene of every network; nan where there is nothing.
    """
    columns = []
    for model in networks:
        scenes, of = _telling_scenes(model), recorded(RECORD, model)
        columns.append({method: _above(scenes, known[kind], known["size"]) for method, known in of.items()})
    return asked_everywhere(side_by_side(columns))


def _above(scenes: list[int], shares: list[float | None], sizes: list[float]) -> dict[int, float]:
    known = zip(scenes, shares, sizes, strict=True)
    return {number: share - size for number, share, size in known if share is not None}


def _telling_scenes(model: str) -> list[int]:
    """The scenes of `measure_adjacent`, in its order."""
    drawn = {number: Parts("test").scene(number) for number in recorded_truth(model) if number < SCENES}
    return [n for n, scene in drawn.items() if set(visible_parts(scene)) & set(scene.cast[0].pair.telling)]


def main() -> None:
    """Command line: records what maps say of the telling parts; a killed run goes on when called again."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--methods", nargs="+", default=[], choices=list(METHODS), help="all by default")
    arguments = parser.parse_args()
    record_adjacent(arguments.networks, arguments.methods, progress=tqdm)


if __name__ == "__main__":
    main()
