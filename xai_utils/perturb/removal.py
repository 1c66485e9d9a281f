"""Taking evidence away where a soft mask says so, and what may stand there instead.

Section 3 of Dabkowski and Gal: whatever replaces a region brings evidence of its own. A constant colour may speak for
a class (green for grass), a blur leaves large shapes standing; what is drawn anew each time is hardest to exploit.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from xai_utils.tensors import check_choice, check_count, check_images

BASELINES = ("grey", "blur", "varying blur", "noise", "random")
COLOUR_SPREAD, NOISE_STD = 0.165, 0.055
LEVELS = 10  # of a blur that grows with what is hidden


def remove_evidence(images: Tensor, keep: Tensor, baseline: Tensor) -> Tensor:
    """Phi(X, M) = X * M + A * (1 - M): the picture where `keep` is 1, the baseline where it is 0.

    **Source**: Dabkowski and Gal (2017), eqs. 1, 2 and 6. As in the authors' code only `keep` is differentiated: a
    mask is to choose between the picture and the baseline, not to change either.

    Args:
        images: float [batch, 3, height, width], RGB in [0, 1].
        keep: float [batch, height, width], in [0, 1].
        baseline: what replaces hidden pixels; broadcasts to the images. Or several, [levels, batch, 3, height, width]:
            a pixel that is hidden by degrees passes through all of them, evenly, and ends at the last.

    Returns:
        [batch, 3, height, width].

    Raises:
        ValueError: a mask of another shape.

    Example:
        >>> keep = torch.tensor([[[1.0, 0.5, 0.0]]])
        >>> remove_evidence(torch.ones(1, 3, 1, 3), keep, torch.tensor(0.2))[0, 0]
        tensor([[1.0000, 0.6000, 0.2000]])
    """
    if keep.shape != images[:, 0].shape:
        raise ValueError(
            f"keep: expected shape {list(images[:, 0].shape)} to go with the images, got {list(keep.shape)}"
        )
    images, baseline = images.detach(), baseline.detach().to(images)
    if baseline.ndim < 5:
        return torch.lerp(baseline, images, keep[:, None])  # the formula in one pass
    depth = (1 - keep[:, None]) * len(baseline)  # of each pixel, in levels; 0 is the picture
    below = depth.detach().long().clamp(0, len(baseline) - 1)
    levels = torch.cat([images[None], baseline])
    start, end = (levels.gather(0, at.expand_as(images)[None])[0] for at in (below, below + 1))
    return torch.lerp(start, end, depth - below)


def constant_baseline(images: Tensor, colour: float | tuple[float, float, float] = 0.5) -> Tensor:
    """One colour everywhere; eq. 1 is the colour 0, which is mid-grey in the authors' pixels of [-1, 1].

    Args:
        images: float [batch, 3, height, width].
        colour: RGB in [0, 1], or one grey level.

    Returns:
        [batch, 3, height, width].
    """
    colour = torch.as_tensor(colour, dtype=images.dtype, device=images.device)
    return colour.reshape(-1, 1, 1).expand_as(images)


def blurred_baseline(images: Tensor, sigma: float = 10.0) -> Tensor:
    """The pictures under a strong blur: large shapes stay, details go.

    **Source**: Dabkowski and Gal, section 4.1, sigma 10 (for pictures of 224 x 224). Their code pads with zeros, which
    draws a dark frame around every picture; here the border reflects.

    Args:
        images: float [batch, 3, height, width].
        sigma: of the Gaussian, in pixels of a picture whose shorter side has 224; it grows and shrinks with the side.

    Returns:
        [batch, 3, height, width].
    """
    return gaussian_blur(images, sigma * min(images.shape[2:]) / 224)


def varying_blur(images: Tensor, sigma: float = 10.0, levels: int = LEVELS) -> Tensor:
    """The pictures under blurs that grow evenly from none to a strong one, for `remove_evidence`.

    A pixel of which a share m is hidden then is that of a blur of deviation m * sigma: the perturbation of Fong and
    Vedaldi's and Godi et al.'s integrals, to which the levels in between come closer the more there are. Half hiding a
    pixel under one strong blur mixes the two pictures instead and leaves its details, paler.

    **Source**: Godi et al. (2018), section 3.1, sigma_0 = 10.

    Args:
        images: float [batch, 3, height, width].
        sigma: the last deviation, as for `blurred_baseline`.
        levels: how many blurs.

    Returns:
        [levels, batch, 3, height, width].
    """
    check_count("levels", levels)
    return torch.stack([blurred_baseline(images, sigma * level / levels) for level in range(1, levels + 1)])


def noisy_baseline(images: Tensor, *, generator: torch.Generator | None = None, together: bool = False) -> Tensor:
    """A random colour with Gaussian noise on it.

    **Source**: Dabkowski and Gal, section 4.1, which gives no numbers. Those of the authors' code are for pixels in
    [-1, 1]: colours uniform within 0.33 of grey, noise of standard deviation 0.11. In [0, 1] both are half of that.

    Args:
        images: float [batch, 3, height, width]; only shape, type and device matter.
        generator: draws on the CPU, the colours first.
        together: one draw that all pictures share, instead of one for each.

    Returns:
        [batch, 3, height, width].

    Example:
        >>> pictures = torch.zeros(2, 3, 64, 64)
        >>> baseline = noisy_baseline(pictures, generator=torch.Generator().manual_seed(0))
        >>> baseline.std(dim=(2, 3)).mean().round(decimals=3), baseline.mean(dim=(2, 3))[:, 0]
        (tensor(0.0550), tensor([0.4989, 0.3798]))
    """
    draws = 1 if together else len(images)
    colour = 0.5 + COLOUR_SPREAD * (2 * torch.rand(draws, 3, 1, 1, generator=generator) - 1)
    noise = NOISE_STD * torch.randn(draws, *images.shape[1:], generator=generator)
    return (colour + noise).to(images).expand_as(images)


def draw_baselines(
    images: Tensor,
    kind: str = "random",
    *,
    sigma: float = 10.0,
    generator: torch.Generator | None = None,
    together: bool = False,
) -> Iterator[Tensor]:
    """What replaces hidden pixels, drawn anew whenever evidence is removed.

    **Source**: Dabkowski and Gal, section 4.1. "random" is the paper's mixture: the blurred picture with probability
    1/2, else a random colour with noise, so that no mask can count on what will stand there.

    Args:
        images: float [batch, 3, height, width], RGB in [0, 1].
        kind: "grey", "blur", "varying blur", "noise" (a colour and noise) or "random" (the mixture).
        sigma: of the blur, as for `blurred_baseline`.
        generator: draws on the CPU, the coins first.
        together: one coin, one colour and one noise that all pictures share, instead of one for each.

    Yields:
        [batch, 3, height, width], without end; of a varying blur its levels.

    Raises:
        TypeError, ValueError: images that are no pictures, another kind, a bad sigma.

    Example:
        >>> pictures = torch.rand(8, 3, 32, 32)
        >>> draws = draw_baselines(pictures, generator=torch.Generator().manual_seed(0))
        >>> hidden = next(draws)
        >>> (hidden == blurred_baseline(pictures)).all(dim=(1, 2, 3)).int()
        tensor([1, 0, 1, 1, 1, 0, 1, 0], dtype=torch.int32)
    """
    check_choice("kind", kind, BASELINES)
    images = check_images(images).detach()
    if kind == "grey":
        fixed = constant_baseline(images)
    else:
        fixed = varying_blur(images, sigma) if kind == "varying blur" else blurred_baseline(images, sigma)
    return _draws(images, kind, fixed, generator, together)


def _draws(
    images: Tensor, kind: str, fixed: Tensor, generator: torch.Generator | None, together: bool
) -> Iterator[Tensor]:
    while kind in ("grey", "blur", "varying blur"):
        yield fixed
    while True:
        heads = torch.rand(1 if together else len(images), 1, 1, 1, generator=generator) < 0.5
        noisy = noisy_baseline(images, generator=generator, together=together)
        yield noisy if kind == "noise" else torch.where(heads.to(images.device), fixed, noisy)


def gaussian_blur(pictures: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur that reflects at the border, as two matrix products.

    Args:
        pictures: float [..., height, width], of any size, also smaller than the Gaussian is wide.
        sigma: pixels; 0 blurs nothing.

    Returns:
        [..., height, width]; a constant picture stays as it is.

    Example:
        >>> gaussian_blur(torch.eye(3), sigma=0.5)
        tensor([[0.6640, 0.2514, 0.0462],
                [0.2514, 0.6422, 0.2514],
                [0.0462, 0.2514, 0.6640]])
    """
    rows, columns = (blur_matrix(side, sigma).to(pictures) for side in pictures.shape[-2:])
    return rows @ pictures @ columns.T


def blur_matrix(side: int, sigma: float) -> Tensor:
    """The blur of a line of pixels as a matrix: row i holds the weights with which the others enter pixel i.

    The Gaussian ends at 4 sigma. Beyond the ends of the line its pixels are read backwards, the last one only once
    (d c b | a b c d | c b a), and as often as the Gaussian is wide.

    Args:
        side: pixels of the line.
        sigma: pixels; 0 gives the identity.

    Returns:
        float64 [side, side]; every row sums to 1.

    Raises:
        ValueError: a negative sigma or one that is not finite.
    """
    if not 0 <= sigma < math.inf:
        raise ValueError(f"sigma: expected a number of pixels, 0 or more, got {sigma}")
    reach = int(4 * sigma + 0.5)
    steps = torch.arange(-reach, reach + 1)
    weights = torch.exp(-((steps.double() / max(sigma, 1e-12)) ** 2) / 2)
    period = max(1, 2 * (side - 1))  # there and back again
    place = (torch.arange(side)[:, None] + steps) % period
    place = torch.minimum(place, period - place)
    return torch.zeros(side, side, dtype=torch.float64).scatter_add_(
        1, place, (weights / weights.sum()).expand(side, -1)
    )
