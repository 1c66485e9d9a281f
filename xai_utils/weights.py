"""Files of weights: where the package keeps its own, and how they are read and written."""

import hashlib
import os
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


def weights_folder() -> Path:
    """Where the miniatures' weights lie: `data/weights` of the repository, or their copy in an installed package."""
    package = Path(__file__).parent
    in_repository = package.parent / "data" / "weights"
    return in_repository if in_repository.is_dir() else package / "weights"


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors in a `.safetensors` file or a `.pth` state dict, by name; never runs code from the file.

    Args:
        path: the file.

    Raises:
        ValueError: truncated, or not a dictionary of tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path}: expected a complete weights file, got one that cannot be read ({error})") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path}: expected a dictionary of tensors (a state dict), got {type(state).__name__}")
    if other := [str(key) for key, value in state.items() if not isinstance(value, Tensor)]:
        raise ValueError(
            f"{path}: expected a dictionary of nothing but tensors (a state dict), got one that holds "
            f"{', '.join(other[:4])}; save its state dict alone"
        )
    return state


def read_about(path: Path) -> dict[str, str]:
    """What training wrote beside the tensors of a `.safetensors` file: classes, recipe, ...

    Raises:
        ValueError: truncated, or no such file format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path}: expected a complete weights file, got one that cannot be read ({error})") from error


def write_weights(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> Path:
    """Writes tensors to a `.safetensors` file, real numbers in half precision, in one atomic step.

    Args:
        path: the file; its folder is made if need be.
        tensors: by name, such as a state dict.
        about: what a reader must know of them.

    Returns:
        The file.
    """
    halves = {
        name: (value.half() if value.is_floating_point() else value).contiguous() for name, value in tensors.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    save_file(halves, partial, metadata=dict(about))
    os.replace(partial, path)
    return path


def fingerprint(module: nn.Module) -> str:
    """A short hash of all of a module's numbers, by which what was made for it knows it again.

    Example:
        >>> fingerprint(nn.ReLU()), fingerprint(nn.Linear(1, 1)) == fingerprint(nn.Linear(1, 1))
        ('e3b0c44298fc', False)
    """
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]
