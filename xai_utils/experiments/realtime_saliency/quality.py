"""What a masking model is worth: what its masks keep, destroy and cover, and how well they outline the object."""

import torch
from torch import Tensor

from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES, COMMAND, masking_of
from xai_utils.experiments.records import record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.metrics import localisation_error, region_iou, saliency_metric
from xai_utils.models import Classifier, load_model, target_probability
from xai_utils.papers.realtime_saliency import MaskingModel, load_masking_model, realtime_saliency
from xai_utils.parts import Parts
from xai_utils.perturb import draw_baselines, remove_evidence
from xai_utils.tensors import Progress, quiet

SCENES = (100, 600)  # of the test split
FAKE = 4  # classes further: another pair


def qualities(black_boxes: tuple[str, ...] = BLACK_BOXES, *, progress: Progress = quiet) -> list[dict]:
    """What every trained masking model is worth, one row each, recorded or computed now."""
    wanted = [{"black_box": name, "masking": masking_of(name)} for name in black_boxes]
    return record_all("masking_models", wanted, measure_masking_model, command=COMMAND, progress=progress)


def measure_masking_model(black_box: str, masking: str, first: int = SCENES[0], last: int = SCENES[1]) -> dict:
    """One row: `quality` of a trained masking model.

    Args:
        black_box: as `load_model` takes it.
        masking: the same as a name of weights.
        first: scene of the test split.
        last: the scene after the last one.
    """
    return quality(load_masking_model(black_box), load_model(black_box), first, last)


def quality(masking_model: MaskingModel, black_box: Classifier, first: int, last: int) -> dict:
    """Everything that is measured of a masking model on scenes of the test split, means with 95% intervals.

    Args:
        masking_model: trained for the black box.
        black_box: the classifier.
        first: scene of the test split.
        last: the scene after the last one.

    Returns:
        "whole", "kept", "removed", "hidden": the class's probability in the whole picture, in what the mask keeps, in
        what it leaves (a baseline drawn as in training stands for the rest), and where everything is replaced;
        "area", "fake_area": the mask's mean for the own class and for one of another pair; "fake_pixels": the share
        of the picture above 0.5 there; "overlap": intersection over union of the mask above 0.5 with the object's
        visible pixels; "box_overlap": that of the true box; "error" and "metric" of table 3 at threshold 0.5.
    """
    scenes = [Parts("test").scene(index) for index in range(first, last)]
    images, labels = torch.stack([s.image for s in scenes]), torch.tensor([s.label for s in scenes])
    regions, boxes = torch.stack([s.region for s in scenes]), [torch.tensor([s.box]) for s in scenes]
    keep = realtime_saliency(masking_model, images, labels)
    fake = realtime_saliency(masking_model, images, (labels + FAKE) % len(black_box.classes))
    draws = draw_baselines(images, generator=torch.Generator().manual_seed(first))
    shown = {"whole": torch.ones_like(keep), "kept": keep, "removed": 1 - keep, "hidden": torch.zeros_like(keep)}
    values = {
        **{
            name: target_probability(black_box, remove_evidence(images, of, next(draws)), labels)
            for name, of in shown.items()
        },
        "area": keep.mean(dim=(1, 2)),
        "fake_area": fake.mean(dim=(1, 2)),
        "fake_pixels": (fake > 0.5).double().mean(dim=(1, 2)),
        "overlap": region_iou(keep, regions),
        "box_overlap": region_iou(torch.stack([_filled(s.box, s.region) for s in scenes]), regions),
        "error": localisation_error(keep, boxes),
        "metric": saliency_metric(black_box, images, labels, keep).scores,
    }
    return {name: bootstrap_interval(of.double().numpy()) for name, of in values.items()}


def _filled(box: tuple[int, int, int, int], like: Tensor) -> Tensor:
    left, top, right, bottom = box
    filled = torch.zeros(like.shape)
    filled[top:bottom, left:right] = 1
    return filled
