"""The snow: which methods notice that a network looks at the background?

Networks of one architecture and recipe: fair ones, and biased ones that saw every class at its home. Two of each kind,
so that a difference between two trainings is not taken for the bias.
"""

import argparse
from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from tqdm.auto import tqdm

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.records import in_blocks, record_all
from xai_utils.experiments.verdict.measures import rounded
from xai_utils.experiments.verdict.methods import METHODS, maps_of
from xai_utils.experiments.verdict.rows import recorded, wanted
from xai_utils.experiments.verdict.standings import side_by_side, standings
from xai_utils.experiments.verdict.truth import BLOCK, lost, seen_scenes
from xai_utils.metrics import share_inside
from xai_utils.models import Classifier
from xai_utils.parts import BACKGROUNDS, Scene
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.verdict.biased"
RECORD = "verdict_biased"
FAIR = ("parts/resnet", "parts/resnet-seed1")
BIASED = ("parts/resnet-biased", "parts/resnet-biased-seed1")
SCENES = 60


def measure_background(model: str, method: str, scenes: list[int]) -> dict:
    """Scenes at their classes' homes: how much of a map lies on the background, and whether the network leans on it.

    Args:
        model: as `load_model` takes it.
        method: a name of `METHODS`.
        scenes: [first, last] of the test split.

    Returns:
        "scene": the numbers of those that the network recognises; for each "background" (share of the positive mass
        outside the object) and "moved" (nats of log-odds that the class loses at another place, mean over all others).
    """
    network = classifier(model)
    seen = seen_scenes(network, *scenes, bias=1.0)
    maps = maps_of(model, network, method, seen.images, seen.labels).clamp(min=0)
    inside = share_inside(maps, torch.stack([scene.region for scene in seen.scenes]))
    moved = [_moved(network, scene) for scene in seen.scenes]
    return {"scene": seen.numbers, "background": rounded(1 - inside), "moved": moved}


def _moved(network: Classifier, scene: Scene) -> float:
    elsewhere = [scene.on(place).image[None] for place in BACKGROUNDS if place != scene.background]
    return round(sum(lost(network, scene, elsewhere)) / len(elsewhere), 4)


def record_background(
    networks: Sequence[str] = FAIR + BIASED, methods: Sequence[str] = (), *, progress: Progress = quiet
) -> list[dict]:
    """The rows of some networks, recorded or computed now.

    Args:
        networks: names.
        methods: names of `METHODS`; all that can be asked by default.
        progress: wraps the rows.
    """
    rows = wanted(networks, methods, in_blocks(SCENES, BLOCK))
    return record_all(RECORD, rows, measure_background, command=COMMAND, progress=progress)


def more_on_background(networks: Sequence[str], than: Sequence[str]) -> dict[str, np.ndarray]:
    """By how much more of a map lies on the background than with another network, of scenes that both recognise.

    Args:
        networks: names of recorded ones.
        than: of others.

    Returns:
        As `standings.Values`, with a column for each pair: the first of `networks` with each of `than`, and so on.

    Raises:
        ValueError: a network of which nothing is recorded.
    """
    shares = side_by_side([_by_scene(model, "background") for model in (*networks, *than)])
    pairs = list(product(range(len(networks)), range(len(networks), len(networks) + len(than))))
    return {
        method: np.stack([of[:, one] - of[:, other] for one, other in pairs], axis=1) for method, of in shares.items()
    }


def lost_elsewhere(networks: Sequence[str] = FAIR + BIASED) -> dict[str, Interval]:
    """What is true of each network: nats of log-odds that the class loses at another place, with its 95% interval.

    Args:
        networks: names of recorded ones.
    """
    moved = {model: next(iter(_by_scene(model, "moved").values())) for model in networks}  # the same for all methods
    return {model: standings(side_by_side([{model: of}]))[model] for model, of in moved.items()}


def _by_scene(model: str, name: str) -> dict[str, dict[int, float]]:
    """What is recorded of a network: method -> number of a scene -> value."""
    if not (found := recorded(RECORD, model)):
        raise ValueError(f"networks: expected recorded ones, got {model!r}; run {COMMAND}")
    return {method: dict(zip(of["scene"], of[name], strict=True)) for method, of in found.items()}


def main() -> None:
    """Command line: records how much of each map lies on the background; a killed run goes on when called again."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--networks", nargs="+", default=list(FAIR + BIASED), choices=FAIR + BIASED)
    parser.add_argument("--methods", nargs="+", default=[], choices=list(METHODS), help="all by default")
    arguments = parser.parse_args()
    record_background(arguments.networks, arguments.methods, progress=tqdm)


if __name__ == "__main__":
    main()
