"""What a proposal looks like: histograms of oriented gradients, whitened (the features of proposal flow)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from xai_utils.papers.visual_summaries.proposals import check_boxes, check_pictures
from xai_utils.tensors import Progress, check_count, quiet

CELLS, PIXELS = 8, 8  # cells along each side of a box, pixels along each side of a cell
VALUES = 31  # of a cell: 18 signed directions, 9 unsigned ones, 4 of texture
SOFTEN = 1e-4  # added to the energy of a block, for pixels in 0..255
CLIP = 0.2  # of a normalised vote
TEXTURE = 0.2357  # 1 / sqrt(18): weight of the four sums over all directions


def hog(images: Tensor, boxes: Sequence[Tensor], *, batch_size: int = 64, progress: Progress = quiet) -> list[Tensor]:
    """The shape that each box shows: directions of its gradients, counted in 8 x 8 cells.

    **Source**: the features of proposal flow, which section 3.2 takes over; as in the authors' code a box is enlarged
    by one cell on each side and brought to 80 x 80 pixels, so that each of the 8 x 8 cells has neighbours to be
    normalised by, and a cell has the 31 values of Felzenszwalb et al. (2010). Beyond its border a picture goes on with
    its last pixels.

    Args:
        images: float [batch, 3, height, width], RGB in [0, 1].
        boxes: int64 [boxes, 4] of each image, (left, top, right, bottom), right and bottom exclusive.
        batch_size: boxes at a time.
        progress: wraps the images.

    Returns:
        For each image float [boxes, 8 * 8 * 31], cell by cell, 0 to about 0.9.

    Raises:
        TypeError, ValueError: not pictures of one size, or not boxes within each of them.

    Example:
        >>> hog(torch.rand(1, 3, 32, 32), [torch.tensor([[2, 3, 12, 20], [0, 0, 32, 32]])])[0].shape
        torch.Size([2, 1984])
    """
    from torchvision.ops import roi_align

    check_pictures(images)
    check_count("batch_size", batch_size)
    if len(boxes) != len(images):
        raise ValueError(f"boxes: expected boxes for each image ({len(images)}), got {len(boxes)}")
    check_boxes(boxes, tuple(images.shape[2:]))
    margin = math.ceil(max(images.shape[2:]) / CELLS)  # one cell of the largest box
    side, features = (CELLS + 2) * PIXELS, []
    for picture, some in progress(list(zip(images, boxes, strict=True))):
        picture = pad(picture[None].float() * 255, [margin] * 4, mode="replicate")
        cell = (some[:, 2:] - some[:, :2]).float() / CELLS
        padded = some.to(picture) + torch.cat([-cell, cell], dim=1).to(picture) + margin
        patches = (roi_align(picture, [chunk], side, aligned=True) for chunk in padded.split(batch_size))
        values = [oriented_gradients(patch) for patch in patches]
        features.append(torch.cat([picture.new_zeros(0, CELLS * CELLS * VALUES), *values]))
    return features


def oriented_gradients(patches: Tensor) -> Tensor:
    """The 31 values of each inner cell of some patches.

    **Source**: Felzenszwalb, Girshick, McAllester and Ramanan (2010), as released with their detector: the colour with
    the steepest gradient votes, for one of 18 directions, in the four cells around the pixel; votes are divided by the
    energy of the four blocks of 2 x 2 cells around their cell, clipped, and averaged over the blocks.

    Args:
        patches: float [patches, 3, 80, 80], 0 to 255.

    Returns:
        float [patches, 8 * 8 * 31].

    Example:
        >>> oriented_gradients(torch.full((1, 3, 80, 80), 128.0)).count_nonzero()
        tensor(0)
    """
    across = patches[:, :, 1:-1, 2:] - patches[:, :, 1:-1, :-2]  # [patches, 3, 78, 78]
    down = patches[:, :, 2:, 1:-1] - patches[:, :, :-2, 1:-1]
    steepness, colour = (across.square() + down.square()).max(dim=1, keepdim=True)  # [patches, 1, 78, 78]
    across, down = across.gather(1, colour), down.gather(1, colour)

    angles = (torch.arange(9, device=patches.device) * math.pi / 9).view(1, 9, 1, 1)
    along = across * angles.cos() + down * angles.sin()  # [patches, 9, 78, 78]
    line = along.abs().argmax(dim=1, keepdim=True)
    direction = line + 9 * (along.gather(1, line) < 0)
    votes = patches.new_zeros(len(patches), 18, *across.shape[2:]).scatter_(1, direction, steepness.sqrt())
    near = _nearness(patches)
    cells = near @ votes @ near.T  # [patches, 18, 10, 10]

    lines = cells[:, :9] + cells[:, 9:]
    energy = 4 * avg_pool2d(lines.square().sum(dim=1, keepdim=True), 2, stride=1)  # of blocks: [patches, 1, 9, 9]
    scale = (energy + SOFTEN).rsqrt()
    around = (scale[:, :, :-1, :-1], scale[:, :, :-1, 1:], scale[:, :, 1:, :-1], scale[:, :, 1:, 1:])
    signed = torch.stack([(cells[:, :, 1:-1, 1:-1] * each).clamp(max=CLIP) for each in around], dim=1)
    unsigned = torch.stack([(lines[:, :, 1:-1, 1:-1] * each).clamp(max=CLIP) for each in around], dim=1)
    values = [signed.sum(dim=1) / 2, unsigned.sum(dim=1) / 2, TEXTURE * signed.sum(dim=2)]
    return torch.cat(values, dim=1).permute(0, 2, 3, 1).flatten(1)  # [patches, 8, 8, 31] -> [patches, 1984]


def _nearness(patches: Tensor) -> Tensor:
    """How much of a pixel's vote each cell gets along one side, linear in the distance: [cells, pixels]."""
    pixels = torch.arange(1, patches.shape[-1] - 1, device=patches.device) + 0.5
    centres = (torch.arange(patches.shape[-1] // PIXELS, device=patches.device) + 0.5) * PIXELS
    return (1 - (pixels - centres[:, None]).abs() / PIXELS).clamp(min=0).to(patches.dtype)


class Whitening(NamedTuple):
    """What features of a data set have in common, to be taken out of them."""

    mean: Tensor  # float [values]
    factor: Tensor  # float [values, values]: lower Cholesky factor of the covariance


def fit_whitening(features: Sequence[Tensor], *, ridge: float = 0.01, stationary: bool = True) -> Whitening:
    """Mean and covariance of the features of all proposals.

    **Source**: proposal flow compares features in the metric of linear discriminant analysis (Hariharan, Malik and
    Ramanan, 2012), with statistics of a large set of pictures that are not public; here they are fitted on the pictures
    at hand. As theirs they are stationary: the mean is the same for all cells, and the covariance of two cells depends
    only on how they lie to each other. A covariance is averaged over all 64 places, also those where one of the two
    cells lies outside of the box, so that it has no negative eigenvalue (that code raises its ridge, in steps of
    0.01, until there is none).

    Args:
        features: float [boxes, values] of each image, as `hog` returns them.
        ridge: added to the variances.
        stationary: whether statistics are shared by the cells; else every value has its own (needs several times as
            many proposals as values).

    Returns:
        The statistics, in the features' precision and on their device.

    Raises:
        ValueError: fewer than two proposals in all, values that are no cells, or a ridge that is too small.

    Example:
        >>> fit_whitening([torch.rand(5, 1984), torch.rand(7, 1984)]).mean.shape
        torch.Size([1984])
    """
    _check_features(features)
    everything = torch.cat(list(features))
    count, values = everything.shape
    if count < 2:
        raise ValueError(f"features: expected those of at least two proposals, got {count}")
    if not ridge >= 0:
        raise ValueError(f"ridge: expected a variance of at least 0, got {ridge}")
    if stationary and values != CELLS * CELLS * VALUES:
        raise ValueError(
            f"features: expected {CELLS * CELLS * VALUES} values to share statistics by cells, got {values}"
        )
    mean = everything.mean(dim=0)
    if stationary:
        mean = mean.view(-1, VALUES).mean(dim=0).repeat(CELLS * CELLS)
    everything = everything - mean
    covariance = everything.T @ everything / count  # [values, values]
    if stationary:
        covariance = _shared(covariance)
    factor, failed = torch.linalg.cholesky_ex(covariance + ridge * torch.eye(values).to(covariance))
    if failed:
        raise ValueError(f"ridge: expected one that makes the covariance positive, got {ridge}")
    return Whitening(mean, factor)


def _shared(covariance: Tensor) -> Tensor:
    """A covariance whose entries for two cells are averaged over all places in which two cells lie in this way."""
    places = torch.cartesian_prod(torch.arange(CELLS), torch.arange(CELLS)).to(covariance.device)  # [64, 2]
    apart = places[None] - places[:, None] + CELLS - 1  # [64, 64, 2], each 0..14
    kind = (apart[..., 0] * (2 * CELLS - 1) + apart[..., 1]).flatten()  # [64 * 64]
    cells = len(places)
    blocks = covariance.view(cells, VALUES, cells, VALUES).transpose(1, 2).reshape(cells * cells, VALUES, VALUES)
    sums = blocks.new_zeros((2 * CELLS - 1) ** 2, VALUES, VALUES).index_add(0, kind, blocks)
    shared = (sums / cells)[kind].view(cells, cells, VALUES, VALUES)
    return shared.transpose(1, 2).reshape(covariance.shape)


def whiten(features: Sequence[Tensor], whitening: Whitening) -> list[Tensor]:
    """Features in which the inner product of two is their likeness, with what all proposals share taken out.

    Args:
        features: float [boxes, values] of each image.
        whitening: as `fit_whitening` returns it.

    Returns:
        For each image float [boxes, values]. Over the data that statistics of single values were fitted on without a
        ridge, their mean is 0 and their covariance the identity.

    Raises:
        TypeError, ValueError: not features, or of another number of values.

    Example:
        >>> features = [torch.randn(300, 3), torch.randn(500, 3)]
        >>> whitened = torch.cat(whiten(features, fit_whitening(features, ridge=0.0, stationary=False)))
        >>> (whitened.T.cov(correction=0) - torch.eye(3)).abs().max() < 1e-4
        tensor(True)
    """
    _check_features(features)
    if features[0].shape[1] != len(whitening.mean):
        raise ValueError(f"features: expected {len(whitening.mean)} values, got {features[0].shape[1]}")
    centred = [(some - whitening.mean).T for some in features]
    return [torch.linalg.solve_triangular(whitening.factor, some, upper=False).T.contiguous() for some in centred]


def _check_features(features: Sequence[Tensor]) -> None:
    for some in features:
        if not isinstance(some, Tensor) or not some.is_floating_point():
            raise TypeError(f"features: expected a floating-point tensor for each image, got {type(some).__name__}")
    if len(features) == 0 or len({some.shape[1:] for some in features}) != 1 or features[0].ndim != 2:
        shapes = sorted({tuple(some.shape) for some in features})
        raise ValueError(
            f"features: expected [boxes, values] for each image, of one number of values, got {shapes[:4]}"
        )
    if not all(torch.isfinite(some).all() for some in features):
        raise ValueError("features: expected finite values, got NaN or infinity")
