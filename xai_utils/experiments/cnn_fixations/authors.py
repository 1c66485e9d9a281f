"""The boxes that the paper's authors published, judged by our measure: on their pictures, and on ours."""

import csv
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from xai_utils.experiments.pictures import IMAGENET, data_folder
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import wilson_interval
from xai_utils.metrics import box_iou, top1_localisation_error
from xai_utils.pictures import labelled_pictures
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.cnn_fixations --real"
NETWORKS = {"AlexNet": "alexNet", "VGG-16": "vgg16", "GoogLeNet": "googleNet", "ResNet-152": "resNet152"}
VALIDATION = "ilsvrc-val-boxes"  # all 50,000 pictures: their classes and boxes, without the pictures


class Answers(NamedTuple):
    """What is said of pictures, or true of them."""

    labels: Tensor  # int64 [pictures]
    boxes: list[Tensor]  # for each picture int64 [objects, 4]: (left, top, right, bottom), the last two exclusive


@cache
def authors_answers(network: str) -> Answers:
    """The authors' class and box for each of the 50,000 validation pictures of ImageNet, in their order.

    Args:
        network: a name of `NETWORKS`.
    """
    with (data_folder() / "imagenet-classes" / "devkit-ids.csv").open(newline="") as lines:
        classes = {int(row["ilsvrc_devkit_id"]): int(row["index"]) for row in csv.DictReader(lines)}
    text = (data_folder() / "cnn-fixations-boxes" / f"{NETWORKS[network]}.txt").read_text()
    rows = [[int(number) for number in line.split()] for line in text.splitlines()]
    labels = torch.tensor([classes[number] for number, *_ in rows])
    return Answers(labels, [_exclusive(box)[None] for _, *box in rows])


@cache
def true_answers() -> Answers:
    """The true class and boxes of the same pictures, in pixels of the original files."""
    labels = dict(line.split(",") for line in (data_folder() / VALIDATION / "class_labels.txt").read_text().split())
    boxes: dict[str, list[Tensor]] = {name: [] for name in labels}
    for line in (data_folder() / VALIDATION / "localization.txt").read_text().split():
        name, *box = line.split(",")
        boxes[name].append(_exclusive([int(edge) for edge in box]))
    names = sorted(labels)  # val/ILSVRC2012_val_00000001.JPEG and so on
    return Answers(torch.tensor([int(labels[name]) for name in names]), [torch.stack(boxes[name]) for name in names])


def _exclusive(box: list[int]) -> Tensor:
    """Files name the last row and column of an object, the house the first ones behind it."""
    return torch.tensor(box) + torch.tensor([0, 0, 1, 1])


def measure_authors(network: str, tested: list) -> dict:
    """One row: the errors of the authors' boxes.

    Args:
        network: a name of `NETWORKS`.
        tested: [source, first, last] of the pictures: the whole validation set, or those of our own table.

    Returns:
        The three rates of `localisation.measure_localisation`, with 95% intervals by Wilson's formula.
    """
    said, true = authors_answers(network), true_answers()
    source, first, last = tested
    chosen = list(range(len(said.labels)))
    if source == IMAGENET:
        files = [picture.file.stem for picture in labelled_pictures(data_folder() / IMAGENET)]
        chosen = [int(name.rsplit("_", 1)[1]) - 1 for name in files]
    chosen = chosen[first:last]
    boxes, truths = torch.cat([said.boxes[i] for i in chosen]), [true.boxes[i] for i in chosen]
    error = top1_localisation_error(boxes, truths, said.labels[chosen], true.labels[chosen])
    wrong = {
        "error": error,
        "box_error": box_iou(boxes, truths) < 0.5,
        "class_error": said.labels[chosen] != true.labels[chosen],
    }
    shares = {name: of.double().mean().item() for name, of in wrong.items()}
    return {name: (share, *wilson_interval(share, len(chosen))) for name, share in shares.items()}


def authors_errors(*, progress: Progress = quiet) -> list[dict]:
    """The authors' networks on the whole validation set, as the paper prints it, and on the pictures of our table."""
    wanted = grid(network=NETWORKS, tested=[[VALIDATION, 0, 50_000], [IMAGENET, 200, 1000]])
    return record_all("localisation_authors", wanted, measure_authors, command=COMMAND, progress=progress)
