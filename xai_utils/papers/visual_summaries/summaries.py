"""Which clusters are summaries: one part of each image, and parts that look alike (section 3.2)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from xai_utils.papers.visual_summaries.clustering import Clusters
from xai_utils.papers.visual_summaries.proposals import check_boxes, check_pictures
from xai_utils.papers.visual_summaries.pruning import Candidates
from xai_utils.tensors import Progress, check_count, quiet

WINDOW = 11  # pixels along each side of SSIM's Gaussian window
GREY = (0.2989, 0.5870, 0.1140)  # of red, green and blue


@dataclass(frozen=True)
class Summary:
    """A part that the network looks at again and again: one place in each of several images of a class.

    Args:
        images: int64 [members], numbers of at least two images: the exemplar's, then the best match first.
        boxes: int64 [members, 4], the part in each of them, (left, top, right, bottom), right and bottom exclusive.
        regions: bool [members, height, width], the regions of the mask that the part lies in.
        exemplar: number of the image that the others were gathered around.
        scores: float64 [members], the match of each part with the exemplar's.
        quality: median SSIM over all pairs of parts.
    """

    images: Tensor
    boxes: Tensor
    regions: Tensor
    exemplar: int
    scores: Tensor
    quality: float


@dataclass(frozen=True)
class Summaries(Sequence[Summary]):
    """The summaries of a class, one after the other like a list, and what was left out on the way.

    Args:
        summaries: the highest quality first.
        quality: the global median of SSIM: of the clusters' medians; NaN if no cluster has two images.
        singles: clusters dropped because they hold parts of one image only.
        inconsistent: clusters dropped because of their SSIM.
        uncovered: proposals left out because no region covers them.
        redundant: proposals left out because another one stands for them.
        without: images that no proposal is left of.
        unused: images that are in no summary, those of `without` among them.
        mistaken: images that were left out because the network gives them to another class.
    """

    summaries: tuple[Summary, ...]
    quality: float
    singles: int
    inconsistent: int
    uncovered: int
    redundant: int
    without: tuple[int, ...]
    unused: tuple[int, ...]
    mistaken: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.summaries)

    def __getitem__(self, index: int) -> Summary:
        return self.summaries[index]


def select_summaries(
    images: Tensor,
    parts: Candidates,
    regions: Sequence[Tensor],
    clusters: Clusters,
    *,
    consistency: float = 0.9,
    outlying: float | None = None,
    most: int | None = None,
    progress: Progress = quiet,
) -> Summaries:
    """The clusters whose parts look alike, with one part of each image.

    **Source**: section 3.2: SSIM over all pairs of a cluster; discarded if its median is below 90% of the global
    median, which is the median of the clusters' medians in the authors' code. As there, an image keeps the part that
    matches the exemplar best. Deviations: that code warps each picture to the exemplar by its dense flow first; here
    parts are brought to the exemplar's size (and to SSIM's window of 11 pixels if that is smaller). A summary holds at
    least two images; there a cluster of one passes, and makes the global median undefined. No summary is cut to its
    ten best by default, because the paper's hold 32.25 images on average.

    Args:
        images: float [batch, 3, height, width], RGB in [0, 1].
        parts: as `candidates` returns them.
        regions: bool [regions, height, width] of each image.
        clusters: as `affinity_clusters` returns them, from the candidates' scores.
        consistency: share of the global median that a cluster's median has to reach, 0 to 1.
        outlying: a member is dropped if this share of its SSIMs (its own among them) or more lies below the global
            median, the exemplar excepted; None drops nobody, as the text; the authors' code has 0.6.
        most: images of a summary; None is all, the authors' code has 10.
        progress: wraps the clusters.

    Returns:
        The summaries, and counts of what was dropped.

    Raises:
        TypeError, ValueError: arguments that do not go together, or a knob out of range.

    Example:
        >>> images, regions = torch.rand(1, 3, 24, 24).repeat(3, 1, 1, 1), [torch.ones(1, 24, 24).bool()] * 3
        >>> boxes = torch.tensor([[0, 0, 12, 12], [0, 0, 12, 12], [8, 8, 24, 24]])
        >>> parts = Candidates(torch.arange(3), boxes, torch.eye(3).double(), 0, 0, ())
        >>> found = select_summaries(images, parts, regions, Clusters(torch.tensor([0, 0, 1]), torch.tensor([0, 2])))
        >>> found[0].images, found[0].quality, found.singles, found.unused
        (tensor([0, 1]), 1.0, 1, (2,))
    """
    _check_arguments(images, parts, regions, clusters)
    _check_knobs(consistency, outlying, most)
    gathered = [_members(parts, clusters, number)[:most] for number in range(len(clusters.exemplars))]
    several = [members for members in gathered if len(members) > 1]
    likenesses = [likeness(images, parts.images[members], parts.boxes[members]) for members in progress(several)]
    medians = [_median_of_pairs(table) for table in likenesses]
    overall = float(np.median(medians)) if medians else math.nan
    lowest = overall - (1 - consistency) * abs(overall)  # consistency * overall, for a negative median too
    found = []
    for members, table, median in zip(several, likenesses, medians, strict=True):
        if median < lowest:
            continue
        if outlying is not None:
            stay = (table < overall).double().mean(dim=1) < outlying
            stay[0] = True  # the exemplar
            members, table = members[stay], table[stay][:, stay]
        if len(members) > 1:
            found.append(_summary(parts, regions, clusters, members, _median_of_pairs(table)))
    found.sort(key=lambda summary: -summary.quality)
    used = {image for summary in found for image in summary.images.tolist()}
    unused = tuple(image for image in range(len(images)) if image not in used)
    singles, inconsistent = len(gathered) - len(several), len(several) - len(found)
    left_out = {"uncovered": parts.uncovered, "redundant": parts.redundant, "without": parts.without, "unused": unused}
    return Summaries(tuple(found), overall, singles, inconsistent, **left_out)


def _members(parts: Candidates, clusters: Clusters, number: int) -> Tensor:
    """The candidates of a cluster, one of each image: the exemplar, then the best match with it first."""
    exemplar = int(clusters.exemplars[number])
    members = (clusters.labels == number).nonzero()[:, 0]
    members = members[parts.images[members] != parts.images[exemplar]]
    members = members[parts.scores[exemplar, members].argsort(descending=True, stable=True)]
    chosen, seen = [exemplar], set()
    for part in members.tolist():
        if int(parts.images[part]) not in seen:
            seen.add(int(parts.images[part]))
            chosen.append(part)
    return torch.tensor(chosen)


def likeness(images: Tensor, numbers: Tensor, boxes: Tensor) -> Tensor:
    """How alike parts look: SSIM (Wang et al., 2004) of grey cut-outs, all of the first one's size.

    Args:
        images: float [batch, 3, height, width], RGB in [0, 1].
        numbers: int64 [parts], the image of each.
        boxes: int64 [parts, 4].

    Returns:
        float64 [parts, parts], symmetric, -1 to 1; the diagonal is 1.

    Example:
        >>> boxes = torch.tensor([[0, 0, 16, 16], [0, 0, 16, 16]])
        >>> picture = torch.rand(1, 3, 16, 16)
        >>> likeness(torch.cat([picture, 1 - picture]), torch.tensor([0, 1]), boxes)[0, 1] < 0
        tensor(True)
    """
    from skimage.metrics import structural_similarity

    left, top, right, bottom = boxes[0].tolist()
    size = max(bottom - top, WINDOW), max(right - left, WINDOW)
    grey = (images.detach() * images.new_tensor(GREY).view(3, 1, 1)).sum(
        dim=1, keepdim=True
    )  # [batch, 1, height, width]
    cuts = []
    for number, (left, top, right, bottom) in zip(numbers.tolist(), boxes.tolist(), strict=True):
        cut = grey[number : number + 1, :, top:bottom, left:right]
        cut = interpolate(cut, size, mode="bilinear", antialias=True)
        cuts.append(cut[0, 0].double().cpu().numpy())
    table = torch.eye(len(cuts), dtype=torch.float64)
    knobs = {"data_range": 1.0, "gaussian_weights": True, "use_sample_covariance": False}  # as Wang et al.
    for i, one in enumerate(cuts):
        for j, other in enumerate(cuts[:i]):
            table[i, j] = table[j, i] = float(structural_similarity(one, other, **knobs))
    return table


def _median_of_pairs(table: Tensor) -> float:
    return float(np.median(table[~torch.eye(len(table), dtype=torch.bool)].numpy()))


def touched_regions(regions: Sequence[Tensor], numbers: Tensor, boxes: Tensor) -> Tensor:
    """The regions that a part lies in, as far as they go.

    Args:
        regions: bool [regions, height, width] of each image.
        numbers: int64 [parts], the image of each.
        boxes: int64 [parts, 4].

    Returns:
        bool [parts, height, width].
    """
    places = []
    for number, (left, top, right, bottom) in zip(numbers.tolist(), boxes.tolist(), strict=True):
        touched = regions[number][:, top:bottom, left:right].flatten(1).any(dim=1)
        places.append(regions[number][touched].any(dim=0).cpu())
    return torch.stack(places)


def _summary(
    parts: Candidates, regions: Sequence[Tensor], clusters: Clusters, members: Tensor, quality: float
) -> Summary:
    images, boxes = parts.images[members], parts.boxes[members]
    exemplar = int(clusters.exemplars[clusters.labels[members[0]]])
    places, scores = touched_regions(regions, images, boxes), parts.scores[exemplar, members]
    return Summary(images, boxes, places, int(parts.images[exemplar]), scores, quality)


def _check_arguments(images: Tensor, parts: Candidates, regions: Sequence[Tensor], clusters: Clusters) -> None:
    check_pictures(images)
    check_boxes([parts.boxes], tuple(images.shape[2:]))
    sizes = {tuple(places.shape[1:]) for places in regions}
    if len(regions) != len(images) or sizes != {tuple(images.shape[2:])}:
        raise ValueError(f"regions: expected those of each image, of its size, got {len(regions)} of size {sizes}")
    if len(parts.images) and int(parts.images.max()) >= len(images):
        raise ValueError(f"parts: expected those of {len(images)} images, got one of image {int(parts.images.max())}")
    if len(clusters.labels) != len(parts.images):
        raise ValueError(f"clusters: expected a label for each part ({len(parts.images)}), got {len(clusters.labels)}")


def _check_knobs(consistency: float, outlying: float | None, most: int | None) -> None:
    if not 0 <= consistency <= 1:
        raise ValueError(f"consistency: expected a share of the global median in [0, 1], got {consistency}")
    if outlying is not None and not 0 < outlying <= 1:
        raise ValueError(f"outlying: expected a share of a member's pairs in (0, 1], or None, got {outlying}")
    if most is not None:
        check_count("most", most, low=2)
