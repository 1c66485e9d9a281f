"""The terms of the masks' objective, each for every image of a batch: small functions of a mask or of logits."""

import torch
from torch import Tensor
from torch.nn import functional


def total_variation(keep: Tensor, power: float = 2.0, border: float = 0.0) -> Tensor:
    """How rough a mask is: the differences between all neighbours, each to a power, summed.

    **Source**: Dabkowski and Gal (2017), eq. 5, power 2 and no border. Fong and Vedaldi (2017) take power 3; the code
    of Dabkowski and Gal adds 0.3 times the squares of the values on the border.

    Args:
        keep: float [batch, height, width].
        power: of the differences' absolute values.
        border: weight of the squared values on the border, the corners twice.

    Returns:
        [batch], 0 or more.

    Example:
        >>> total_variation(torch.tensor([[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]]))
        tensor([2.])
    """
    down, across = keep.diff(dim=1).abs() ** power, keep.diff(dim=2).abs() ** power
    within = down.sum(dim=(1, 2)) + across.sum(dim=(1, 2))
    if not border:
        return within
    frame = (keep[:, [0, -1], :] ** 2).sum(dim=(1, 2)) + (keep[:, :, [0, -1]] ** 2).sum(dim=(1, 2))
    return within + border * frame


def area(keep: Tensor, power: float = 1.0) -> Tensor:
    """How much of the picture a mask covers: the mean of its values, each to a power.

    **Source**: Dabkowski and Gal, section 3.3 (AV), power 1. Their code has mean((M + 0.0005)^0.3), which pushes small
    values to 0; the 0.0005 keeps its slope finite at 0, and is left out where the power is 1.

    Args:
        keep: float [batch, height, width], in [0, 1].
        power: of the values.

    Returns:
        [batch], in [0, 1] for power 1.

    Example:
        >>> area(torch.tensor([[[1.0, 0.0], [1.0, 0.0]]]))
        tensor([0.5000])
    """
    values = keep if power == 1 else (keep + 0.0005) ** power
    return values.mean(dim=(1, 2))


def sparsity(keep: Tensor) -> Tensor:
    """How far a mask is from black and white: the mean of (1 - M) M.

    **Source**: Godi et al. (2018), eq. 2, last term, a sum there and a mean in their code.

    Args:
        keep: float [batch, height, width], in [0, 1].

    Returns:
        [batch], 0 (every value is 0 or 1) to 0.25.

    Example:
        >>> sparsity(torch.tensor([[[1.0, 0.0], [0.5, 0.0]]]))
        tensor([0.0625])
    """
    return ((1 - keep) * keep).mean(dim=(1, 2))


def preserve(logits: Tensor, target: Tensor) -> Tensor:
    """How little of the class the kept region alone shows: -log f_c(Phi(X, M)).

    **Source**: Dabkowski and Gal, eq. 4, third term, from the logits: finite, and with a slope, also where the
    probability is too small for a float.

    Args:
        logits: [batch, classes], of the picture in which only the region is left.
        target: int64 [batch], the class asked about.

    Returns:
        [batch], nats; 0 where the class is certain.

    Example:
        >>> preserve(torch.tensor([[0.0, 0.0], [0.0, 200.0]]), torch.tensor([0, 0]))
        tensor([  0.6931, 200.0000])
    """
    return functional.cross_entropy(logits, target, reduction="none")


def destroy(logits: Tensor, target: Tensor, exponent: float = 0.3) -> Tensor:
    """How much of the class is left once the region is removed: f_c(Phi(X, 1 - M))^lambda_4.

    **Source**: Dabkowski and Gal, eq. 4, last term. An exponent below 1 keeps pulling where the probability is small.
    Computed as exp(lambda_4 log f_c), whose slope in the logits is finite even at probability 0.

    Args:
        logits: [batch, classes], of the picture from which the region was removed.
        target: int64 [batch], the class asked about.
        exponent: lambda_4.

    Returns:
        [batch], in [0, 1].

    Example:
        >>> destroy(torch.tensor([[0.0, 0.0], [0.0, 1000.0]]), torch.tensor([0, 0]), exponent=2)
        tensor([0.2500, 0.0000])
    """
    return torch.exp(-exponent * preserve(logits, target))


def preserve_margin(logits: Tensor, target: Tensor) -> Tensor:
    """What the authors' code has in place of `preserve`: relu(best other logit - target's logit + 1)."""
    return torch.relu(1 - _lead(logits, target))


def destroy_margin(logits: Tensor, target: Tensor) -> Tensor:
    """What the authors' code has in place of `destroy`: relu(target's logit - best other logit + 5)."""
    return torch.relu(5 + _lead(logits, target))


def _lead(logits: Tensor, target: Tensor) -> Tensor:
    """By how much the target's logit exceeds the best other, [batch]."""
    own = logits.gather(1, target[:, None])[:, 0]
    return own - logits.scatter(1, target[:, None], -torch.inf).amax(dim=1)
