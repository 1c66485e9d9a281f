"""Trained masking models as files: each belongs to one black box and says to which."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from xai_utils.models import load_model
from xai_utils.papers.realtime_saliency.model import MaskingModel
from xai_utils.weights import fingerprint, read_about, read_weights, weights_folder, write_weights


def write_masking_model(
    masking_model: MaskingModel,
    *,
    black_box: str,
    encoder: str,
    about: Mapping[str, str],
    file: Path | None = None,
) -> Path:
    """Writes what a masking model has learned; the trunk is the encoder's own and is not written.

    Args:
        masking_model: a trained one.
        black_box: name of the classifier that it explains, as `load_model` takes it.
        encoder: name of the classifier whose trunk it reads the pictures with.
        about: what else a reader must know: the recipe, the objective, the command.
        file: where to; by default the place where `load_masking_model` looks.

    Returns:
        The file.
    """
    known = {
        "black_box": black_box,
        "black_box_weights": fingerprint(load_model(black_box)),
        "encoder": encoder,
        "encoder_weights": fingerprint(load_model(encoder)),
        "settings": json.dumps(masking_model.settings),
    }
    return write_weights(file or _file_of(black_box), masking_model.learned(), {**about, **known})


def load_masking_model(black_box: str, *, file: Path | None = None) -> MaskingModel:
    """The masking model that was trained for a black box, in eval mode and with nothing left to train.

    Args:
        black_box: name of the classifier to be explained, as `load_model` takes it.
        file: of your own training; by default `data/weights/masking/NAME.safetensors`.

    Raises:
        FileNotFoundError: no masking model was trained for that black box.
        ValueError: the file belongs to another black box, or black box or encoder have been trained again since.

    Example:
        >>> load_masking_model("parts/resnet-crops").settings["variant"]
        'paper'
    """
    file = file or _file_of(black_box)
    if not file.exists():
        known = ", ".join(f"parts/{each.stem}" for each in sorted(file.parent.glob("*.safetensors")))
        raise FileNotFoundError(f"black_box: expected one with a masking model ({known}), got {black_box!r}")
    about = read_about(file)
    if about.get("black_box") != black_box:
        raise ValueError(
            f"black_box: expected {about.get('black_box')!r}, which {file} was trained for, got {black_box!r}"
        )
    encoder = load_model(about["encoder"])
    _check_same(load_model(black_box), about["black_box_weights"], f"black box {black_box}", file)
    _check_same(encoder, about["encoder_weights"], f"encoder {about['encoder']}", file)
    masking_model = MaskingModel(encoder, **json.loads(about["settings"]))
    masking_model.load_state_dict(masking_model.state_dict() | read_weights(file))
    return masking_model.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # as CPUs convolve fastest


def _check_same(model: nn.Module, expected: str, name: str, file: Path) -> None:
    if fingerprint(model) != expected:
        raise ValueError(
            f"{file}: expected the weights of the {name} that it was trained with, got others; train it again"
        )


def _file_of(black_box: str) -> Path:
    return weights_folder() / "masking" / f"{black_box.split('/')[-1]}.safetensors"
