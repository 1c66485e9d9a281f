"""Figure 8: when the network names the other object, does the evidence lie on that one?

`python -m xai_utils.experiments.cnn_fixations.mistakes` computes and records the table.
"""

import argparse
from functools import cache
from itertools import count
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.explanations import METHODS, evidence
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.models import load_model, outputs
from xai_utils.parts import Scene, draw_scene
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.cnn_fixations.mistakes"
MODELS = ("parts/alexnet", "parts/vgg", "parts/googlenet", "parts/resnet")
FIRST_SEED = 5_000_000  # scenes of their own, in no split
QUICK, FULL = 20, 150  # wrong predictions of each network
MIN_PIXELS = 150  # of each object, about a hundredth of the picture


class Mistakes(NamedTuple):
    """Pictures of two objects in which the network names the one that is not the label."""

    images: Tensor  # float [pictures, 3, height, width]
    classes: Tensor  # int64 [pictures, 2]: predicted, labelled
    regions: Tensor  # bool [pictures, 2, height, width], of the predicted and of the labelled object
    tried: int  # scenes that were drawn to find them


def two_objects(seed: int) -> Scene | None:
    """A scene of two objects from different pairs of classes, both to be seen; None if the seed does not give one."""
    scene = draw_scene(seed, objects=2)
    main, other = scene.objects
    if main.label // 2 == other.label // 2 or min(main.region.sum(), other.region.sum()) < MIN_PIXELS:
        return None
    return scene


@cache
def mistakes(model: str, pictures: int) -> Mistakes:
    """The first so many pictures, by seed, whose label is the main object and for which the network names the other.

    Args:
        model: as `load_model` takes it.
        pictures: how many.
    """
    network, found = load_model(model), []
    for first in count(FIRST_SEED, 100):
        scenes = [scene for scene in map(two_objects, range(first, first + 100)) if scene]
        named = outputs(network, torch.stack([scene.image for scene in scenes])).argmax(dim=1).tolist()
        found += [scene for scene, name in zip(scenes, named, strict=True) if name == scene.objects[1].label]
        if len(found) >= pictures:
            break
    chosen = found[:pictures]
    images = torch.stack([scene.image for scene in chosen])
    objects = [scene.objects[::-1] for scene in chosen]  # the predicted one first
    classes = torch.tensor([[one.label for one in both] for both in objects])
    regions = torch.stack([torch.stack([one.region for one in both]) for both in objects])
    return Mistakes(images, classes, regions, chosen[-1].seed - FIRST_SEED + 1)


def on_objects(maps: Tensor, regions: Tensor) -> dict[str, Tensor]:
    """Which of the two objects the evidence lies on.

    Args:
        maps: float [pictures, height, width], not negative, none of them 0 everywhere.
        regions: bool [pictures, 2, height, width], of the predicted and of the labelled object.

    Returns:
        float [pictures] each: the shares of the evidence "on_predicted" and "on_labelled"; "for_predicted", 1 where
        its density (evidence per pixel) is higher on the predicted object than on the labelled one, one half where
        it is the same.
    """
    mass = (maps[:, None] * regions).sum((2, 3))  # [pictures, 2]
    shares = mass / maps.sum((1, 2))[:, None]
    density = mass / regions.sum((2, 3))
    higher = (density[:, 0] > density[:, 1]).float() + (density[:, 0] == density[:, 1]).float() / 2
    return {"on_predicted": shares[:, 0], "on_labelled": shares[:, 1], "for_predicted": higher}


def moved(maps: Tensor, others: Tensor) -> Tensor:
    """How much of the evidence would have to be moved to turn one map into the other: 0 the same, 1 nothing shared.

    Args:
        maps: float [pictures, height, width], not negative, none of them 0 everywhere.
        others: the same.

    Returns:
        float [pictures], half of the absolute difference of the maps, each scaled to a sum of 1.
    """
    one, other = (values / values.sum((1, 2), keepdim=True) for values in (maps, others))
    return (one - other).abs().sum((1, 2)) / 2


def measure_mistakes(model: str, method: str, pictures: int) -> dict:
    """One row of the table.

    Args:
        model: as `load_model` takes it.
        method: a name of `METHODS`.
        pictures: wrong predictions.

    Returns:
        Under "predicted" and, as a control, "labelled", the class that was asked about: the means of `on_objects` and
        "empty", the number of pictures without any evidence for it, which are left out. "moved": how different the
        two answers are. "area_predicted", "area_labelled": the objects' mean shares of the picture, which is chance.
        All with 95% intervals over pictures, [mean, low, high]. "tried": the scenes drawn to find the pictures.
    """
    network, found = load_model(model), mistakes(model, pictures)
    maps = [evidence(model, network, method, found.images, classes) for classes in found.classes.T]
    full = [some.sum((1, 2)) > 0 for some in maps]
    both = full[0] & full[1]
    areas = found.regions.float().mean((2, 3))
    answers = {
        asked: {**_intervals(on_objects(some[there], found.regions[there])), "empty": int((~there).sum())}
        for asked, some, there in zip(("predicted", "labelled"), maps, full, strict=True)
    }
    rest = {"moved": moved(maps[0][both], maps[1][both]), "area_predicted": areas[:, 0], "area_labelled": areas[:, 1]}
    return {**answers, **_intervals(rest), "tried": found.tried}


def _intervals(values: dict[str, Tensor]) -> dict[str, list[float]]:
    return {name: [round(end, 4) for end in bootstrap_interval(some)] for name, some in values.items()}


def explained_mistakes(
    models: tuple[str, ...] = MODELS, *, pictures: int = FULL, progress: Progress = quiet
) -> list[dict]:
    """The table, recorded or computed now.

    Args:
        models: as `load_model` takes them.
        pictures: wrong predictions of each network.
        progress: wraps the rows.
    """
    wanted = grid(model=models, method=METHODS, pictures=[pictures])
    return record_all("mistakes", wanted, measure_mistakes, command=COMMAND, progress=progress)


def main() -> None:
    """Command line: computes and records the table."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    for row in explained_mistakes(pictures=QUICK) + explained_mistakes(progress=tqdm):
        print(row["configuration"], row["result"])


if __name__ == "__main__":
    main()
