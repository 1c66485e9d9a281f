"""Section 3: every way of removing evidence introduces some, or leaves some."""

import argparse
from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.pictures import IMAGENET, boxed_pictures
from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.models import predict, target_probability
from xai_utils.parts import Parts
from xai_utils.perturb import blurred_baseline, constant_baseline, noisy_baseline
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.realtime_saliency.introduced"
COLOURS = {
    "black": (0.0, 0.0, 0.0),
    "grey": (0.5, 0.5, 0.5),
    "white": (1.0, 1.0, 1.0),
    "red": (0.8, 0.1, 0.1),
    "green": (0.1, 0.6, 0.1),
    "blue": (0.2, 0.4, 0.9),
    "yellow": (0.9, 0.8, 0.1),
}
FILLS = (*COLOURS, "blur", "noise")
FILLED, BLOCK = (100, 200), 50  # scenes of the test split
SHARP = {"test": (100, 400, 100), IMAGENET: (0, 1000, 100)}  # source -> first, last, pictures of one row
REAL = ("squeezenet1_1", "resnet50")
BLURRED = (*BLACK_BOXES, *REAL)
GEOLOGY = (970, *range(972, 981))  # ImageNet: alp, cliff, coral reef, geyser, lakeside, ..., seashore, valley, volcano
SURE = 0.5


def filling(images: Tensor, fill: str) -> Tensor:
    """What stands in place of removed pixels, by a name of `FILLS`: [batch, 3, height, width]."""
    if fill in COLOURS:
        return constant_baseline(images, COLOURS[fill])
    return blurred_baseline(images) if fill == "blur" else noisy_baseline(images, generator=_seeded(1))


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def measure_filling(model: str, fill: str, scenes: list[int]) -> dict:
    """What the network sees where the object's box is filled, so that not even its outline is left.

    Args:
        model: as `load_model` takes it.
        fill: a name of `FILLS`.
        scenes: [first, last) of the test split.

    Returns:
        "probabilities": of every class, a list for every scene.
    """
    drawn = [Parts("test").scene(number) for number in range(*scenes)]
    images = torch.stack([scene.image for scene in drawn])
    hidden = filling(images, fill)
    for picture, content, scene in zip(images, hidden, drawn, strict=True):
        left, top, right, bottom = scene.box
        picture[:, top:bottom, left:right] = content[:, top:bottom, left:right]
    said = predict(classifier(model), images)
    return {"probabilities": [[round(value, 3) for value in classes] for classes in said.tolist()]}


def detail(images: Tensor) -> Tensor:
    """How much of pictures a blur takes away: the share of their variance (over places) above its frequencies.

    Args:
        images: float [batch, 3, height, width].

    Returns:
        [batch], about 0 for a smooth picture and 1 for noise; 0 for an even one.
    """
    gone = (images - blurred_baseline(images)).var(dim=(2, 3)).sum(dim=1)
    return gone / images.var(dim=(2, 3)).sum(dim=1).clamp(min=1e-8)


def measure_blur(model: str, source: str, pictures: list[int]) -> dict:
    """What is left of a class under a full blur.

    Args:
        model: as `load_model` takes it.
        source: as `boxed_pictures` takes it.
        pictures: [first, last).

    Returns:
        Lists with a number for every picture: its "label", its `detail`, and the label's probability "before" and
        "after" the blur.
    """
    network, found = classifier(model), []
    for first in range(*pictures, 20):
        shown = boxed_pictures(source, range(first, min(first + 20, pictures[1])), network.input_size)
        pair = [
            target_probability(network, each, shown.labels) for each in (shown.images, filling(shown.images, "blur"))
        ]
        found.append(torch.stack([shown.labels, detail(shown.images), *pair]))
    label, *rest = torch.cat(found, dim=1)
    lists = ([round(value, 4) for value in values.tolist()] for values in rest)
    return {"label": label.int().tolist(), **dict(zip(("detail", "before", "after"), lists, strict=True))}


def filling_rows(models: Sequence[str] = BLACK_BOXES, *, progress: Progress = quiet) -> list[dict]:
    """The rows on colours, recorded or computed now."""
    blocks = [[first, first + BLOCK] for first in range(*FILLED, BLOCK)]
    wanted = grid(model=models, fill=FILLS, scenes=blocks)
    return record_all("introduced_colours", wanted, measure_filling, command=COMMAND, progress=progress)


def blur_rows(models: Sequence[str] = BLURRED, *, progress: Progress = quiet) -> list[dict]:
    """The rows on the blur, recorded or computed now; those of `REAL` need $XAI_WEIGHTS and $XAI_DATA."""
    wanted = []
    for model in models:
        source = IMAGENET if model in REAL else "test"
        first, last, size = SHARP[source]
        wanted += grid(model=[model], source=[source], pictures=[[at, at + size] for at in range(first, last, size)])
    return record_all("introduced_blur", wanted, measure_blur, command=COMMAND, progress=progress)


def own_evidence(rows: Sequence[dict], model: str, classes: Sequence[str]) -> dict[str, tuple[float, float, float]]:
    """By how much every filling raises the class that it speaks for, beyond the mean of all fillings.

    Something must rise when the object goes; so what counts is the difference between fillings. The class is chosen on
    every second scene and measured on the others, or the largest of many differences would be above 0 by chance.

    Args:
        rows: of `filling_rows`.
        model: its name.
        classes: their names.

    Returns:
        "FILL: CLASS" -> (mean, low, high), differences of probabilities.
    """
    chosen = [row for row in rows if row["configuration"]["model"] == model]
    said = {
        fill: np.concatenate([row["result"]["probabilities"] for row in chosen if row["configuration"]["fill"] == fill])
        for fill in FILLS
    }
    usual, table = np.mean(list(said.values()), axis=0), {}
    for fill, probabilities in said.items():
        excess = probabilities - usual  # [scenes, classes]
        best = int(excess[::2].mean(axis=0).argmax())
        table[f"{fill}: {classes[best]}"] = bootstrap_interval(excess[1::2, best])
    return table


def blur_table(rows: Sequence[dict], model: str) -> dict[str, tuple[float, float, float]]:
    """Whether a blur fails on smooth pictures, of those that the network is sure of.

    Args:
        rows: of `blur_rows`.
        model: its name.

    Returns:
        Name -> (mean, low, high): the share of the class's probability that is left under a full blur, of "all"
        pictures, of the "smoothest third" and the "finest third" by `detail`, and, of ImageNet, of "landscapes"
        (`GEOLOGY`, such as seashore or alp) and "others"; and the "rank correlation" of detail and what is left.
    """
    of = {
        name: np.concatenate([row["result"][name] for row in rows if row["configuration"]["model"] == model])
        for name in ("label", "detail", "before", "after")
    }
    sure = of["before"] >= SURE
    fine, left, label = of["detail"][sure], (of["after"] / of["before"].clip(1e-9))[sure], of["label"][sure]
    low, high = np.quantile(fine, [1 / 3, 2 / 3])
    groups = {"all": fine >= 0, "smoothest third": fine <= low, "finest third": fine >= high}
    if model in REAL:
        landscape = np.isin(label, GEOLOGY)
        groups |= {"landscapes": landscape, "others": ~landscape}
    table = {name: bootstrap_interval(left[member]) for name, member in groups.items() if member.any()}
    return {**table, "rank correlation": _resampled(lambda chosen: spearmanr(fine[chosen], left[chosen])[0], len(fine))}


def _resampled(statistic: Callable[[np.ndarray], float], count: int, draws: int = 1000) -> tuple[float, float, float]:
    """A statistic of pictures, with its 95% interval over resampled ones."""
    generator = np.random.default_rng(0)
    found = [statistic(generator.integers(count, size=count)) for _ in range(draws)]
    low, high = np.quantile(found, [0.025, 0.975])
    return float(statistic(np.arange(count))), float(low), float(high)


def main() -> None:
    """Command line: records both tables and prints them; with `--real` the blur's also on ImageNet."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--real", action="store_true", help="also on ImageNet; needs $XAI_WEIGHTS and $XAI_DATA")
    models = BLURRED if parser.parse_args().real else BLACK_BOXES
    colours, blurs = filling_rows(progress=tqdm), blur_rows(models, progress=tqdm)
    tables = {model: blur_table(blurs, model) for model in models}
    for model in BLACK_BOXES:
        tables[model] |= own_evidence(colours, model, Parts("test").classes)
    for model, table in tables.items():
        for name, (mean, low, high) in table.items():
            print(f"{model}, {name}: {mean:.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
