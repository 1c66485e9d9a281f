"""Infidelity: how far a map is from saying what squares of a picture are worth, by captum."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xai_utils.models import predict
from xai_utils.tensors import check_count, check_images, check_maps, check_target


def infidelity(
    model: nn.Module,
    images: Tensor,
    target: int | Sequence[int] | Tensor,
    maps: Tensor,
    *,
    baseline: Tensor,
    side: int,
    draws: int = 50,
    generator: torch.Generator | None = None,
    batch_size: int = 64,
) -> Tensor:
    """How far a map's sums over squares are from what the squares' removal costs the class; lower is better.

    Each map is first multiplied by the factor that suits it best, so that only its proportions count; a map of zeros
    gets the mean square of the costs. What stands in the place of a square is as much part of this measure as the map.

    **Source**: Yeh et al. (2019), "On the (In)fidelity and Sensitivity of Explanations", definition 2.1 with square
    removal, by captum's `infidelity` with `normalize=True`.

    Args:
        model: classifier in eval mode.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.
        maps: float [batch, height, width].
        baseline: float of the images' shape, what stands in the place of a square.
        side: of the squares, pixels.
        draws: squares of each image.
        generator: draws their places; the same state gives the same squares, whatever the maps are.
        batch_size: changed pictures per forward pass.

    Returns:
        float64 [batch], squared nats of log-odds.

    Raises:
        TypeError, ValueError: bad images, target, maps, baseline or side, a model in train mode.

    Example:
        >>> model, image = nn.Sequential(nn.Flatten(), nn.Linear(192, 2)).eval(), torch.rand(1, 3, 8, 8)
        >>> infidelity(model, image, 0, image.mean(dim=1), baseline=torch.zeros_like(image), side=4).shape
        torch.Size([1])
    """
    from captum.metrics import infidelity as captums

    check_maps(maps, check_images(images))
    check_count("side", side, high=min(images.shape[2:]))
    check_count("draws", draws)
    if baseline.shape != images.shape:
        raise ValueError(f"baseline: expected the images' shape {list(images.shape)}, got {list(baseline.shape)}")

    def without_squares(pictures: Tensor, filling: Tensor) -> tuple[Tensor, Tensor]:
        inside = _squares(pictures, side, generator)
        return inside.double(), torch.where(inside, filling, pictures)

    def log_odds(pictures: Tensor) -> Tensor:
        return torch.logit(predict(model, pictures, batch_size=batch_size).double(), eps=1e-7)

    return captums(
        log_odds,
        without_squares,
        images,
        maps.double()[:, None].expand(images.shape) / 3,  # a pixel's relevance, shared by its colours
        baselines=baseline,
        target=check_target(target, len(images), None).to(images.device),
        n_perturb_samples=draws,
        max_examples_per_batch=min(max(batch_size, len(images)), draws * len(images)),
        normalize=True,
    )


def _squares(pictures: Tensor, side: int, generator: torch.Generator | None) -> Tensor:
    """A square of each picture at a random place, bool of the pictures' shape."""
    inside = torch.zeros(pictures.shape, dtype=torch.bool, device=pictures.device)
    for picture in inside:
        top, left = (int(torch.randint(size - side + 1, (), generator=generator)) for size in picture.shape[1:])
        picture[:, top : top + side, left : left + side] = True
    return inside
