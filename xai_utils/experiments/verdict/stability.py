"""What maps should not change with, and what they should: noise in the picture, and weights without a meaning.

A map that stays the same when the network's weights are shuffled says nothing of the network (Adebayo et al., 2018,
"Sanity Checks for Saliency Maps"). A map that changes with noise that nobody sees says little of the picture, unless
the answer has changed with it, as an attack may bring about.
"""

import argparse
import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.records import record_all
from xai_utils.experiments.statistics import spearman
from xai_utils.experiments.verdict.methods import METHODS, maps_of, methods_for
from xai_utils.experiments.verdict.rows import recorded, wanted
from xai_utils.experiments.verdict.standings import side_by_side
from xai_utils.experiments.verdict.truth import NETWORKS, Seen, recorded_truth, seen_scenes
from xai_utils.models import Classifier
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.verdict.stability"
RECORD, SHUFFLES = "verdict_stability", "verdict_shuffles"
DRAWS = 5  # shuffles of all layers, as one shuffle may make any two maps alike
SCENES = [0, 20]  # of the test split
LEVEL = 2 / 255  # how far the noise moves a value (its deviation), and the attack every value
SHUFFLED = {
    "last layer": 0.0,
    "last quarter": 0.25,
    "last half": 0.5,
    "all layers": 1.0,
}  # share of those below the last
CHANGES = ("noise", "attack", *SHUFFLED)
CELL = 4  # pixels a side; maps are compared cell by cell


def measure_stability(model: str, method: str, scenes: list[int]) -> dict:
    """How much a method's maps stay the same when picture or network change.

    Args:
        model: as `load_model` takes it.
        method: a name of `METHODS`.
        scenes: [first, last] of the test split.

    Returns:
        For each of `CHANGES` a number for each recognised scene: Spearman's correlation of the map's magnitudes with
        those before the change, over cells of `CELL` pixels. The class asked about stays that of the scene.
    """
    network = classifier(model)
    seen = seen_scenes(network, *scenes)
    before = maps_of(model, network, method, seen.images, seen.labels)
    found = {}
    for change in CHANGES:
        changed, images = _changed(change, network, seen)
        found[change] = _alike(before, maps_of(model, changed, method, images, seen.labels))
    return found


def measure_shuffles(model: str, method: str, scenes: list[int], draws: int) -> dict:
    """How much a method's maps stay the same when all weights are shuffled, in several ways.

    Args:
        model: as `load_model` takes it.
        method: a name of `METHODS`.
        scenes: [first, last] of the test split.
        draws: shuffles, each of all layers.

    Returns:
        "all layers": for each shuffle its number for each recognised scene, as of `measure_stability`.
    """
    network = classifier(model)
    seen = seen_scenes(network, *scenes)
    before = maps_of(model, network, method, seen.images, seen.labels)
    found = []
    for draw in range(draws):
        other = shuffled(network, 1.0, torch.Generator().manual_seed(draw))
        found.append(_alike(before, maps_of(model, other, method, seen.images, seen.labels)))
    return {"all layers": found}


def _changed(change: str, network: Classifier, seen: Seen) -> tuple[Classifier, Tensor]:
    """The network and the pictures, one of which has changed."""
    if change in SHUFFLED:
        return shuffled(network, SHUFFLED[change], torch.Generator().manual_seed(0)), seen.images
    return network, noisy(seen.images) if change == "noise" else attacked(network, seen.images, seen.labels)


def noisy(images: Tensor, deviation: float = LEVEL) -> Tensor:
    """Pictures with noise of a deviation, RGB in [0, 1]; the same noise at every call."""
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + deviation * noise).clamp(0, 1)


def attacked(model: nn.Module, images: Tensor, target: Tensor, size: float = LEVEL) -> Tensor:
    """Pictures whose every value has moved by `size` against the class, by the sign of the gradient.

    **Source**: Goodfellow, Shlens and Szegedy (2015), section 4.

    Args:
        model: classifier in eval mode.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: int64 [batch].
        size: how far, in [0, 1].
    """
    pictures = images.detach().clone().requires_grad_()
    with torch.enable_grad():
        loss = nn.functional.cross_entropy(model(pictures), target)
    (slope,) = torch.autograd.grad(loss, pictures)
    return (images + size * slope.sign()).clamp(0, 1)


def shuffled(model: Classifier, share: float, generator: torch.Generator) -> Classifier:
    """A copy of a network in which the weights of the last layers have changed places within their layer.

    Biases and what batch norms have learned stay.

    Args:
        model: stays as it is.
        share: of the layers with weights below the last one; 0 shuffles the last one only, 1 all of them.
        generator: draws the places.
    """
    other = copy.deepcopy(model)
    layers = [part for part in other.modules() if isinstance(part, (nn.Conv2d, nn.Linear))]
    last = 1 + round(share * (len(layers) - 1))
    with torch.no_grad():
        for layer in layers[-last:]:
            weights = layer.weight.flatten()
            layer.weight.copy_(weights[torch.randperm(len(weights), generator=generator)].view_as(layer.weight))
    return other


def _alike(before: Tensor, after: Tensor) -> list[float]:
    return [round(alike(*pair), 4) for pair in zip(before, after, strict=True)]


def alike(first: Tensor, second: Tensor) -> float:
    """Spearman's correlation of two maps' magnitudes, over cells; 0 if one of them is the same everywhere."""
    cells = [avg_pool2d(one.abs()[None, None], CELL).flatten().double().numpy() for one in (first, second)]
    return spearman(*cells)


def record_stability(
    networks: Sequence[str] = NETWORKS, methods: Sequence[str] = (), *, progress: Progress = quiet
) -> None:
    """Records some networks, where that is not done yet.

    Args:
        networks: names.
        methods: names of `METHODS`; all that can be asked by default.
        progress: wraps the rows.
    """
    rows = wanted(networks, methods, [SCENES])
    record_all(RECORD, rows, measure_stability, command=COMMAND, progress=progress)
    again = [row | {"draws": DRAWS} for row in rows if _asks_again(row["method"])]
    record_all(SHUFFLES, again, measure_shuffles, command=COMMAND, progress=progress)


def _asks_again(method: str) -> bool:
    """Whether a method asks the network for each map; a masking model asks while it learns, and never again."""
    return METHODS[method].of != "control" and method != "masking model"


def recorded_networks(networks: Sequence[str] = NETWORKS) -> list[str]:
    """Those networks of which every method is recorded.

    Args:
        networks: names to choose from.
    """
    return [model for model in networks if set(methods_for(model)) <= set(recorded(RECORD, model))]


def stability(change: str, networks: Sequence[str]) -> dict[str, np.ndarray]:
    """How much alike maps are before and after a change: method -> [scenes, networks], see `standings.Values`.

    Args:
        change: one of `CHANGES`.
        networks: names of recorded ones.
    """
    columns = []
    for model in networks:
        seen = [number for number in recorded_truth(model) if number in range(*SCENES)]
        columns.append({name: dict(zip(seen, of[change], strict=True)) for name, of in recorded(RECORD, model).items()})
    return side_by_side(columns)


def main() -> None:
    """Command line: records how stable maps are."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--methods", nargs="+", default=[], choices=list(METHODS), help="all by default")
    arguments = parser.parse_args()
    record_stability(arguments.networks, arguments.methods, progress=tqdm)


if __name__ == "__main__":
    main()
