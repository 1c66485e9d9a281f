"""What each idea of the training is worth: one thing changed at a time (sections 4 and 4.1)."""

from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from xai_utils.experiments.realtime_saliency.quality import SCENES, quality
from xai_utils.experiments.realtime_saliency.training import COMMAND, ENCODER
from xai_utils.experiments.records import grid, record_all
from xai_utils.masks import OFFICIAL, PRINTED, SWAPPED
from xai_utils.models import load_model
from xai_utils.papers.realtime_saliency import LAYERS, LEARNED, LEARNING, MaskingModel, train_masking_model
from xai_utils.parts import Parts
from xai_utils.tensors import Progress, quiet

CHANGES: dict[str, dict] = {
    "as trained": {},
    "sigmoid for eq. 8": {"model": {"activation": "sigmoid"}},
    "no fake classes": {"training": {"fakes": 0.0}},
    "one fixed A: grey": {"training": {"objective": replace(LEARNED, baseline="grey")}},
    "one fixed A: blur": {"training": {"objective": replace(LEARNED, baseline="blur")}},
    "area weight 10": {"training": {"objective": SWAPPED}},
    "weights as printed": {"training": {"objective": PRINTED}},
    "official code's blocks": {"model": {"variant": "official"}},
    "official code's losses": {
        "training": {"objective": replace(OFFICIAL, area_weight=8.0, tv_weight=0.005 / 2, preserve_weight=0.3)}
    },
}
"""What is changed, in the masking model or in its training."""

BLACK_BOX = "parts/resnet-crops"
FULL = {"pictures": 3000, "epochs": 3}
SMALL = {"pictures": 64, "epochs": 1}  # so small that a test can train it again


@cache
def first_pictures(count: int) -> tuple[Tensor, Tensor]:
    """The first so many training pictures, uint8 [pictures, 3, height, width], and their labels; drawn once."""
    return Parts("train").tensors(indices=range(count))


def ablations(*, progress: Progress = quiet) -> list[dict]:
    """All rows, recorded or computed now."""
    size = {"first": [SCENES[0]], "last": [SCENES[1]]}
    wanted = grid(change=CHANGES, black_box=[BLACK_BOX], pictures=[FULL["pictures"]], epochs=[FULL["epochs"]], **size)
    wanted += [{"change": "as trained", "black_box": BLACK_BOX, **SMALL, "first": 0, "last": 8}]
    return record_all("masking_ablations", wanted, measure_ablation, command=COMMAND, progress=progress)


def measure_ablation(change: str, black_box: str, pictures: int, epochs: int, first: int, last: int) -> dict:
    """One row: a masking model trained with one thing changed, and its `quality`.

    Args:
        change: a name of `CHANGES`.
        black_box: as `load_model` takes it.
        pictures: of the training split.
        epochs: over these pictures.
        first: scene of the test split on which it is measured.
        last: the scene after the last one.
    """
    changed = {"model": {}, "training": {}} | CHANGES[change]
    recipe = replace(LEARNING, epochs=epochs)
    torch.manual_seed(recipe.seed)
    masking_model = MaskingModel(load_model(ENCODER), layers=LAYERS[ENCODER], **changed["model"])
    model = load_model(black_box)
    epochs_seen = train_masking_model(
        masking_model.to(memory_format=torch.channels_last),
        model,
        first_pictures(pictures),
        recipe,
        **changed["training"],
    )
    losses = [epoch.loss for epoch in epochs_seen]
    return {**quality(masking_model, model, first, last), "losses": losses}
