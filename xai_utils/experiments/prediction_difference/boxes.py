"""Does evidence gather in the box that people drew around the object? Pictures of ImageNet, a network trained on it."""

import os
from functools import cache
from itertools import islice
from pathlib import Path

import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from torch import Tensor

from xai_utils.baselines import gradient
from xai_utils.experiments.claims import Interval
from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.prediction_difference.setting import COMMAND
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.models import outputs
from xai_utils.papers.prediction_difference import prediction_difference
from xai_utils.perturb import ConditionalSampler, MarginalSampler, Sampler
from xai_utils.pictures import LabelledPicture, labelled_pictures, load_picture
from xai_utils.tensors import Progress, quiet

SIZE = (224, 224)
REFERENCE = 100  # the last pictures of the folder: the samplers know them, and none of them is explained
AREAS = (0.1, 0.5)  # a smaller box holds too few windows, a larger one leaves too little outside
KINDS = ("conditional", "marginal", "sensitivity", "nearness to the centre")


@cache
def imagenet_pictures() -> dict[str, LabelledPicture]:
    """The pictures of `$XAI_DATA/imagenet-val-1000` by the names of their files.

    Raises:
        FileNotFoundError: no such folder.
    """
    if "XAI_DATA" not in os.environ:
        raise FileNotFoundError("XAI_DATA: expected a folder that holds imagenet-val-1000, got no such variable")
    pictures = labelled_pictures(Path(os.environ["XAI_DATA"]) / "imagenet-val-1000")
    return {picture.file.stem: picture for picture in pictures}


def box_region(picture: LabelledPicture, size: tuple[int, int] = SIZE) -> Tensor:
    """The pixels in one of the picture's boxes, bool [height, width], for a square picture resized to `size`."""
    with Image.open(picture.file) as opened:
        down, across = size[0] / opened.height, size[1] / opened.width
    region = torch.zeros(size, dtype=torch.bool)
    for left, top, right, bottom in picture.boxes:
        region[round(top * down) : round(bottom * down), round(left * across) : round(right * across)] = True
    return region


def recognised_pictures(network: str, count: int) -> list[str]:
    """The first pictures that the network recognises and whose boxes are neither small nor large, by name.

    Args:
        network: as `load_model` takes it.
        count: how many.
    """

    def fits(picture: LabelledPicture) -> bool:
        if not AREAS[0] <= box_region(picture).float().mean() <= AREAS[1]:
            return False
        return outputs(classifier(network), load_picture(picture.file, SIZE)).argmax().item() == picture.label

    unknown = list(imagenet_pictures().items())[:-REFERENCE]
    return list(islice((name for name, picture in unknown if fits(picture)), count))


@cache
def imagenet_samplers(patch: int) -> dict[str, Sampler]:
    """Both samplers by name, of the last pictures; the Gaussian sees two pixels more on each side of a window."""
    reference = list(imagenet_pictures().values())[-REFERENCE:]
    images = torch.cat([load_picture(picture.file, SIZE) for picture in reference])
    gaussian = ConditionalSampler.fit(images, outer=patch + 4, generator=torch.Generator().manual_seed(0))
    return {"conditional": gaussian, "marginal": MarginalSampler(images)}


def measure_box(network: str, picture: str, patch: int, stride: int, samples: int) -> dict:
    """One picture: how clearly the maps of several methods tell the box's pixels from the others.

    Args:
        network: as `load_model` takes it.
        picture: name of its file, without suffix.
        patch: side of the window.
        stride: from one window to the next.
        samples: drawn for each window.

    Returns:
        `area`, the box's share of the picture; and for each of `KINDS` the `separation` of box and rest by `evidence`
        (the map with its sign) and by `size` (without). "Nearness to the centre" looks at no network: objects stand
        in the middle of photographs, and a method has to beat that.
    """
    model, about = classifier(network), imagenet_pictures()[picture]
    image, region = load_picture(about.file, SIZE), box_region(about)
    maps = {"sensitivity": gradient(model, image, about.label)[0], "nearness to the centre": _nearness_to_centre()}
    for kind, sampler in imagenet_samplers(patch).items():
        generator = torch.Generator().manual_seed(0)
        knobs = {"patch": patch, "stride": stride, "samples": samples, "batch_size": 16, "generator": generator}
        maps[kind] = prediction_difference(model, image, about.label, sampler=sampler, **knobs)[0]
    result = {
        kind: {"evidence": separation(maps[kind], region), "size": separation(maps[kind].abs(), region)}
        for kind in KINDS
    }
    return {"area": round(region.float().mean().item(), 4), **result}


def separation(found: Tensor, region: Tensor) -> float:
    """How likely a pixel inside has more relevance than one outside: 1 if all do, 0.5 if the map is blind (AUC).

    Args:
        found: a map, float [height, width].
        region: bool [height, width], neither empty nor everything.

    Example:
        >>> separation(torch.tensor([[0.9, 0.2, 0.1]]), torch.tensor([[True, False, False]]))
        1.0
    """
    return round(float(roc_auc_score(region.flatten(), found.flatten())), 4)


def _nearness_to_centre() -> Tensor:
    """Largest in the middle of the picture, 0 in its corners, float [height, width]."""
    down, across = ((torch.arange(side) - (side - 1) / 2) / side for side in SIZE)
    return 0.5**0.5 - torch.hypot(down[:, None], across[None])


def box_separation(
    network: str = "squeezenet1_1",
    pictures: int = 40,
    *,
    patch: int = 16,
    stride: int = 16,
    samples: int = 2,
    progress: Progress = quiet,
) -> list[dict]:
    """The rows of the table "does evidence gather in the box", recorded or computed now; needs `$XAI_DATA`.

    Only numbers are recorded, no picture is.

    Args:
        network: as `load_model` takes it.
        pictures: the first so many that it recognises.
        patch: side of the window.
        stride: from one window to the next.
        samples: drawn for each window.
        progress: wraps the pictures.
    """
    names = recognised_pictures(network, pictures)
    wanted = grid(network=[network], picture=names, patch=[patch], stride=[stride], samples=[samples])
    return record_all("box_separation", wanted, measure_box, command=f"{COMMAND} --real", progress=progress)


def separation_intervals(rows: list[dict], by: str) -> dict[str, Interval]:
    """The mean separation of each of `KINDS` over all pictures, with its 95% interval.

    Args:
        rows: of `box_separation`.
        by: "evidence" or "size".
    """
    return {kind: bootstrap_interval([row["result"][kind][by] for row in rows]) for kind in KINDS}
