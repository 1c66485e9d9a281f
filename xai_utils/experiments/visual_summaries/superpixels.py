"""Masks with one value for each superpixel, which only the authors' code has (VS24)."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.experiments.visual_summaries.masks import mistaken, recorded_maps
from xai_utils.experiments.visual_summaries.setting import class_pictures
from xai_utils.masks import Objective, iterative_mask
from xai_utils.models import target_probability
from xai_utils.papers.visual_summaries import MIXED
from xai_utils.perturb import draw_baselines, remove_evidence
from xai_utils.tensors import Progress, check_count, check_images, check_model, check_target, quiet

COMMAND = "python -m xai_utils.experiments.visual_summaries.superpixels"
RECORD = "superpixel_masks"
COMPARED = ("parts/alexnet", "parts/resnet")  # networks
COMPARED_CLASSES, COMPARED_PICTURES = ("robin", "golden retriever", "pickup"), 8
KINDS = ("crisp", "superpixel")
SUPERPIXEL = replace(MIXED.crisp, area_weight=0.2, sparsity_weight=4.0, steps=50)
"""The crisp stage with the weights that the authors' code has for superpixels, and a third of its steps."""


def superpixels(images: Tensor, *, segments: int = 2000, compactness: float = 10.0, sigma: float = 0.5) -> Tensor:
    """Pieces of each picture that are of one colour: SLIC.

    **Source**: the authors' code, 2000 segments of a picture of 224 x 224, which are 25 pixels each. A smaller picture
    has fewer of that size.

    Args:
        images: float [batch, 3, height, width], RGB in [0, 1].
        segments: about how many in a picture of 224 x 224.
        compactness: how much nearness counts against colour.
        sigma: of a blur that comes first, pixels.

    Returns:
        int64 [batch, height, width], from 0 in each picture.

    Example:
        >>> superpixels(torch.eye(56).expand(1, 3, 56, 56)).shape
        torch.Size([1, 56, 56])
    """
    from skimage.segmentation import slic

    check_images(images)
    count = max(1, round(check_count("segments", segments) * images[0, 0].numel() / 224**2))
    knobs = {"n_segments": count, "compactness": compactness, "sigma": sigma, "start_label": 0}
    found = [slic(image.permute(1, 2, 0).cpu().double().numpy(), **knobs) for image in images]
    return torch.from_numpy(np.stack(found)).long().to(images.device)


def superpixel_masks(
    model: nn.Module,
    images: Tensor,
    target: int | Sequence[int] | Tensor,
    *,
    start: Tensor,
    pieces: Tensor | None = None,
    objective: Objective = SUPERPIXEL,
) -> Tensor:
    """The smallest place without which the class is gone, made of whole superpixels.

    **Source**: the authors' code, in place of the crisp stage: one value for each superpixel, at first the smooth
    mask's mean in it; the variation is counted between pixels. Deviation: area and sparsity are means over pixels,
    there over superpixels, so that a small one counts as much as a large one.

    Args:
        model: classifier in eval mode; RGB in [0, 1] -> logits.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.
        start: masks to begin with, float [batch, height, width] in [0, 1], 1 where the picture has to be hidden.
        pieces: as `superpixels` returns them, which is the default.
        objective: what the masks are asked for; only its weights, baseline and steps matter.

    Returns:
        float [batch, height, width] in [0, 1], 1 where the picture has to be hidden.

    Raises:
        TypeError, ValueError: bad images or target, masks of another shape or beyond [0, 1], a model in train mode.
    """
    check_model(model)
    target = check_target(target, len(check_images(images)), None).to(images.device)
    if start.shape != images[:, 0].shape or not ((start >= 0) & (start <= 1)).all():
        wanted = list(images[:, 0].shape)
        raise ValueError(f"start: expected masks {wanted} in [0, 1], got {list(start.shape)} or values beyond")
    pieces = superpixels(images) if pieces is None else pieces
    counts = pieces.amax(dim=(1, 2)) + 1
    flat = pieces + (counts.cumsum(0) - counts)[:, None, None]  # numbered through the batch
    sizes = flat.flatten().bincount(minlength=int(counts.sum()))
    values = torch.zeros(len(sizes)).to(start).index_add(0, flat.flatten(), start.detach().flatten()) / sizes
    values.requires_grad_()
    optimiser = torch.optim.Adam([values], lr=objective.learning_rate)
    baselines = draw_baselines(images, objective.baseline, sigma=objective.sigma)
    for _ in range(objective.steps):
        loss = objective.loss(objective.terms(model, images, target, values[flat], baselines))
        (values.grad,) = torch.autograd.grad(loss.sum(), values)
        optimiser.step()
        values.data.clamp_(0, 1)
    return values.detach()[flat]


def measure_superpixels(network: str, class_name: str, pictures: int) -> dict:
    """One row: superpixel masks of some pictures beside their crisp ones.

    Args:
        network: a name of `NETWORKS`, whose crisp masks are recorded.
        class_name: a name of `CLASSES`.
        pictures: the first ones of the class; those that the network gives to another class are left out.

    Returns:
        "picture" (their numbers) and, for each of them, the class's probability in the "whole" picture and with each
        of `KINDS` of masks hidden; "KIND area"; "KIND inside", the share of what is hidden that shows the object (None
        where nothing is); "grey", the share of superpixel values between 0.1 and 0.9; and "pieces", their number.
    """
    numbers = [n for n in range(pictures) if n not in mistaken(network, class_name)]
    shown, model = class_pictures(class_name), classifier(network)
    images, labels = shown.images[numbers], shown.labels[numbers]
    pieces = superpixels(images)
    smooth = iterative_mask(model, images, labels, objective=MIXED.smooth).clamp(0, 1)
    masks = superpixel_masks(model, images, labels, start=smooth, pieces=pieces)
    hides = {"crisp": recorded_maps(network, class_name)[numbers], "superpixel": (masks > 0.5).to(images)}
    baseline = next(draw_baselines(images, "blur", sigma=MIXED.crisp.sigma))
    region = torch.stack([shown.scenes[n].region for n in numbers])
    found = {"whole": target_probability(model, images, labels), "pieces": pieces.amax(dim=(1, 2)) + 1.0}
    found["grey"] = ((masks > 0.1) & (masks < 0.9)).float().mean(dim=(1, 2))
    for kind, hide in hides.items():
        found[kind] = target_probability(model, remove_evidence(images, 1 - hide, baseline), labels)
        found[f"{kind} area"] = hide.mean(dim=(1, 2))
        found[f"{kind} inside"] = (hide * region).sum(dim=(1, 2)) / hide.sum(dim=(1, 2))  # NaN where nothing is hidden
    return {"picture": numbers, **{name: _rounded(values) for name, values in found.items()}}


def _rounded(values: Tensor) -> list[float | None]:
    return [round(value, 4) if value == value else None for value in values.tolist()]


def superpixel_rows(networks: Sequence[str] = COMPARED, *, progress: Progress = quiet) -> list[dict]:
    """Superpixel masks beside crisp ones, recorded or computed now."""
    wanted = grid(network=networks, class_name=COMPARED_CLASSES, pictures=[COMPARED_PICTURES])
    return record_all(RECORD, wanted, measure_superpixels, command=COMMAND, progress=progress)


def superpixel_table(rows: Sequence[dict], network: str) -> dict[str, tuple[float, float, float]]:
    """How superpixel masks compare with crisp ones, (mean, low, high) with 95% intervals over pictures.

    Args:
        rows: of `superpixel_rows`.
        network: whose.

    Returns:
        For each of `KINDS` "KIND drop" (relative), "KIND area" and "KIND inside"; and "drop", "area" and "inside", by
        how much superpixels have more, of the same pictures.
    """
    own = [row["result"] for row in rows if row["configuration"]["network"] == network]
    names = [key for key in own[0] if key != "picture"] if own else []
    values = {name: np.array([v for found in own for v in found[name]], dtype=float) for name in names}
    if not values:
        raise ValueError(f"network: expected one that rows speak of, got {network!r}")
    for kind in KINDS:
        values[f"{kind} drop"] = 1 - values[kind] / values["whole"]
    for measure in ("drop", "area", "inside"):
        values[measure] = values[f"superpixel {measure}"] - values[f"crisp {measure}"]
    wanted = [f"{kind} {measure}".strip() for measure in ("drop", "area", "inside") for kind in (*KINDS, "")]
    return {name: bootstrap_interval(values[name][~np.isnan(values[name])]) for name in wanted}


def main() -> None:
    """Command line: records superpixel masks, for networks whose crisp masks are recorded; minutes for each."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--networks", nargs="*", default=COMPARED, choices=COMPARED)
    networks = parser.parse_args().networks
    rows = superpixel_rows(networks, progress=tqdm)
    for network in networks:
        for name, (mean, low, high) in superpixel_table(rows, network).items():
            print(f"{network}: {name} {mean:.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
