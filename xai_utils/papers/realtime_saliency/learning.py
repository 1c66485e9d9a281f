"""How a masking model learns from its black box (section 4.1)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from xai_utils.masks import SWAPPED, Objective
from xai_utils.papers.realtime_saliency.model import MaskingModel
from xai_utils.perturb import draw_baselines
from xai_utils.tensors import Progress, check_model, quiet
from xai_utils.training import Recipe, fit, padded, shifted

WARM_UP = Recipe(epochs=1, learning_rate=1e-2, weight_decay=0.0)
LEARNING = Recipe(epochs=8, learning_rate=2e-3)
LEARNED = replace(SWAPPED, area_weight=3.0)
"""What the masking models of this book are asked for: `SWAPPED` with less weight on the area.

With 10 the masks shrink to the part that tells a pair of classes apart: they destroy and preserve, but the box around
them is too small for the object.
"""
FAKES = 0.3  # share of the pictures that are asked about a class that is not theirs


class Learned(NamedTuple):
    """What is known after an epoch."""

    phase: str  # "embedding" or "masks"
    number: int  # of the epoch in its phase, from 1
    loss: float  # its mean


class Pictures(Protocol):
    """Pictures to learn from: a tensor, or something that reads those that are asked for."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, chosen: Tensor) -> Tensor:
        """Their numbers, int64 [batch] -> uint8 [batch, 3, height, width], on the CPU."""


def train_masking_model(
    masking_model: MaskingModel,
    black_box: nn.Module,
    training: tuple[Pictures, Tensor],
    recipe: Recipe = LEARNING,
    *,
    objective: Objective = LEARNED,
    fakes: float = FAKES,
    checkpoint: Path | None = None,
    progress: Progress = quiet,
) -> Iterator[Learned]:
    """Trains a masking model in place to make the masks that one black box asks for.

    First the embedding alone learns which places of the trunk's smallest map look like a class, then everything but
    the trunk learns to make masks of small objective. Some pictures are asked about a class that is not theirs: there
    only the area counts, so that the mask is to be empty. Otherwise the class would be ignored.

    **Source**: section 4.1. What stands where evidence is removed is drawn anew for every picture that is made.
    Deviations: AdamW under a one-cycle schedule, as for all networks of this book (the paper names no optimiser);
    pictures are shifted by some pixels; embedding and masks are trained one after the other.

    Args:
        masking_model: in eval mode after every epoch.
        black_box: the classifier to be explained, in eval mode and on the masking model's device; RGB in [0, 1] ->
            logits of the same classes.
        training: uint8 images [pictures, 3, height, width], at once or as `Pictures`, and int labels [pictures].
        recipe: of the second phase; the first one is `WARM_UP`.
        objective: what the masks are asked for.
        fakes: share of the pictures that are asked about another class.
        checkpoint: file that holds the state after every epoch of the second phase; if it exists, training goes on
            from it.
        progress: wraps the batches of each epoch.

    Yields:
        One `Learned` after each epoch that is computed now.

    Raises:
        ValueError: a share of fakes outside [0, 1); a checkpoint of another recipe; a loss that is not finite.
    """
    check_model(black_box)
    if not 0 <= fakes < 1:
        raise ValueError(f"fakes: expected a share of the pictures in [0, 1), got {fakes}")
    images, labels = training
    classes, device = len(masking_model.classes), masking_model.embedding.weight.device

    def shown(chosen: Tensor, generator: torch.Generator, share: float) -> tuple[Tensor, Tensor, Tensor]:
        """The pictures of a batch, the classes that they are asked about, and whether these are their own."""
        pictures = shifted(padded(images[chosen], recipe.shift), recipe.shift, generator)
        other = torch.randint(1, classes, (len(chosen),), generator=generator)
        own = torch.rand(len(chosen), generator=generator) >= share
        asked = torch.where(own, labels[chosen], (labels[chosen] + other) % classes)
        return pictures.to(device), asked.to(device), own.to(device)

    def presence_loss(chosen: Tensor, generator: torch.Generator) -> Tensor:
        pictures, asked, own = shown(chosen, generator, share=0.5)
        seen = masking_model.presence(masking_model.features(pictures)[-1], asked).flatten(1).amax(dim=1)
        return binary_cross_entropy_with_logits(seen, own.float())  # high for the own class, low for a fake one

    def mask_loss(chosen: Tensor, generator: torch.Generator) -> Tensor:
        pictures, asked, own = shown(chosen, generator, share=fakes)
        keep = masking_model(pictures, asked)
        total = objective.area_weight * keep[~own].mean(dim=(1, 2)).sum()  # of a fake class only the area counts
        if own.any():
            baselines = draw_baselines(pictures[own], objective.baseline, sigma=objective.sigma, generator=generator)
            terms = objective.terms(black_box, pictures[own], asked[own], keep[own], baselines)
            total = total + objective.loss(terms).sum()
        return total / len(chosen)

    def phase(name: str, loss_of, how: Recipe, file: Path | None, learning: list[nn.Parameter]) -> Iterator[Learned]:
        groups = [{"params": learning, "lr": how.learning_rate}]
        loop = fit(masking_model, len(images), loss_of, how, groups=groups, checkpoint=file, progress=progress)
        yield from (Learned(name, number, loss) for number, loss in loop)

    if checkpoint is None or not checkpoint.exists():
        yield from phase("embedding", presence_loss, WARM_UP, None, list(masking_model.embedding.parameters()))
    learning = [parameter for parameter in masking_model.parameters() if parameter.requires_grad]
    yield from phase("masks", mask_loss, recipe, checkpoint, learning)
