"""Real pictures: table 2 on ImageNet, and summaries of a family of its classes and of a class of CIFAR-10."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.records import record_all
from xai_utils.experiments.visual_summaries.masks import drop_table, drops, packed, unpacked
from xai_utils.experiments.visual_summaries.real_pictures import (
    NETWORKS,
    OF_IMAGENET,
    SCALE,
    SOURCES,
    in_boxes,
    network_of,
    real_pictures,
    right_pictures,
)
from xai_utils.papers.visual_summaries import STAGES, Summaries, summarise_maps
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.visual_summaries.real"
RECORD, SUMMARIES = "real_crisp_masks", "real_summaries"
PICTURES = {"automobile": 32, "dogs": 20, "others": 12}
FEW = {"automobile": 32, "dogs": 4, "others": 4}  # for the presets that are no default
SUMMARISED = ("dogs", "automobile")
BLOCK = 4  # pictures of one row


def measure_masks(model: str, source: str, stages: str, pictures: list[int]) -> dict:
    """One row of table 2: what masks hide of some pictures, and what becomes of each picture's class.

    Args:
        model: a name of `NETWORKS`.
        source: as `real_pictures` takes it.
        stages: a name of `STAGES`.
        pictures: numbers in the source.

    Returns:
        What `masks.drops` says; "boxes" and "inside", the shares of the picture and of what the crisp mask hides that
        lie in the true boxes (None without boxes, or where nothing is hidden); and "packed", the crisp masks.
    """
    shown = real_pictures(source, pictures)
    found, masks = drops(network_of(model), shown.images, shown.labels, stages)
    hidden = masks.crisp > 0.5
    boxes = in_boxes(shown.boxes, hidden.shape[1:])
    known = boxes.any(dim=2).any(dim=1) & hidden.any(dim=2).any(dim=1)
    inside = (hidden & boxes).sum(dim=(1, 2)) / hidden.sum(dim=(1, 2))
    shares = {"boxes": boxes.float().mean(dim=(1, 2)), "inside": inside}
    found |= {
        name: [round(v, 4) if yes else None for v, yes in zip(values.tolist(), known.tolist(), strict=True)]
        for name, values in shares.items()
    }
    return {**found, "packed": packed(hidden)}


def mask_rows(models: Sequence[str] = NETWORKS, *, progress: Progress = quiet) -> list[dict]:
    """The rows of table 2 on real pictures, recorded or computed now; the other presets come last.

    Args:
        models: names of `NETWORKS`.
        progress: wraps the rows.
    """
    wanted = []
    for stages in STAGES:
        for model in models:
            for source in SOURCES[model]:
                numbers = right_pictures(model, source, (PICTURES if stages == "mixed" else FEW)[source])
                size = BLOCK if source != "automobile" else len(numbers)
                wanted += [
                    {"model": model, "source": source, "stages": stages, "pictures": numbers[first : first + size]}
                    for first in range(0, len(numbers), size)
                ]
    return record_all(RECORD, wanted, measure_masks, command=COMMAND, progress=progress)


def recorded_maps(rows: Sequence[dict], source: str) -> tuple[list[int], Tensor]:
    """The numbers of a source's pictures and their crisp masks by the default preset, [pictures, height, width].

    Args:
        rows: of `mask_rows`.
        source: a name of `SOURCES`.
    """
    rows = [row for row in rows if {"source": source, "stages": "mixed"}.items() <= row["configuration"].items()]
    numbers = [number for row in rows for number in row["configuration"]["pictures"]]
    side = 224 if source in OF_IMAGENET else 32 * SCALE
    shapes = [(len(row["configuration"]["pictures"]), side, side) for row in rows]
    return numbers, torch.cat([unpacked(r["result"]["packed"], s) for r, s in zip(rows, shapes, strict=True)]).float()


def real_summaries(source: str, rows: Sequence[dict]) -> Summaries:
    """The summaries of a source, from the recorded masks; numbers of pictures are those of the source.

    Args:
        source: a name of `SUMMARISED`.
        rows: of `mask_rows`.
    """
    numbers, maps = recorded_maps(rows, source)
    found = summarise_maps(real_pictures(source, numbers).images, maps)
    again = [replace(s, images=torch.tensor(numbers)[s.images], exemplar=numbers[s.exemplar]) for s in found]
    lists = {name: tuple(numbers[n] for n in getattr(found, name)) for name in ("without", "unused")}
    return replace(found, summaries=tuple(again), **lists)


def measure_summaries(model: str, source: str, pictures: int) -> dict:
    """One row: the summaries of a source without their regions, as `real_summaries` finds them.

    Args:
        model: a name of `NETWORKS`, of which the masks are recorded.
        source: a name of `SUMMARISED`.
        pictures: the first ones of those that the network gives to their class.
    """
    numbers = right_pictures(model, source, pictures)
    found = asdict(real_summaries(source, [row for row in mask_rows([model]) if _lies_in(row, model, source, numbers)]))
    for summary in found["summaries"]:
        del summary["regions"]
        for name in ("images", "boxes", "scores"):
            summary[name] = np.round(summary[name].tolist(), 6).tolist()
    return found


def _lies_in(row: dict, model: str, source: str, numbers: Sequence[int]) -> bool:
    about = row["configuration"]
    return (about["model"], about["source"]) == (model, source) and set(about["pictures"]) <= set(numbers)


def summary_rows(models: Sequence[str] = NETWORKS, *, progress: Progress = quiet) -> list[dict]:
    """The summaries of the dogs and of the class of CIFAR-10, recorded or computed now; one row each."""
    wanted = [
        {"model": model, "source": source, "pictures": PICTURES[source]}
        for model in models
        for source in SOURCES[model]
        if source in SUMMARISED
    ]
    return record_all(SUMMARIES, wanted, measure_summaries, command=COMMAND, progress=progress)


def main() -> None:
    """Command line: masks and summaries of real pictures; needs $XAI_WEIGHTS and $XAI_DATA; an hour."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--models", nargs="*", default=NETWORKS, choices=NETWORKS)
    models = parser.parse_args().models
    rows = mask_rows(models, progress=tqdm)
    for model in models:
        for stages in STAGES:
            print(model, stages, drop_table(rows, model=model, stages=stages))
    for row in summary_rows(models, progress=tqdm):
        print(row["configuration"], [len(summary["images"]) for summary in row["result"]["summaries"]])


if __name__ == "__main__":
    main()
