"""The masking model of the small pictures: how it is trained, kept and loaded."""

import json
from pathlib import Path

import torch
from tqdm.auto import tqdm

from xai_utils.experiments.cifar.data import cifar_pictures
from xai_utils.experiments.cifar.network import LAYERS, load_classifier, weights_file
from xai_utils.experiments.realtime_saliency.cifar.training import CHECKPOINTS
from xai_utils.papers.realtime_saliency import LEARNED, MaskingModel, train_masking_model
from xai_utils.tensors import Progress, quiet
from xai_utils.training import InBfloat16, Recipe
from xai_utils.weights import fingerprint, read_about, read_weights, weights_folder, write_weights

RECIPE = Recipe(epochs=5, learning_rate=2e-3, shift=4)
BASE = 24  # channels of the last upsampler


def train_masks(data: str, recipe: Recipe = RECIPE, *, progress: Progress = quiet) -> Path:
    """Trains the masking model of the classifier of a folder of small pictures and writes its weights.

    The classifier is black box and encoder at once. The objective of this book's other masking models serves as it is:
    its area is a mean, its blur is given for pictures of 224, and its 32 cells are the picture's own pixels here.

    Args:
        data: name of the folder, as `cifar_pictures` takes it; its classifier must have been trained.
        recipe: how.
        progress: wraps the batches of each epoch.

    Returns:
        The weights file.
    """
    black_box = f"cifar/resnet-{data}"
    classifier = load_classifier(black_box)
    torch.manual_seed(recipe.seed)
    masking_model = MaskingModel(classifier, layers=LAYERS, base=BASE).to(memory_format=torch.channels_last)
    training, file = cifar_pictures(data, "train"), CHECKPOINTS / f"cifar-masking-{data}.pt"
    fast, losses = InBfloat16(classifier), []
    knobs = {"objective": LEARNED, "checkpoint": file, "progress": progress}
    for epoch in train_masking_model(masking_model, fast, training, recipe, **knobs):
        tqdm.write(f"{data}: {epoch.phase}, epoch {epoch.number}, loss {epoch.loss:.3f}")
        losses.append(f"{epoch.loss:.4f}")
    about = {
        "black_box": black_box,
        "black_box_weights": fingerprint(classifier),
        "settings": json.dumps(masking_model.settings),
        "recipe": repr(recipe),
        "objective": repr(LEARNED),
        "losses": " ".join(losses),
    }
    return write_weights(weights_folder() / f"cifar/masking-{data}.safetensors", masking_model.learned(), about)


def load_masks(masking_model: str) -> MaskingModel:
    """A trained masking model, in eval mode and with nothing left to train.

    Args:
        masking_model: "cifar/masking-DATA", where DATA names the folder of pictures that it was trained on.

    Raises:
        ValueError: a name without weights, or its black box has been trained again since.
    """
    path = weights_file("masking_model", masking_model)
    about = read_about(path)
    if "black_box" not in about:
        raise ValueError(f"masking_model: expected a masking model, got {masking_model!r}, which is none")
    classifier = load_classifier(about["black_box"])
    if fingerprint(classifier) != about["black_box_weights"]:
        raise ValueError(
            f"masking_model: expected weights that belong to today's {about['black_box']}, got those of an earlier "
            "one; train it again"
        )
    model = MaskingModel(classifier, **json.loads(about["settings"]))
    model.load_state_dict(model.state_dict() | read_weights(path))
    return model.eval().requires_grad_(False)
