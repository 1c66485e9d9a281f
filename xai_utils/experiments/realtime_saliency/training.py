"""Trains the masking models that come with the book."""

from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.models import load_model
from xai_utils.networks import ARCHITECTURES
from xai_utils.papers.realtime_saliency import (
    LAYERS,
    LEARNING,
    MaskingModel,
    train_masking_model,
    write_masking_model,
)
from xai_utils.tensors import Progress, quiet
from xai_utils.training import Recipe
from xai_utils.weights import read_about, weights_folder

COMMAND = "python -m xai_utils.experiments.realtime_saliency"
BLACK_BOXES = ("parts/alexnet-crops", "parts/googlenet-crops", "parts/resnet-crops")  # the paper's three
ENCODER = "parts/resnet"  # of all three, as the paper's ResNet-50
ENCODERS = {  # all black boxes that have a masking model; the biased one is read by its own trunk, for the polar bear
    **dict.fromkeys((*BLACK_BOXES, *(f"parts/{name}" for name in ARCHITECTURES)), ENCODER),
    "parts/resnet-biased": "parts/resnet-biased",
}
CHECKPOINTS = Path(".cache") / "training"


def train_for(
    black_box: str,
    training: tuple[Tensor, Tensor],
    recipe: Recipe = LEARNING,
    *,
    encoder: str = ENCODER,
    progress: Progress = quiet,
) -> Path:
    """Trains the masking model of one black box and writes its weights.

    Args:
        black_box: as `load_model` takes it.
        training: the training split, all at once.
        recipe: how.
        encoder: a miniature of ResNet, whose trunk reads the pictures.
        progress: wraps the batches of each epoch.

    Returns:
        The weights file.
    """
    torch.manual_seed(recipe.seed)
    masking_model = MaskingModel(load_model(encoder), layers=LAYERS[ENCODER]).to(memory_format=torch.channels_last)
    checkpoint = CHECKPOINTS / f"masking-{black_box.split('/')[-1]}.pt"
    epochs = train_masking_model(
        masking_model, load_model(black_box), training, recipe, checkpoint=checkpoint, progress=progress
    )
    losses = []
    for epoch in epochs:
        tqdm.write(f"{black_box}: {epoch.phase}, epoch {epoch.number}, loss {epoch.loss:.3f}")
        losses.append(f"{epoch.loss:.4f}")
    about = {"recipe": repr(recipe), "losses": " ".join(losses), "command": f"{COMMAND} --train"}
    return write_masking_model(masking_model, black_box=black_box, encoder=encoder, about=about)


def masking_of(black_box: str) -> str:
    """The name of the weights of a black box's masking model, by which records know them.

    Example:
        >>> masking_of("parts/resnet")
        'masking/resnet'
    """
    return black_box.replace("parts/", "masking/")


def losses_of(black_box: str) -> list[float]:
    """The mean loss of every epoch in which the black box's masking model learned to make masks.

    Args:
        black_box: as `load_model` takes it.
    """
    about = read_about(weights_folder() / f"{masking_of(black_box)}.safetensors")
    return [float(loss) for loss in about["losses"].split()][1:]  # the first is the class vectors' own
