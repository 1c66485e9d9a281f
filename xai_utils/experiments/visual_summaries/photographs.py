"""Fig. 3 on photographs: masks of a real network, kept so that every reader can see them."""

import argparse
import base64
import zlib
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.records import grid, read_records, record_all
from xai_utils.experiments.visual_summaries.masks import drops, packed, unpacked
from xai_utils.models import predict
from xai_utils.pictures import PHOTOGRAPHS, load_photograph
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.visual_summaries.photographs"
RECORD = "photograph_crisp_masks"
NETWORK = "squeezenet1_1"
CELLS = 56  # of the smooth mask as it is kept; it was searched for on 28 and smoothed


class PhotographMasks(NamedTuple):
    """What was recorded of one photograph."""

    name: str
    """Of the class that was asked about, the likeliest one."""
    smooth: Tensor
    """Float [height, width] in [0, 1], high where the picture has to be hidden."""
    crisp: Tensor
    """The same of the crisp stage, 0 or 1."""
    measures: dict[str, float]
    """As `drops` gives them."""


def measure_photograph(network: str, photograph: str, stages: str) -> dict:
    """One row: the masks of a photograph for its likeliest class, and what they cost the class.

    Args:
        network: as `load_model` takes it; its weights have to be here.
        photograph: a name of `PHOTOGRAPHS`.
        stages: a name of `STAGES`.

    Returns:
        "name", "target", "height", "width", "measures", "smooth" and "crisp"; the last two for `restored`.
    """
    model, image = classifier(network), load_photograph(photograph)
    target = predict(model, image).argmax(dim=1)
    found, masks = drops(model, image, target, stages)
    cells = (adaptive_avg_pool2d(masks.smooth[:, None], CELLS) * 255).round().byte()
    return {
        "name": model.classes[int(target)],
        "target": int(target),
        "size": list(image.shape[2:]),
        "measures": {name: values[0] for name, values in found.items()},
        "smooth": base64.b64encode(zlib.compress(cells.numpy().tobytes(), 9)).decode(),
        "crisp": packed(masks.crisp > 0.5),
    }


def restored(row: dict) -> PhotographMasks:
    """A recorded row, its masks as they are drawn."""
    result = row["result"]
    cells = np.frombuffer(zlib.decompress(base64.b64decode(result["smooth"])), np.uint8).reshape(1, 1, CELLS, CELLS)
    smooth = interpolate(torch.from_numpy(cells.copy()).float() / 255, result["size"], mode="bilinear")[0, 0]
    return PhotographMasks(
        result["name"], smooth, unpacked(result["crisp"], result["size"]).float(), result["measures"]
    )


def read_photographs() -> dict[str, PhotographMasks]:
    """The photographs whose masks are recorded, by name."""
    return {row["configuration"]["photograph"]: restored(row) for row in read_records(RECORD)}


def photograph_rows(*, progress: Progress = quiet) -> list[dict]:
    """The masks of all photographs, one row each, recorded or computed now.

    Args:
        progress: wraps the photographs.
    """
    wanted = grid(network=[NETWORK], photograph=PHOTOGRAPHS, stages=["mixed"])
    return record_all(RECORD, wanted, measure_photograph, command=COMMAND, progress=progress)


def main() -> None:
    """Command line: searches the masks of the photographs (two minutes of one core)."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    for row in photograph_rows(progress=tqdm):
        print(row["configuration"]["photograph"], row["result"]["name"], row["result"]["measures"])


if __name__ == "__main__":
    main()
