"""Trains the masking models that come with the book."""

from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.models import load_model
from xai_utils.papers.realtime_saliency import (
    LAYERS,
    LEARNING,
    MaskingModel,
    train_masking_model,
    write_masking_model,
)
from xai_utils.tensors import Progress, quiet
from xai_utils.training import Recipe

COMMAND = "python -m xai_utils.experiments.realtime_saliency"
BLACK_BOXES = ("parts/alexnet", "parts/googlenet", "parts/resnet")  # the paper's three
ENCODER = "parts/resnet"  # of all of them, as the paper's ResNet-50
CHECKPOINTS = Path(".cache") / "training"


def train_for(
    black_box: str, training: tuple[Tensor, Tensor], recipe: Recipe = LEARNING, *, progress: Progress = quiet
) -> Path:
    """Trains the masking model of one black box and writes its weights.

    Args:
        black_box: as `load_model` takes it.
        training: the training split, all at once.
        recipe: how.
        progress: wraps the batches of each epoch.

    Returns:
        The weights file.
    """
    torch.manual_seed(recipe.seed)
    masking_model = MaskingModel(load_model(ENCODER), layers=LAYERS[ENCODER]).to(memory_format=torch.channels_last)
    checkpoint = CHECKPOINTS / f"masking-{black_box.split('/')[-1]}.pt"
    epochs = train_masking_model(
        masking_model, load_model(black_box), training, recipe, checkpoint=checkpoint, progress=progress
    )
    losses = []
    for epoch in epochs:
        tqdm.write(f"{black_box}: {epoch.phase}, epoch {epoch.number}, loss {epoch.loss:.3f}")
        losses.append(f"{epoch.loss:.4f}")
    about = {"recipe": repr(recipe), "losses": " ".join(losses), "command": f"{COMMAND} --train"}
    return write_masking_model(masking_model, black_box=black_box, encoder=ENCODER, about=about)
