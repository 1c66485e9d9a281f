"""From matched proposals to summaries: shares and redundancy by arithmetic, clusters and SSIM by hand-made pictures."""

import math

import numpy as np
import pytest
import torch
from scipy import sparse

from xai_utils.papers.visual_summaries import (
    Candidates,
    Clusters,
    affinity_clusters,
    candidates,
    correspondences,
    cover,
    fit_whitening,
    hog,
    likeness,
    mask_regions,
    not_redundant,
    object_proposals,
    select_summaries,
    whiten,
)

SIZE = (40, 40)


def region_of(*boxes):
    """One region of some boxes: bool [1, 40, 40]."""
    region = torch.zeros(1, *SIZE, dtype=torch.bool)
    for left, top, right, bottom in boxes:
        region[0, top:bottom, left:right] = True
    return region


def boxes_of(*boxes):
    return torch.tensor(boxes, dtype=torch.int64).reshape(-1, 4)


def no_scores(count):
    return sparse.csr_array((count, count), dtype=np.float32)


# --- pruning ------------------------------------------------------------------------------------------------------


def test_a_box_is_covered_by_all_regions_or_by_one():
    regions = torch.cat([region_of((0, 0, 10, 20)), region_of((10, 0, 14, 20))])
    box = boxes_of((0, 0, 20, 20), (5, 5, 15, 15), (30, 30, 40, 40))
    assert cover(box, regions).tolist() == pytest.approx([0.7, 0.9, 0])
    assert cover(box, regions, per_region=True).tolist() == pytest.approx([0.5, 0.5, 0])
    assert cover(box, regions[:0]).tolist() == [0, 0, 0]


def test_more_than_three_quarters_of_a_proposal_have_to_be_covered():
    regions = [region_of((0, 0, 12, 16)), region_of((0, 0, 13, 16))]
    left = candidates([boxes_of((0, 0, 16, 16))] * 2, regions, no_scores(2))
    assert left.images.tolist() == [1]
    assert left.boxes.tolist() == [[0, 0, 16, 16]]
    assert (left.uncovered, left.redundant, left.without) == (1, 0, (0,))


def test_one_region_may_be_asked_to_cover_a_proposal_by_itself():
    both = torch.cat([region_of((0, 0, 8, 16)), region_of((8, 0, 16, 16))])
    boxes = [boxes_of((0, 0, 16, 16), (0, 0, 8, 8))] * 2
    assert len(candidates(boxes, [both] * 2, no_scores(4)).boxes) == 4
    assert candidates(boxes, [both] * 2, no_scores(4), per_region=True).boxes.tolist() == [[0, 0, 8, 8]] * 2


def test_of_two_overlapping_proposals_of_similar_size_the_stronger_stays():
    boxes = boxes_of((0, 0, 10, 10), (0, 0, 10, 15), (0, 0, 10, 20), (5, 0, 15, 10), (6, 0, 16, 10))
    alone = torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0])
    assert not_redundant(boxes[:2], alone[:2]).tolist() == [1]
    assert not_redundant(boxes[:2], -alone[:2]).tolist() == [0]
    assert not_redundant(boxes[[0, 2]], alone[:2]).tolist() == [0, 1]  # twice the area is not less than twice
    assert not_redundant(boxes[[0, 3]], alone[:2]).tolist() == [1]  # half of it is shared
    assert not_redundant(boxes[[0, 4]], alone[:2]).tolist() == [0, 1]  # less than half
    assert not_redundant(boxes, alone, size_ratio=1.0).tolist() == [0, 1, 2, 3, 4]


def test_what_only_a_dropped_proposal_takes_away_stays():
    """The middle one of three is weaker than the first, which takes it away; the last one is left in peace."""
    row = boxes_of((0, 0, 10, 10), (5, 0, 15, 10), (10, 0, 20, 10))
    assert not_redundant(row, torch.tensor([3.0, 2.0, 1.0])).tolist() == [0, 2]
    assert not_redundant(row[[1, 2, 0]], torch.tensor([2.0, 1.0, 3.0])).tolist() == [1, 2]


def test_strength_is_the_mean_of_the_best_scores_with_other_images():
    boxes = [boxes_of((0, 0, 10, 10), (1, 1, 11, 11)), boxes_of((0, 0, 10, 10), (20, 20, 30, 30))]
    scores = np.zeros((4, 4))
    scores[0, 1] = scores[1, 0] = 9  # within the image: says nothing
    scores[0, 2:], scores[1, 2:] = [0.7, 0.0], [0.5, 0.5]
    everywhere = [region_of((0, 0, 40, 40))] * 2
    mean = candidates(boxes, everywhere, sparse.csr_array(scores))
    best = candidates(boxes, everywhere, sparse.csr_array(scores), best=1)
    assert mean.boxes[0].tolist() == [1, 1, 11, 11]
    assert best.boxes[0].tolist() == [0, 0, 10, 10]
    assert np.allclose(best.scores, scores[np.ix_([0, 2, 3], [0, 2, 3])])
    assert (best.uncovered, best.redundant, best.without) == (0, 1, ())
    assert best.images.tolist() == [0, 1, 1]


# --- affinity propagation -----------------------------------------------------------------------------------------


def groups(*sizes, seed=0):
    """Scores near 1 within each group, near 0 between them, and somewhat higher with oneself."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.block_diag(*(torch.ones(size, size) for size in sizes))
    noise = 0.05 * torch.rand(len(scores), len(scores), generator=generator)
    return scores + noise + noise.T


def test_groups_become_clusters_around_one_of_them():
    found = affinity_clusters(groups(5, 3, 4))
    assert found.labels.tolist() == [0] * 5 + [1] * 3 + [2] * 4
    assert found.labels[found.exemplars].tolist() == [0, 1, 2]


def test_the_scale_of_scores_does_not_matter():
    scores = groups(5, 3, 4)
    assert torch.equal(affinity_clusters(scores).labels, affinity_clusters(scores * 1000).labels)


def test_a_lower_preference_makes_fewer_clusters():
    scores = torch.rand(30, 30, generator=torch.Generator().manual_seed(0))
    scores = scores + scores.T
    many, few = (len(affinity_clusters(scores, preference=each).exemplars) for each in (1.0, 5.0))
    assert few < many


def test_exemplars_that_do_not_settle_are_an_error():
    with pytest.raises(ValueError, match="steps: expected enough for exemplars to settle, got 3"):
        affinity_clusters(groups(5, 3, 4), steps=3)


# --- summaries ----------------------------------------------------------------------------------------------------

LEFT, RIGHT = (2, 2, 18, 18), (22, 22, 38, 38)


def noisy(level, seed):
    """A square of stripes under noise: 0 is all stripes, 1 is all noise."""
    stripes = (torch.arange(16) // 4 % 2).float().expand(3, 16, 16)
    noise = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(seed))
    return (1 - level) * stripes + level * noise


def pictures_of(left, right):
    """Pictures with a square of a level of noise in two places each."""
    pictures = torch.full((len(left), 3, *SIZE), 0.5)
    for number, levels in enumerate(zip(left, right, strict=True)):
        for (x, y, r, b), level in zip((LEFT, RIGHT), levels, strict=True):
            pictures[number, :, y:b, x:r] = noisy(level, seed=2 * number + (x > 20))
    return pictures


def two_parts(count):
    """Both places of each image as candidates, in two clusters whose exemplars are in image 1."""
    images = torch.arange(count).repeat_interleave(2)
    scores = torch.arange(2.0 * count).repeat(2 * count, 1).double() / 10
    parts = Candidates(images, boxes_of(*[LEFT, RIGHT] * count), scores, 0, 0, ())
    regions = [torch.cat([region_of(LEFT), region_of(RIGHT)])] * count
    return parts, regions, Clusters(torch.arange(2 * count) % 2, torch.tensor([2, 3]))


def test_a_summary_holds_its_exemplar_then_the_best_match():
    parts, regions, clusters = two_parts(4)
    found = select_summaries(pictures_of([0.1] * 4, [0.1] * 4), parts, regions, clusters, consistency=0.0)
    assert len(found.summaries) == 2
    for summary in found.summaries:
        assert summary.images.tolist() == [1, 3, 2, 0]
        assert summary.exemplar == 1
        assert summary.boxes.tolist() in ([list(LEFT)] * 4, [list(RIGHT)] * 4)
        assert torch.equal(summary.regions, region_of(summary.boxes[0].tolist()).repeat(4, 1, 1))
        assert summary.scores.tolist() in ([0.2, 0.6, 0.4, 0.0], [0.3, 0.7, 0.5, 0.1])
    assert (found.singles, found.inconsistent, found.unused) == (0, 0, ())


def test_clusters_whose_parts_do_not_look_alike_are_dropped():
    parts, regions, clusters = two_parts(4)
    pictures = pictures_of([0.05] * 4, [1.0] * 4)
    found = select_summaries(pictures, parts, regions, clusters)
    clear, noise = (
        float(likeness(pictures, torch.arange(4), boxes_of(*[place] * 4)).quantile(0.3)) for place in (LEFT, RIGHT)
    )
    assert clear > 0.9 > 0.3 > noise
    (summary,) = found.summaries
    assert summary.boxes[0].tolist() == list(LEFT)
    assert (found.singles, found.inconsistent, found.unused) == (0, 1, ())


def test_a_cluster_has_to_reach_nine_tenths_of_the_median_of_medians():
    parts, regions, clusters = two_parts(2)  # two images: one SSIM for each cluster
    pictures = pictures_of([0.05] * 2, [0.3] * 2)
    one, two = (float(likeness(pictures, torch.arange(2), boxes_of(*[place] * 2))[0, 1]) for place in (LEFT, RIGHT))
    for share, kept in ((two / (one + two) * 2 - 1e-6, 2), (two / (one + two) * 2 + 1e-6, 1)):
        found = select_summaries(pictures, parts, regions, clusters, consistency=share)
        assert found.quality == pytest.approx((one + two) / 2)
        assert [summary.quality for summary in found.summaries] == pytest.approx([one, two][:kept])


def test_a_single_cluster_is_not_dropped_for_a_negative_median():
    parts, regions, _ = two_parts(2)
    pictures = pictures_of([0, 0], [0, 0])
    pictures[1] = 1 - pictures[1]
    found = select_summaries(pictures, parts, regions, Clusters(torch.tensor([0, 1, 0, 2]), torch.tensor([0, 1, 3])))
    assert found.quality < 0
    assert [summary.quality for summary in found.summaries] == [found.quality]
    assert (found.singles, found.inconsistent) == (2, 0)


def test_an_image_gives_one_part_to_a_summary_and_one_image_is_no_summary():
    """Cluster 0 holds two parts of image 0 and the better one of two of image 1; cluster 1 is image 2 twice."""
    boxes = boxes_of(LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT)
    scores = torch.zeros(6, 6).double()
    scores[0] = torch.tensor([5.0, 4.0, 1.0, 2.0, 0.0, 0.0])
    parts = Candidates(torch.tensor([0, 0, 1, 1, 2, 2]), boxes, scores, 0, 0, ())
    clusters = Clusters(torch.tensor([0, 0, 0, 0, 1, 1]), torch.tensor([0, 4]))
    regions = [region_of((0, 0, 40, 40))] * 4
    found = select_summaries(pictures_of([0.1] * 4, [0.1] * 4), parts, regions, clusters)
    (summary,) = found.summaries
    assert summary.images.tolist() == [0, 1]
    assert summary.boxes.tolist() == [list(LEFT), list(RIGHT)]
    assert (found.singles, found.unused) == (1, (2, 3))


def test_without_two_images_in_any_cluster_there_is_no_summary_and_no_median():
    parts, regions, _ = two_parts(2)
    found = select_summaries(pictures_of([0, 0], [0, 0]), parts, regions, Clusters(torch.arange(4), torch.arange(4)))
    assert found.summaries == ()
    assert math.isnan(found.quality)
    assert (found.singles, found.unused) == (4, (0, 1))


def test_members_that_look_like_few_others_can_be_dropped_and_summaries_cut():
    parts, regions, clusters = two_parts(5)
    pictures = pictures_of([0.05, 0.05, 0.05, 0.05, 1.0], [0.1] * 5)
    every = select_summaries(pictures, parts, regions, clusters, consistency=0.0)
    strict = select_summaries(pictures, parts, regions, clusters, consistency=0.0, outlying=0.6)
    left = {summary.boxes[0, 0].item(): summary for summary in strict.summaries}[LEFT[0]]
    assert {len(summary.images) for summary in every.summaries} == {5}
    assert left.images.tolist() == [1, 3, 2, 0]
    assert left.quality > min(summary.quality for summary in every.summaries)
    cut = select_summaries(pictures, parts, regions, clusters, consistency=0.0, most=2)
    assert all(summary.images.tolist() == [1, 4] for summary in cut.summaries)


def test_likeness_is_one_of_the_same_and_survives_another_size():
    picture = torch.full((1, 3, *SIZE), 0.5)
    picture[0, :, 2:18, 2:18] = noisy(0, 0)
    picture[0, :, 20:40, 20:40] = torch.nn.functional.interpolate(noisy(0, 0)[None], (20, 20), mode="bilinear")[0]
    table = likeness(picture, torch.zeros(3).long(), boxes_of(LEFT, LEFT, (20, 20, 40, 40)))
    assert table[0, 1] == pytest.approx(1)
    assert torch.equal(table, table.T)
    assert 0.8 < table[0, 2] < 1


def test_parts_smaller_than_the_window_can_be_compared():
    assert likeness(pictures_of([0], [0]), torch.zeros(2).long(), boxes_of((2, 2, 5, 6), (2, 2, 18, 18))).shape == (
        2,
        2,
    )


# --- all of it ----------------------------------------------------------------------------------------------------


def test_two_shapes_in_every_picture_are_two_summaries():
    """A chequered and a ringed disc that move about: what is inside of a summary is always the same one."""
    generator = torch.Generator().manual_seed(0)
    row, column = (torch.arange(32.0) - 15.5).view(-1, 1), (torch.arange(32.0) - 15.5).view(1, -1)
    radius = (row**2 + column**2).sqrt()
    disc = radius < 15
    chequered, ringed = (row // 8 + column // 8) % 2, ((radius + 1) // 5) % 2
    colours = torch.tensor([[0.9, 0.6, 0.2], [0.3, 0.6, 0.9]])
    images, maps, places = torch.full((6, 3, 96, 96), 0.45), torch.zeros(6, 96, 96), []
    for number in range(6):
        corners = torch.randint(0, 12, (2, 2), generator=generator) + torch.tensor([[4, 4], [48, 48]])
        places.append(corners.tolist())
        for (top, left), pattern, colour in zip(corners.tolist(), (chequered, ringed), colours, strict=True):
            window = (number, slice(None), slice(top, top + 32), slice(left, left + 32))
            images[window] = torch.where(disc, pattern * colour.view(3, 1, 1), images[window])
            maps[number, top : top + 32, left : left + 32][disc] = 1

    regions, boxes = mask_regions(maps), object_proposals(images)
    features = hog(images, boxes)
    features = whiten(features, fit_whitening(features))
    parts = candidates(boxes, regions, correspondences(boxes, features))
    found = select_summaries(images, parts, regions, affinity_clusters(parts.scores))
    assert len(found.summaries) >= 2
    assert found.unused == ()
    shown = set()
    for summary in found.summaries:
        inside = set()
        for image, (left, top, right, bottom) in zip(summary.images.tolist(), summary.boxes.tolist(), strict=True):
            middle = torch.tensor([(top + bottom) / 2, (left + right) / 2])
            inside.add(int((torch.tensor(places[image]) + 16 - middle).norm(dim=1).argmin()))
        assert len(inside) == 1
        shown |= inside
    assert shown == {0, 1}


PARTS, REGIONS, CLUSTERS = two_parts(2)
PICTURES = pictures_of([0, 0], [0, 0])
BOXES = [boxes_of(LEFT, RIGHT)] * 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: candidates(BOXES[:1], REGIONS[:1], no_scores(2)), "boxes: expected proposals of at least two images"),
        (lambda: candidates(BOXES, REGIONS[:1], no_scores(4)), "regions: expected those of each image"),
        (lambda: candidates(BOXES, [REGIONS[0], REGIONS[0][:, 1:]], no_scores(4)), "regions: .* of one size"),
        (lambda: candidates(BOXES, [REGIONS[0].float()] * 2, no_scores(4)), "regions: expected a bool tensor"),
        (lambda: candidates(BOXES, REGIONS, np.eye(4)), "scores: expected a sparse array"),
        (lambda: candidates(BOXES, REGIONS, no_scores(3)), r"scores: expected shape \(4, 4\)"),
        (lambda: candidates(BOXES, [REGIONS[0][:0]] * 2, no_scores(4)), "regions: expected some that cover 75%"),
        (lambda: candidates(BOXES, REGIONS, no_scores(4), covered=1.0), "covered: expected a share"),
        (lambda: candidates(BOXES, REGIONS, no_scores(4), shared=0.0), "shared: expected a share"),
        (lambda: candidates(BOXES, REGIONS, no_scores(4), size_ratio=0.5), "size_ratio: expected a quotient"),
        (lambda: candidates(BOXES, REGIONS, no_scores(4), best=0), "best: expected an int"),
        (lambda: cover(boxes_of((30, 30, 41, 40)), REGIONS[0]), "boxes: expected boxes within 40 x 40"),
        (lambda: affinity_clusters(torch.zeros(3, 2)), "scores: expected a square tensor"),
        (lambda: affinity_clusters(torch.ones(1, 1)), "scores: expected those of at least two candidates"),
        (lambda: affinity_clusters(torch.eye(3)), "scores: expected some pairs that match better"),
        (lambda: affinity_clusters(groups(2, 2) * float("nan")), "scores: expected finite values"),
        (lambda: affinity_clusters(groups(2, 2), damping=1.0), "damping: expected a share"),
        (lambda: affinity_clusters(groups(2, 2), patience=0), "patience: expected an int"),
        (lambda: select_summaries(PICTURES[:1], PARTS, REGIONS[:1], CLUSTERS), "parts: expected those of 1 images"),
        (lambda: select_summaries(PICTURES, PARTS, REGIONS[:1], CLUSTERS), "regions: expected those of each image"),
        (lambda: select_summaries(PICTURES[..., 1:], PARTS, REGIONS, CLUSTERS), "regions: expected .* of its size"),
        (
            lambda: select_summaries(PICTURES, PARTS, REGIONS, Clusters(torch.zeros(3), torch.zeros(1))),
            "clusters: .* label",
        ),
        (lambda: select_summaries(PICTURES, PARTS, REGIONS, CLUSTERS, consistency=2.0), "consistency: expected"),
        (lambda: select_summaries(PICTURES, PARTS, REGIONS, CLUSTERS, outlying=0.0), "outlying: expected"),
        (lambda: select_summaries(PICTURES, PARTS, REGIONS, CLUSTERS, most=1), "most: expected an int of at least 2"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
