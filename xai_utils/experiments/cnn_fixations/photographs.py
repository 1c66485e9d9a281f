"""Fixations of a real network on photographs that come with scikit-image, kept so that every reader can see them."""

import torch
from torch import Tensor

from xai_utils.experiments.records import grid, record_all
from xai_utils.models import load_model, predict
from xai_utils.papers.cnn_fixations import cnn_fixations
from xai_utils.pictures import PHOTOGRAPHS, load_photograph
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.cnn_fixations --real"
NETWORK = "squeezenet1_1"


def measure_photograph(model: str, photograph: str, rank: int, move: bool) -> dict:
    """The fixations of one of the likeliest classes.

    Args:
        model: as `load_model` takes it.
        photograph: a name of `PHOTOGRAPHS`.
        rank: 1 asks about the likeliest class, 2 about the next.
        move: see `cnn_fixations`.

    Returns:
        `class` and `probability` of what was asked, and `points`, its fixations as [row, column].
    """
    network, image = load_model(model), load_photograph(photograph)
    likeliest = predict(network, image)[0].topk(rank)
    asked = likeliest.indices[-1].item()
    (points,) = cnn_fixations(network, image, asked, move=move)
    said = {"class": network.classes[asked], "probability": round(likeliest.values[-1].item(), 4)}
    return {**said, "points": points.tolist()}


def photographs(*, progress: Progress = quiet) -> list[dict]:
    """Every photograph asked about its two likeliest classes, staying and moving."""
    wanted = grid(model=[NETWORK], photograph=PHOTOGRAPHS, rank=[1, 2], move=[False, True])
    return record_all("fixation_photographs", wanted, measure_photograph, command=COMMAND, progress=progress)


def points_of(row: dict) -> Tensor:
    """The fixations of a row of the table, int64 [points, 2]."""
    return torch.tensor(row["result"]["points"], dtype=torch.int64).reshape(-1, 2)
