"""Proposal flow: gradients of edges, whitening, and matches of pictures that are known to be shifted."""

import numpy as np
import pytest
import torch

from tests.oracles import proposal_flow as slow
from xai_utils.papers.visual_summaries import (
    Whitening,
    correspondences,
    fit_whitening,
    hog,
    match_proposals,
    oriented_gradients,
    whiten,
)


def boxes_of(count, seed, size=100):
    """Random boxes of 8 to 40 pixels: int64 [boxes, 4]."""
    generator = torch.Generator().manual_seed(seed)
    start = torch.randint(0, size - 40, (count, 2), generator=generator)
    return torch.cat([start, start + torch.randint(8, 41, (count, 2), generator=generator)], dim=1)


def features_of(count, seed, values=6):
    return torch.randn(count, values, generator=torch.Generator().manual_seed(seed))


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


# --- features -----------------------------------------------------------------------------------------------------


def test_oriented_gradients_are_those_of_the_slow_twin():
    patch = noise(3, 80, 80) * 255
    expected = slow.oriented_gradients(patch.permute(1, 2, 0).double().numpy())
    assert np.allclose(oriented_gradients(patch[None])[0].view(8, 8, 31), expected, atol=1e-4)


@pytest.mark.parametrize(("across", "signed"), [(True, 0), (False, 9)])
def test_an_upright_edge_votes_for_one_direction_only(across, signed):
    """Brighter to the right is direction 0, brighter to the left is the opposite one."""
    patch = torch.zeros(1, 3, 80, 80)
    patch[..., 40:] = 200
    values = oriented_gradients(patch if across else patch.flip(3)).view(8, 8, 31)
    assert values[..., :27].flatten(0, 1).amax(dim=0).nonzero().flatten().tolist() == [signed, 18]
    assert torch.allclose(values[3, 3, [signed, 18]], torch.tensor([0.4, 0.4]))  # four clipped votes, halved


def test_features_depend_on_shape_and_hardly_on_contrast():
    picture, box = noise(1, 3, 64, 64), [torch.tensor([[5, 5, 60, 50]])]
    assert (hog(picture, box)[0] - hog(picture / 2 + 0.25, box)[0]).abs().mean() < 1e-3
    assert not hog(torch.full((1, 3, 64, 64), 0.3), box)[0].any()


@pytest.mark.parametrize("shrink", [1, 2])
def test_a_box_is_enlarged_by_a_cell_and_the_picture_goes_on_beyond_its_border(shrink):
    picture = noise(1, 3, 70 * shrink, 70 * shrink)
    (values,) = hog(picture, [torch.tensor([[0, 4, 64, 68]]) * shrink])
    padded = np.pad(picture[0].numpy() * 255, ((0, 0), (8 * shrink, 8 * shrink), (8 * shrink, 8 * shrink)), mode="edge")
    patch = torch.from_numpy(padded)[:, 4 * shrink : 84 * shrink, : 80 * shrink]
    expected = oriented_gradients(patch.reshape(1, 3, 80, shrink, 80, shrink).mean(dim=(3, 5)))
    assert torch.allclose(values, expected, atol=2e-3)


def test_any_batch_size_gives_the_same_features_and_images_may_have_none():
    pictures = noise(3, 3, 100, 100)
    boxes = [boxes_of(7, 0), boxes_of(0, 0), boxes_of(4, 1)]
    whole, pieces = hog(pictures, boxes), hog(pictures, boxes, batch_size=3)
    assert [tuple(some.shape) for some in whole] == [(7, 1984), (0, 1984), (4, 1984)]
    assert all(torch.allclose(*pair, atol=1e-5) for pair in zip(whole, pieces, strict=True))


# --- whitening ----------------------------------------------------------------------------------------------------


def test_whitening_makes_the_covariance_the_identity():
    mixed = features_of(500, 0).double() @ features_of(6, 1).double() + 3
    features = [mixed[:200], mixed[200:]]
    whitened = torch.cat(whiten(features, fit_whitening(features, ridge=0.0, stationary=False)))
    assert torch.allclose(whitened.mean(dim=0), torch.zeros(6).double(), atol=1e-8)
    assert torch.allclose(whitened.T.cov(correction=0), torch.eye(6).double(), atol=1e-8)


def test_products_of_whitened_features_are_those_of_the_linear_discriminant():
    """(a - mean) S^-1 (b - mean), with a ridge in S."""
    features = [features_of(40, 0).double()]
    whitening = fit_whitening(features, ridge=0.3, stationary=False)
    centred = features[0] - features[0].mean(dim=0)
    inverse = (centred.T @ centred / 40 + 0.3 * torch.eye(6)).inverse()
    (whitened,) = whiten(features, whitening)
    assert torch.allclose(whitened @ whitened.T, centred @ inverse @ centred.T, atol=1e-8)


def test_stationary_statistics_are_those_of_the_slow_twin():
    features = noise(5, 8, 8, 31).double()
    mean, table = slow.stationary(features.numpy())
    whitening = fit_whitening([features[:2].flatten(1), features[2:].flatten(1)], ridge=0.05)
    covariance = (whitening.factor @ whitening.factor.T).view(8, 8, 31, 8, 8, 31)
    assert np.allclose(whitening.mean.view(8, 8, 31), mean)
    assert np.allclose(covariance[1, 2, :, 6, 0], table[5, -2])
    assert np.allclose(covariance[7, 7, :, 0, 0], table[-7, -7])
    assert np.allclose(covariance[4, 4, :, 4, 4], table[0, 0] + 0.05 * np.eye(31))


def test_two_proposals_are_enough_for_stationary_statistics():
    whitening = fit_whitening([noise(2, 1984)])
    assert torch.isfinite(whitening.factor).all()


# --- matching -----------------------------------------------------------------------------------------------------


def test_local_offset_matching_is_that_of_the_slow_twin():
    boxes, features = (boxes_of(15, 0), boxes_of(11, 1)), (features_of(15, 2), features_of(11, 3))
    matches = match_proposals(boxes, features)
    expected = slow.local_offset_matching(*(some.tolist() for some in (*boxes, *features)))
    assert np.allclose(matches.scores, expected, rtol=1e-4, atol=1e-12)
    assert (matches.scores > 0).any()
    assert matches.partners.tolist() == [int(np.argmax(row)) if max(row) > 0 else -1 for row in expected]


def test_identical_pictures_match_each_proposal_to_itself():
    boxes = boxes_of(30, 0)
    matches = match_proposals((boxes, boxes), (torch.eye(30), torch.eye(30)))
    assert matches.partners.tolist() == list(range(30))
    assert torch.allclose(matches.offsets, torch.tensor([0.0, 0.0, 1.0]).double())


def test_identical_pictures_match_by_their_gradients_too():
    picture, boxes = noise(1, 3, 100, 100), boxes_of(12, 0)
    features = whiten(hog(picture, [boxes]), fit_whitening(hog(picture, [boxes])))[0]
    assert match_proposals((boxes, boxes), (features, features)).partners.tolist() == list(range(12))


def test_a_shifted_picture_gives_the_shift_as_the_winning_offset():
    boxes, features = boxes_of(30, 0), features_of(30, 1, values=200)
    shift = torch.tensor([17, -9, 17, -9])
    matches = match_proposals((boxes, boxes + shift), (features, features))
    assert matches.partners.tolist() == list(range(30))
    assert torch.allclose(matches.offsets, torch.tensor([-17.0, 9.0, 1.0]).double())


def test_a_proposal_that_went_its_own_way_counts_less():
    """Three overlapping boxes of which the last one's twin lies 60 pixels off: exp(-0.05 * 60) of what it was."""
    boxes = torch.tensor([[0, 0, 20, 20], [2, 2, 22, 22], [4, 4, 24, 24]])
    moved = boxes + torch.tensor([[0], [0], [60]]) * torch.tensor([1, 0, 1, 0])
    scores = match_proposals((boxes, moved), (torch.eye(3), torch.eye(3))).scores
    assert torch.allclose(scores.diagonal(), torch.tensor([1, 1, np.exp(-0.05 * 60)]).double(), atol=1e-4)


def test_a_score_is_shared_out_among_the_surroundings():
    """Two proposals overlap, a third one stands alone: 2/3 and 1/3 of all confidence."""
    boxes = torch.tensor([[0, 0, 20, 20], [2, 2, 22, 22], [60, 60, 80, 80]])
    scores = match_proposals((boxes, boxes), (torch.eye(3), torch.eye(3))).scores
    assert torch.allclose(scores.diagonal(), torch.tensor([2 / 3, 2 / 3, 1 / 3]).double())


def test_boxes_of_very_different_shape_do_not_match():
    flat, square = torch.tensor([[0, 0, 20, 10]]), torch.tensor([[0, 0, 10, 10]])
    one = (torch.ones(1, 1), torch.ones(1, 1))
    assert match_proposals((flat, square), one).scores.item() == 0
    assert match_proposals((flat, square), one).partners.item() == -1
    assert match_proposals((flat, square), one, aspect=2.1).scores.item() > 0


def test_a_neighbour_that_looks_like_nothing_says_nothing_about_the_way():
    boxes = torch.tensor([[10, 10, 30, 30], [12, 10, 32, 30], [14, 10, 34, 30]])
    features = torch.tensor([[1.0, 0.0], [-1.0, -1.0], [-1.0, -1.0]])
    matches = match_proposals((boxes, boxes[:1] + 5), (features, features[:1]))
    assert torch.allclose(matches.offsets[0], torch.tensor([-5.0, -5.0, 1.0]).double())
    assert matches.scores[:, 0].tolist() == pytest.approx([1, 0, 0])


# --- all pairs ----------------------------------------------------------------------------------------------------

BOXES = [boxes_of(9, 0), boxes_of(0, 0), boxes_of(7, 1), boxes_of(8, 2)]
FEATURES = [features_of(len(some), seed) for seed, some in enumerate(BOXES)]
EVERYTHING = {"threshold": 0.0, "strongest": 100}


def block(scores, i, j):
    starts = np.cumsum([0, *map(len, BOXES)])
    return scores.toarray()[starts[i] : starts[i + 1], starts[j] : starts[j + 1]]


def test_correspondences_hold_the_scores_of_all_pairs_both_ways():
    scores = correspondences(BOXES, FEATURES, **EVERYTHING)
    expected = match_proposals((BOXES[0], BOXES[3]), (FEATURES[0], FEATURES[3])).scores
    assert scores.shape == (24, 24)
    assert np.allclose(block(scores, 0, 3), expected)
    assert np.array_equal(scores.toarray(), scores.toarray().T)
    assert not block(scores, 2, 2).any()


def test_a_picture_is_matched_with_itself_if_asked_for():
    scores = correspondences(BOXES, FEATURES, self_pairs=True, **EVERYTHING)
    assert np.allclose(block(scores, 2, 2), match_proposals((BOXES[2],) * 2, (FEATURES[2],) * 2).scores)


def test_low_scores_of_a_pair_are_left_out():
    every, high = correspondences(BOXES, FEATURES, **EVERYTHING), correspondences(BOXES, FEATURES, threshold=0.2)
    for i, j in ((0, 2), (0, 3), (2, 3)):
        whole = block(every, i, j)
        assert np.array_equal(block(high, i, j), np.where(whole >= 0.2 * whole.max(), whole, 0))


def test_the_strongest_scores_of_a_proposal_stay():
    every, few = correspondences(BOXES, FEATURES, **EVERYTHING), correspondences(BOXES, FEATURES, strongest=1)
    whole, left = block(every, 0, 3), block(few, 0, 3)
    first = (whole == whole.max(axis=0)) | (whole == whole.max(axis=1, keepdims=True))
    assert np.array_equal(left, np.where(first & (whole >= 0.01 * whole.max()), whole, 0))


def test_memory_is_bounded_at_500_proposals_for_each_of_50_images():
    """Two gigabytes and a half if dense, in float32."""
    boxes, features = [boxes_of(500, seed, size=224) for seed in (0, 1)], [features_of(500, seed) for seed in (2, 3)]
    scores = correspondences(boxes, features)
    assert scores.nnz <= 2 * 2 * 500 * 50
    each = scores.data.nbytes + scores.indices.nbytes
    assert each / 2 * 50 * 49 < 2.5e9 / 2


def test_the_order_of_proposals_does_not_matter():
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    first = match_proposals((BOXES[0], BOXES[3]), (FEATURES[0], FEATURES[3])).scores
    again = match_proposals((BOXES[0][order], BOXES[3]), (FEATURES[0][order], FEATURES[3])).scores
    assert torch.allclose(first[order], again)


def test_progress_is_told_of_every_pair():
    seen = []
    correspondences(BOXES, FEATURES, progress=lambda pairs: seen.extend(pairs) or pairs)
    assert len(seen) == 4 * 3 / 2


PICTURES, PAIR = torch.zeros(2, 3, 32, 32), [torch.tensor([[0, 0, 8, 8]])] * 2
ONES = [torch.ones(1, 4)] * 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hog(PICTURES, PAIR[:1]), "boxes: expected boxes for each image"),
        (
            lambda: hog(PICTURES, [PAIR[0], PAIR[0] + 30]),
            "boxes: expected boxes within 32 x 32, got others for image 1",
        ),
        (lambda: hog(PICTURES, [PAIR[0], PAIR[0].float()]), "boxes: expected an int64 tensor"),
        (lambda: hog(PICTURES, [PAIR[0], PAIR[0] * 0]), "boxes: .* with an area, got others for image 1"),
        (lambda: hog(PICTURES, PAIR, batch_size=0), "batch_size: expected an int"),
        (lambda: hog([PICTURES[0], PICTURES[0, :, 1:]], PAIR), "images: expected pictures of one size"),
        (lambda: fit_whitening([]), "features: expected"),
        (lambda: fit_whitening([ONES[0], torch.ones(1, 3)]), "features: expected .* of one number of values"),
        (lambda: fit_whitening(ONES), "features: expected 1984 values"),
        (lambda: fit_whitening(ONES[:1]), "features: expected those of at least two proposals"),
        (lambda: fit_whitening(ONES, ridge=0.0, stationary=False), "ridge: expected one that makes"),
        (lambda: fit_whitening(ONES, ridge=-1.0), "ridge: expected a variance"),
        (lambda: whiten(ONES, Whitening(torch.zeros(3), torch.eye(3))), "features: expected 3 values, got 4"),
        (lambda: whiten([ONES[0] * float("nan")], Whitening(torch.zeros(4), torch.eye(4))), "features: .* finite"),
        (lambda: match_proposals(PAIR, (ONES[0], torch.ones(2, 4))), "features: expected .1, 4. to go with"),
        (lambda: match_proposals(PAIR, ONES, aspect=1.0), "aspect: expected more than 1"),
        (lambda: match_proposals(PAIR, ONES, scale_weight=-1.0), "scale_weight: expected at least 0"),
        (lambda: correspondences(PAIR[:1], ONES[:1]), "boxes: expected proposals of at least two images"),
        (lambda: correspondences([PAIR[0][:0]] * 2, ONES), "boxes: expected at least one proposal, got none"),
        (lambda: correspondences(PAIR, ONES[:1]), "features: expected those of each image"),
        (lambda: correspondences(PAIR, ONES, threshold=1.0), "threshold: expected a share"),
        (lambda: correspondences(PAIR, ONES, strongest=0), "strongest: expected an int"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
