"""What a model says while the most relevant pixels go, or come, first: deletion and insertion curves."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xai_utils.models import target_probability
from xai_utils.perturb import remove_evidence
from xai_utils.tensors import check_count, check_images, check_maps, check_target


def deletion_curve(
    model: nn.Module,
    images: Tensor,
    target: int | Sequence[int] | Tensor,
    maps: Tensor,
    *,
    baseline: Tensor,
    steps: int = 50,
    batch_size: int = 64,
) -> Tensor:
    """The probability of the class while the pixels with the highest relevance are replaced first.

    A good map lets it fall early. What stands in the place of a pixel can speak for a class itself, so a curve says as
    much of its baseline as of its map.

    **Source**: Petsiuk, Das and Saenko (2018), "RISE", section 4; their deletion replaces by grey.

    Args:
        model: classifier in eval mode.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.
        maps: float [batch, height, width]; pixels of equal relevance go in reading order.
        baseline: float of the images' shape, what replaces a pixel, such as `blurred_baseline(images)`.
        steps: how many equal shares of the pixels go one after the other.
        batch_size: changed pictures per forward pass.

    Returns:
        [batch, steps + 1]: from the whole picture to the baseline.

    Raises:
        TypeError, ValueError: bad images, target, maps or baseline, a model in train mode.

    Example:
        >>> model, image = nn.Sequential(nn.Flatten(), nn.Linear(192, 2)).eval(), torch.rand(1, 3, 8, 8)
        >>> deletion_curve(model, image, 0, image.mean(dim=1), baseline=torch.zeros_like(image)).shape
        torch.Size([1, 51])
    """
    return _curve(model, images, target, maps, baseline, steps, batch_size, deleting=True)


def insertion_curve(
    model: nn.Module,
    images: Tensor,
    target: int | Sequence[int] | Tensor,
    maps: Tensor,
    *,
    baseline: Tensor,
    steps: int = 50,
    batch_size: int = 64,
) -> Tensor:
    """The probability of the class while the pixels with the highest relevance come first, into a baseline.

    A good map lets it rise early. Arguments and errors are those of `deletion_curve`; RISE inserts into a blurred
    picture.

    Returns:
        [batch, steps + 1]: from the baseline to the whole picture.
    """
    return _curve(model, images, target, maps, baseline, steps, batch_size, deleting=False)


def area_under(curves: Tensor) -> Tensor:
    """The area under each curve, [batch], by trapezoids over [0, 1]; for a constant curve its value.

    Example:
        >>> area_under(torch.tensor([[1.0, 0.5, 0.0], [0.3, 0.3, 0.3]]))
        tensor([0.5000, 0.3000])
    """
    return torch.trapezoid(curves, dim=1) / (curves.shape[1] - 1)


def _curve(
    model: nn.Module,
    images: Tensor,
    target: int | Sequence[int] | Tensor,
    maps: Tensor,
    baseline: Tensor,
    steps: int,
    batch_size: int,
    deleting: bool,
) -> Tensor:
    batch = len(check_images(images))
    check_maps(maps, images)
    check_count("steps", steps, high=maps[0].numel())
    targets = check_target(target, batch, None).to(images.device)
    if baseline.shape != images.shape:
        raise ValueError(f"baseline: expected the images' shape {list(images.shape)}, got {list(baseline.shape)}")
    ranks = maps.flatten(1).argsort(dim=1, descending=True, stable=True).argsort(dim=1).view_as(maps)
    found = []
    for step in range(steps + 1):
        first = ranks < round(step * maps[0].numel() / steps)  # the pixels that have gone, or come
        keep = (~first if deleting else first).to(images.dtype)
        found.append(target_probability(model, remove_evidence(images, keep, baseline), targets, batch_size=batch_size))
    return torch.stack(found, dim=1)
