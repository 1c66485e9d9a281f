"""Does a high score mean little background? Where the units of a picture's chain of activation lie."""

import argparse
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d
from tqdm.auto import tqdm

from xai_utils.activations import record
from xai_utils.experiments.image_score.shares import CONTROLS, NETWORKS, TRAINING, class_reference, network_of
from xai_utils.experiments.records import grid, read_records, record_all
from xai_utils.papers.image_score import LayerReference, Reference, image_score
from xai_utils.parts import CLASSES, Parts, Scene
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.image_score.background"
RECORD = "score_background"
SPLIT = "test"
PICTURES = 100  # of each class
CHAINS = ("activated", "activated and important")


class OnObject(NamedTuple):
    """Which share of some units lies on the object, by layer; nan where there is no unit."""

    layers: tuple[str, ...]  # those with maps
    shares: dict[str, Tensor]  # for each of `CHAINS`: float64 [batch, layers]
    important: Tensor  # [batch, layers], the same of all important units, whatever the picture activates
    area: Tensor  # [batch], the object's share of the picture: that of units anywhere


def on_object(model: nn.Module, images: Tensor, regions: Tensor, reference: Reference) -> OnObject:
    """How much of each picture's chain of activation lies on its object.

    A unit of a map stands for the cell of the picture at its place, around the middle of its receptive field; it
    counts by the share of that cell that the object covers.

    Args:
        model: the network of the reference, in eval mode.
        images: float [batch, 3, height, width], RGB in [0, 1].
        regions: bool [batch, height, width], where the object is.
        reference: of the pictures' class.

    Returns:
        Shares for the layers with more than one place.
    """
    maps = {layer.layer: layer for layer in reference.layers if _places(layer) > 1}
    found: dict[str, dict[str, Tensor]] = {}

    def look(name: str, output: Tensor) -> Tensor:
        cells = adaptive_avg_pool2d(regions[:, None].double(), output.shape[2:])  # [batch, 1, rows, columns]
        active, important = output >= maps[name].threshold, maps[name].important[None]
        chosen = dict(zip(CHAINS, (active, active & important), strict=True)) | {"important": important}
        found[name] = {which: _mean_over(units, cells) for which, units in chosen.items()}
        return output.new_zeros(0)

    with torch.inference_mode(), record(model, list(maps), keep=look):
        model(images)
    stacked = {which: torch.stack([of[which] for of in found.values()], dim=1) for which in (*CHAINS, "important")}
    area = regions.double().mean(dim=(1, 2))
    return OnObject(tuple(found), {which: stacked[which] for which in CHAINS}, stacked["important"], area)


def measure_background(network: str, class_name: str, pictures: int, training: int) -> dict:
    """One row: the pictures of a class, their scores, and where their chains of activation lie.

    Args:
        network: one of `NETWORKS` or `CONTROLS`.
        class_name: a name of `CLASSES`.
        pictures: of the test split.
        training: pictures behind the reference.

    Returns:
        "layers"; lists with a number for each picture: "score", "formula" (the other reading of the score), "area",
        the shares on the object, averaged over the layers, of `CHAINS` and of the "important" units; "shuffled", that
        of the activated and important units on the object of the next picture. By layer, for each of `CHAINS`: "share"
        (its mean) and "correlation" (Spearman's, with the score); and "important by layer", the mean share.
    """
    scenes, images = pictures_of(class_name, pictures)
    regions = torch.stack([scene.region for scene in scenes])
    model, reference = network_of(network), class_reference(network, CLASSES.index(class_name), training)
    scores = {name: image_score(model, images, reference, intersect=name == "score") for name in ("score", "formula")}
    found = on_object(model, images, regions, reference)
    shuffled = on_object(model, images, regions.roll(1, dims=0), reference).shares[CHAINS[1]]
    score = scores["score"].numpy()
    return {
        "layers": list(found.layers),
        **{name: _rounded(of) for name, of in scores.items()},
        "area": _rounded(found.area),
        **{name: _rounded(of.nanmean(dim=1)) for name, of in found.shares.items()},
        "important": _rounded(found.important.mean(dim=1)),
        "shuffled": _rounded(shuffled.nanmean(dim=1)),
        "share": {name: _rounded(of.nanmean(dim=0)) for name, of in found.shares.items()},
        "important by layer": _rounded(found.important.mean(dim=0)),
        "correlation": {
            name: [_or_none(_where_shown(score, layer.numpy())) for layer in of.T] for name, of in found.shares.items()
        },
    }


@lru_cache(maxsize=2)
def pictures_of(class_name: str, pictures: int) -> tuple[list[Scene], Tensor]:
    """The first scenes of a class in the test split, and their images, float [pictures, 3, 128, 128]."""
    split = Parts(SPLIT)
    numbers = (split.labels == CLASSES.index(class_name)).nonzero()[:pictures, 0]
    scenes = [split.scene(number) for number in numbers.tolist()]
    return scenes, torch.stack([scene.image for scene in scenes])


def spearman(first: np.ndarray, second: np.ndarray, given: np.ndarray | None = None) -> np.ndarray:
    """Spearman's rank correlation along the last axis, or the partial one given a third; nan where one is constant.

    Example:
        >>> first, second = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 4.0, 9.0, 16.0])
        >>> spearman(first, second).round(6), spearman(first, -second).round(6)
        (np.float64(1.0), np.float64(-1.0))
    """
    lists = [first, second] if given is None else [first, second, given]
    ranks = [rankdata(values, axis=-1) for values in lists]
    centred = [of - of.mean(axis=-1, keepdims=True) for of in ranks]
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = [of / np.sqrt((of**2).sum(axis=-1, keepdims=True)) for of in centred]
        found = (scaled[0] * scaled[1]).sum(axis=-1)
        if given is None:
            return found
        one, other = ((of * scaled[2]).sum(axis=-1) for of in scaled[:2])
        return (found - one * other) / np.sqrt((1 - one**2) * (1 - other**2))


def background_rows(*, progress: Progress = quiet) -> list[dict]:
    """Every class for every network, untrained ones included, recorded or computed now."""
    wanted = grid(class_name=CLASSES, network=(*NETWORKS, *CONTROLS), pictures=[PICTURES], training=[TRAINING])
    return record_all(RECORD, wanted, measure_background, command=COMMAND, progress=progress)


def background_table(network: str, *, draws: int = 1000, seed: int = 0) -> dict[str, list[float]]:
    """What the recorded rows of a network say: [value, low, high], averaged over its classes, intervals over pictures.

    Args:
        network: one of `NETWORKS` or `CONTROLS`.
        draws: resamplings of each class's pictures.
        seed: of the resampling.

    Returns:
        For each of `CHAINS`: "share, NAME", on the object; the same for the "best" and the "worst" scored fifth of
        each class; "correlation, NAME" with the score (Spearman), "given area" and "given important": partial ones,
        given the object's size, and given where the important units of the class lie on this picture's object. "area",
        "important" and "shuffled": shares to compare with. "correlation, area": of the score with the object's size;
        "correlation, shuffled": with the share on another picture's object; "correlation, formula": that of the other
        reading with the activated units.

    Raises:
        ValueError: nothing is recorded for the network.
    """
    rows = [row["result"] for row in read_records(RECORD) if row["configuration"]["network"] == network]
    if not rows:
        raise ValueError(f"network: expected one that is recorded in {RECORD}.jsonl, got {network!r}")
    generator = np.random.default_rng(seed)
    by_class = []
    for row in rows:
        count = len(row["score"])
        chosen = np.concatenate([np.arange(count)[None], generator.integers(count, size=(draws, count))])
        names = ("score", "formula", "area", "important", "shuffled", *CHAINS)
        by_class.append(_summary({name: np.array(row[name], dtype=float)[chosen] for name in names}))
    table = {name: np.mean([of[name] for of in by_class], axis=0) for name in by_class[0]}
    return {name: [float(of[0]), *map(float, np.quantile(of[1:], [0.025, 0.975]))] for name, of in table.items()}


def _summary(of: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The numbers of `background_table` for one class: values [draws, pictures] -> [draws]."""
    order = np.argsort(of["score"], axis=1)
    fifth = order.shape[1] // 5
    found = {name: of[name].mean(axis=1) for name in ("area", "important", "shuffled")}
    found |= {f"correlation, {name}": spearman(of["score"], of[name]) for name in ("area", "shuffled")}
    found["correlation, formula"] = spearman(of["formula"], of[CHAINS[0]])
    for chain in CHAINS:
        by_score = np.take_along_axis(of[chain], order, axis=1)
        found[f"share, {chain}"] = by_score.mean(axis=1)
        found[f"share, {chain}, best"] = by_score[:, -fifth:].mean(axis=1)
        found[f"share, {chain}, worst"] = by_score[:, :fifth].mean(axis=1)
        found[f"correlation, {chain}"] = spearman(of["score"], of[chain])
        for given in ("area", "important"):
            found[f"correlation, {chain}, given {given}"] = spearman(of["score"], of[chain], of[given])
    return found


def _where_shown(score: np.ndarray, share: np.ndarray) -> float:
    """The correlation over the pictures that activate some unit of the layer."""
    shown = ~np.isnan(share)
    return float(spearman(score[shown], share[shown])) if shown.sum() > 2 else float("nan")


def _places(layer: LayerReference) -> int:
    return layer.important[0].numel() if layer.important.ndim == 3 else 0


def _mean_over(units: Tensor, cells: Tensor) -> Tensor:
    """The mean of the cells over the chosen units, [batch]; nan where there is none."""
    at = units.sum(dim=1).double()  # how many channels of each place
    return (at * cells[:, 0]).sum(dim=(1, 2)) / at.sum(dim=(1, 2))


def _rounded(values: Tensor) -> list[float | None]:
    return [_or_none(value) for value in values.tolist()]


def _or_none(value: float) -> float | None:
    return round(value, 4) if value == value else None


def main() -> None:
    """Command line: records where the chains of activation lie; ten minutes."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    background_rows(progress=tqdm)
    for network in (*NETWORKS, *CONTROLS):
        for name, interval in background_table(network).items():
            print(network, name, *(f"{value:.3f}" for value in interval))


if __name__ == "__main__":
    main()
