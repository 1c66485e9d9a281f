"""What the papers compare themselves with: thin adapters over captum, in the house's call shape."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xai_utils.models import outputs
from xai_utils.tensors import check_images, check_target


def gradient(model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor) -> Tensor:
    """How strongly the target's logit reacts to a small change of each pixel: the sensitivity map.

    **Source**: Simonyan, Vedaldi and Zisserman (2013), by captum's `Saliency`: the gradient of the logit (the
    penultimate layer's node), its largest absolute value over the colours.

    Args:
        model: in eval mode; RGB in [0, 1] -> logits.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.

    Returns:
        float [batch, height, width], not negative: logits per unit of colour.

    Raises:
        TypeError, ValueError: bad images or target, a model in train mode.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2, bias=False)).eval()
        >>> _ = nn.init.constant_(model[1].weight, -0.5)
        >>> gradient(model, torch.rand(1, 3, 2, 2), 0)
        tensor([[[0.5000, 0.5000],
                 [0.5000, 0.5000]]])
    """
    from captum.attr import Saliency

    return _attributed(Saliency(model), model, images, target).amax(dim=1)


def gradient_times_input(model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor) -> Tensor:
    """What the target's logit would lose if it were linear and each pixel went to black: a signed gradient.

    **Source**: Shrikumar et al. (2016), by captum's `InputXGradient`, summed over the colours.

    Args:
        model: in eval mode; RGB in [0, 1] -> logits.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.

    Returns:
        float [batch, height, width], logits; the sum over a linear model's map is its logit less the bias.

    Raises:
        TypeError, ValueError: bad images or target, a model in train mode.
    """
    from captum.attr import InputXGradient

    return _attributed(InputXGradient(model), model, images, target).sum(dim=1)


def _attributed(method, model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor) -> Tensor:
    """What a method of captum attributes to every value, [batch, 3, height, width]."""
    check_images(images)
    target = check_target(target, len(images), outputs(model, images[:1]).shape[1])
    pixels = images.detach().clone().requires_grad_()
    with torch.enable_grad():
        return method.attribute(pixels, target.to(images.device)).detach()
