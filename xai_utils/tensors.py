"""What every other module agrees on: names of shapes, checks that raise, and progress.

Shapes are written [batch, channel, height, width]; images are RGB in [0, 1]; maps are [batch, height, width], higher
meaning more relevant for the target. A check returns its argument in the form in which the caller uses it and raises
a `ValueError` or `TypeError` of the form *name: expected, got*.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

Item = TypeVar("Item")

Progress = Callable[[Iterable[Item]], Iterable[Item]]
"""A wrapper of an iterable that shows how far it is; `tqdm.auto.tqdm` fits as it is."""


def quiet(iterable: Iterable[Item]) -> Iterable[Item]:
    """The progress that shows nothing: the iterable itself.

    Example:
        >>> list(quiet([1, 2, 3]))
        [1, 2, 3]
    """
    return iterable


def check_images(images: Tensor) -> Tensor:
    """Refuses anything but a batch of RGB pictures in [0, 1].

    Args:
        images: float [batch, 3, height, width].

    Returns:
        The images, as they came.

    Raises:
        TypeError: not a floating-point tensor.
        ValueError: another shape, an empty batch, NaN, or values outside [0, 1] (0-255 pictures, normalised ones).

    Example:
        >>> check_images(torch.full((1, 3, 8, 8), 128.0))
        Traceback (most recent call last):
            ...
        ValueError: images: expected RGB values in [0, 1], got 128 to 128; divide 0-255 pictures by 255
    """
    if not isinstance(images, Tensor) or not images.is_floating_point():
        raise TypeError(f"images: expected a floating-point tensor, got {_kind(images)}")
    if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape:
        raise ValueError(f"images: expected shape [batch, 3, height, width], got {list(images.shape)}")
    low, high = (float(v) for v in torch.aminmax(images.detach()))
    if low != low or high != high:
        raise ValueError("images: expected RGB values in [0, 1], got NaN")
    if low < -1e-4 or high > 1 + 1e-4:
        hint = "divide 0-255 pictures by 255" if high > 2 else "normalisation belongs inside the model"
        raise ValueError(f"images: expected RGB values in [0, 1], got {low:.4g} to {high:.4g}; {hint}")
    return images


def check_target(target: int | Sequence[int] | Tensor, batch: int, classes: int | None) -> Tensor:
    """One class for each image.

    Args:
        target: one class for all images, or one for each.
        batch: number of images.
        classes: number of classes (or of units) that the model answers for; None leaves the range unchecked.

    Returns:
        int64 [batch] on the CPU.

    Raises:
        TypeError: not integers.
        ValueError: a wrong number of them, or one that the model does not have.

    Example:
        >>> check_target([0, 3, 1], batch=4, classes=10)
        Traceback (most recent call last):
            ...
        ValueError: target: expected one class, or one for each image (4), got shape [3]
    """
    try:
        labels = torch.as_tensor(target, device="cpu")
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"target: expected an int or one int per image, got {_kind(target)}") from error
    if labels.dtype == torch.bool or labels.is_floating_point() or labels.is_complex():
        raise TypeError(f"target: expected an int or one int per image, got {_kind(target)}")
    if labels.ndim == 0:
        labels = labels.expand(batch)
    if labels.shape != (batch,):
        raise ValueError(f"target: expected one class, or one for each image ({batch}), got shape {list(labels.shape)}")
    if classes is not None and not (0 <= int(labels.min()) and int(labels.max()) < classes):
        raise ValueError(f"target: expected classes in 0..{classes - 1}, got {labels.tolist()}")
    return labels.long()


def check_maps(maps: Tensor, images: Tensor) -> Tensor:
    """Refuses maps that do not belong to the images: float [batch, height, width], finite."""
    if not isinstance(maps, Tensor) or not maps.is_floating_point():
        raise TypeError(f"maps: expected a floating-point tensor, got {_kind(maps)}")
    expected = [images.shape[0], *images.shape[2:]]
    if list(maps.shape) != expected:
        raise ValueError(f"maps: expected shape {expected} to go with the images, got {list(maps.shape)}")
    if not torch.isfinite(maps).all():
        raise ValueError("maps: expected finite values, got NaN or infinity")
    return maps


def check_count(name: str, value: int, low: int = 1, high: int | None = None) -> int:
    """Refuses anything but an int in low..high (inclusive; no upper bound by default).

    Example:
        >>> check_count("patch", 300, high=128)
        Traceback (most recent call last):
            ...
        ValueError: patch: expected an int in 1..128, got 300
    """
    wanted = f"an int in {low}..{high}" if high is not None else f"an int of at least {low}"
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}: expected {wanted}, got {_kind(value)}")
    value = value.__index__()
    if value < low or (high is not None and value > high):
        raise ValueError(f"{name}: expected {wanted}, got {value}")
    return value


def check_choice(name: str, value: object, choices: Sequence[object]) -> object:
    """Refuses a value that is none of the choices.

    Example:
        >>> check_choice("variant", "mine", ["paper", "official"])
        Traceback (most recent call last):
            ...
        ValueError: variant: expected one of 'paper', 'official', got 'mine'
    """
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def check_model(model: nn.Module) -> nn.Module:
    """Refuses anything but a module in eval mode: in train mode every answer depends on the rest of the batch."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected a torch.nn.Module that takes RGB in [0, 1], got {_kind(model)}")
    training = [name or type(model).__name__ for name, module in model.named_modules() if module.training]
    if training:
        raise ValueError(f"model: expected eval mode (call model.eval()), got train mode in {training[0]!r}")
    return model


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a {str(value.dtype).removeprefix('torch.')} tensor of shape {list(value.shape)}"
    return f"{type(value).__name__} {value!r}" if isinstance(value, str | int | float) else type(value).__name__
