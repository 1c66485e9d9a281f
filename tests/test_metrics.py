"""Metrics on boxes and maps whose score is arithmetic."""

import math

import pytest
import torch
from torch import nn

from xai_utils.metrics import (
    box_iou,
    boxes_around,
    crop_scores,
    deletion_curve,
    equal_error_threshold,
    infidelity,
    insertion_curve,
    localisation_error,
    maps_to_boxes,
    pointing_game,
    precision_recall,
    saliency_metric,
    smallest_regions,
    top1_localisation_error,
)

FOUR = torch.tensor([[0, 0, 4, 4]])
PICTURE = torch.full((1, 3, 8, 8), 0.5)


def test_the_overlap_is_intersection_over_union_of_the_best_true_box():
    assert box_iou(FOUR, [torch.tensor([[0, 0, 4, 4]])]).tolist() == [1.0]
    assert box_iou(FOUR, [torch.tensor([[2, 2, 6, 6]])]).tolist() == [pytest.approx(4 / 28)]
    assert box_iou(FOUR, [torch.tensor([[2, 2, 6, 6], [0, 0, 4, 2], [9, 9, 10, 10]])]).tolist() == [0.5]
    assert box_iou(FOUR, [torch.tensor([[4, 0, 8, 4]])]).tolist() == [0.0]  # they touch


def test_a_box_without_area_and_a_picture_without_objects_overlap_with_nothing():
    nothing = torch.tensor([[0, 0, 0, 0]])
    assert box_iou(nothing, [nothing]).tolist() == [0.0]
    assert box_iou(FOUR, [torch.empty(0, 4)]).tolist() == [0.0]
    assert box_iou(torch.empty(0, 4), []).tolist() == []


def test_an_error_has_the_wrong_class_or_a_box_that_overlaps_by_less_than_half():
    boxes = torch.tensor([[0, 0, 4, 2], [0, 0, 4, 1], [0, 0, 4, 4], [0, 0, 4, 1]])
    errors = top1_localisation_error(boxes, [FOUR] * 4, predicted=[1, 1, 2, 2], labels=1)
    assert errors.tolist() == [False, True, True, True]  # an IoU of exactly one half is a hit


def test_the_box_is_that_of_the_largest_piece_above_the_threshold():
    maps = torch.zeros(2, 6, 8)
    maps[0, 1:3, 2:5], maps[0, 5, 7] = 0.6, 1.0
    maps[1] = maps[0].flip(0) - 3.0  # the same upside down, on another scale
    assert maps_to_boxes(maps, 0.5).tolist() == [[2, 1, 5, 3], [2, 3, 5, 5]]
    assert maps_to_boxes(maps, 0.7).tolist() == [[7, 5, 8, 6], [7, 0, 8, 1]]
    assert maps_to_boxes(torch.zeros(1, 6, 8), 0.7).tolist() == [[0, 0, 8, 6]]  # a map that says nothing marks all


def test_a_box_around_everything_leaves_no_scattered_pixel_out():
    maps = torch.zeros(1, 6, 8)
    maps[0, 1:3, 2:5], maps[0, 5, 7] = 0.6, 1.0
    assert maps_to_boxes(maps, 0.5, around="everything").tolist() == [[2, 1, 8, 6]]
    assert maps_to_boxes(maps, 0.7, around="everything").tolist() == [[7, 5, 8, 6]]


def test_at_the_equal_error_threshold_precision_is_recall():
    generator = torch.Generator().manual_seed(0)
    maps, regions = torch.rand(3, 9, 9, generator=generator), torch.rand(3, 9, 9, generator=generator) > 0.7
    precision, recall = precision_recall(maps, regions, equal_error_threshold(maps, regions))
    assert precision == recall
    assert precision_recall(regions.float(), regions, 0.5) == (1.0, 1.0)
    assert precision_recall(maps, regions, 2.0) == (0.0, 0.0)


def test_the_box_around_a_mask_holds_all_that_exceeds_the_threshold():
    maps = torch.zeros(4, 6, 8)
    maps[0, 1:3, 2:5], maps[0, 5, 7], maps[0, 0, 0] = 0.6, 1.0, 0.5  # 0.5 does not exceed 0.5
    maps[2], maps[3] = 1.0, 0.4
    boxes, empty = boxes_around(maps)
    assert boxes.tolist() == [[2, 1, 8, 6], [0, 0, 8, 6], [0, 0, 8, 6], [0, 0, 8, 6]]
    assert empty.tolist() == [False, True, False, True]  # a full mask is not an empty one


def test_a_localisation_needs_more_than_half_of_any_true_box_and_an_empty_mask_has_none():
    maps, whole = torch.zeros(5, 4, 8), torch.tensor([[0, 0, 8, 4]])
    maps[0, :, :4], maps[1, :, :5], maps[3] = 1.0, 1.0, 1.0  # half, more than half, nothing, all
    maps[4, 0, 0], maps[4, 3, 3] = 1.0, 1.0  # two corners of a square
    other = torch.tensor([[7, 0, 8, 1], [0, 0, 4, 4]])
    assert localisation_error(maps, [whole] * 4 + [other]).tolist() == [True, False, True, False, False]


def coin(images):
    """Two classes of equal probability, whatever the picture."""
    return nn.Sequential(nn.Flatten(), nn.Linear(images[0].numel(), 2)).eval().requires_grad_(False).apply(zeroed)


def zeroed(module):
    if isinstance(module, nn.Linear):
        module.weight.zero_()
        module.bias.zero_()


class Brightness(nn.Module):
    """Logits (slope * (mean brightness - middle), 0)."""

    def __init__(self, slope=20.0, middle=0.5):
        super().__init__()
        self.slope, self.middle = slope, middle

    def forward(self, images):
        lead = self.slope * (images.mean(dim=(1, 2, 3)) - self.middle)
        return torch.stack([lead, torch.zeros_like(lead)], dim=1)


def test_the_saliency_metric_is_the_log_of_the_area_less_that_of_the_probability():
    images, maps = torch.rand(4, 3, 20, 20), torch.zeros(4, 20, 20)
    maps[0, 5:15, 5:15], maps[1, 3, 3], maps[3] = 0.9, 0.9, 0.9  # a quarter, one pixel, nothing, all
    found = saliency_metric(coin(images), images, 1, maps)
    assert found.areas.tolist() == pytest.approx([0.25, 1 / 400, 1.0, 1.0])
    assert found.scores.tolist() == pytest.approx([math.log(a / 0.5) for a in (0.25, 0.05, 1, 1)])
    assert found.probabilities.tolist() == pytest.approx([0.5] * 4)
    assert found.empty.tolist() == [False, False, True, False]


def test_the_crop_is_tight_and_fills_the_models_input():
    images = torch.zeros(1, 3, 12, 16)
    images[:, :, 2:5, 3:13] = 1  # white where the map is
    found = saliency_metric(Brightness().eval(), images, 0, images[:, 0])
    assert found.probabilities.item() == pytest.approx(torch.sigmoid(torch.tensor(10.0)).item())
    looser = crop_scores(Brightness().eval(), images, 0, torch.tensor([[3, 2, 13, 8]]))
    assert looser.probabilities.item() == pytest.approx(0.5, abs=0.01)


def test_a_class_that_is_ruled_out_scores_badly_but_finitely():
    images = torch.zeros(1, 3, 8, 8)
    found = saliency_metric(Brightness(slope=1e4).eval(), images, 0, torch.ones(1, 8, 8))
    assert found.scores.item() == pytest.approx(5e3)
    assert found.probabilities.item() == 0


def test_the_smallest_regions_of_a_model_that_counts_bright_pixels():
    images, maps = torch.zeros(1, 3, 10, 10), torch.rand(1, 10, 10, generator=torch.Generator().manual_seed(0))
    images[maps[:, None].expand_as(images) > maps.median()] = 1.0  # the map's better half
    model, black = Brightness(middle=0.295).eval(), torch.zeros(1)
    found = smallest_regions(model, images, 0, maps, baseline=black, steps=100)
    assert found.sufficient.item() == pytest.approx(0.30)  # 30 white pixels make it confident
    assert found.destroying.item() == pytest.approx(0.21)  # with 21 of 50 gone, 29 are left
    backwards = smallest_regions(model, images, 0, -maps, baseline=black, steps=100)
    assert backwards.sufficient.item() == pytest.approx(0.80)
    assert backwards.destroying.item() == pytest.approx(0.71)


def test_regions_that_do_not_exist_and_regions_of_nothing():
    images, maps = torch.full((1, 3, 4, 4), 0.4), torch.zeros(1, 4, 4)  # a map that says nothing orders by place
    never = smallest_regions(Brightness(middle=0.5).eval(), images, 0, maps, baseline=torch.zeros(1))
    assert math.isnan(never.sufficient.item())
    assert never.destroying.item() == 0
    always = smallest_regions(Brightness(middle=-0.5).eval(), images, 0, maps, baseline=torch.zeros(1))
    assert always.sufficient.item() == 0
    assert math.isnan(always.destroying.item())
    middling = smallest_regions(Brightness(middle=0.15).eval(), images, 0, maps + 1, baseline=torch.zeros(1), steps=4)
    assert middling == (torch.tensor([0.5]), torch.tensor([0.75]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: box_iou(torch.zeros(4), [FOUR]), r"boxes: expected \[boxes, 4\]"),
        (lambda: box_iou(torch.tensor([[5, 0, 4, 4]]), [FOUR]), "boxes: expected boxes that end after they begin"),
        (lambda: box_iou(FOUR, [FOUR, FOUR]), "truths: expected true boxes for each image"),
        (lambda: top1_localisation_error(FOUR, [FOUR], [1, 2], [1]), "target: expected one class"),
        (lambda: maps_to_boxes(torch.zeros(4, 4), 0.5), "maps: expected finite values"),
        (lambda: maps_to_boxes(torch.full((1, 4, 4), torch.nan), 0.5), "maps: expected finite values"),
        (lambda: maps_to_boxes(torch.zeros(1, 4, 4), 50), "threshold: expected a share"),
        (lambda: maps_to_boxes(torch.zeros(1, 4, 4), 0.5, around="pieces"), "around: expected"),
        (lambda: boxes_around(torch.zeros(4, 4)), "maps: expected finite values"),
        (lambda: localisation_error(torch.zeros(2, 4, 4), [FOUR]), "truths: expected true boxes for each image"),
        (lambda: saliency_metric(Brightness().eval(), PICTURE, 0, torch.zeros(1, 4, 5)), "maps: expected shape"),
        (lambda: saliency_metric(Brightness().eval(), PICTURE, 2, torch.zeros(1, 8, 8)), "target: expected classes"),
        (lambda: saliency_metric(Brightness(), PICTURE, 0, torch.zeros(1, 8, 8)), "model: expected eval mode"),
        (lambda: crop_scores(Brightness().eval(), PICTURE, 0, torch.tensor([[0, 0, 9, 4]])), "boxes: expected whole"),
        (lambda: crop_scores(Brightness().eval(), PICTURE, 0, torch.tensor([[4, 0, 4, 4]])), "boxes: expected whole"),
        (lambda: crop_scores(Brightness().eval(), PICTURE, 0, FOUR.float()), "boxes: expected whole pixels"),
        (
            lambda: smallest_regions(Brightness().eval(), PICTURE, 0, PICTURE[:, 0], baseline=PICTURE, confidence=1.0),
            "confidence: expected a probability",
        ),
        (lambda: equal_error_threshold(torch.zeros(1, 4, 4), torch.zeros(1, 4, 5) > 1), "regions: expected bool"),
        (lambda: equal_error_threshold(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4) > 1), "at least one pixel"),
        (lambda: precision_recall(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4), 0.5), "regions: expected bool"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.fixture
def adding():
    """The probability of class 1 depends on the sum of the red pixels, that of class 0 on nothing."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).eval()
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].bias.zero_()
        model[1].weight[1, :4] = 1.0
    return model


def test_deletion_of_a_linear_model_is_the_sorted_sum(adding):
    image = torch.zeros(1, 3, 2, 2)
    image[0, 0] = torch.tensor([[0.1, 0.4], [0.3, 0.2]])
    curve = deletion_curve(adding, image, 1, image[:, 0], baseline=torch.zeros_like(image), steps=4)
    assert torch.allclose(curve[0], torch.tensor([1.0, 0.6, 0.3, 0.1, 0.0]).sigmoid())


def test_insertion_is_deletion_backwards_for_the_opposite_map(adding, generator):
    image, maps = torch.rand(2, 3, 2, 2, generator=generator), torch.rand(2, 2, 2, generator=generator)
    baseline = torch.rand(2, 3, 2, 2, generator=generator)
    inserted = insertion_curve(adding, image, 1, maps, baseline=baseline, steps=4, batch_size=1)
    deleted = deletion_curve(adding, image, 1, -maps, baseline=baseline, steps=4)
    assert torch.allclose(inserted, deleted.flip(1))


def test_curves_begin_and_end_at_picture_and_baseline_whatever_the_steps(small_model, images):
    maps, baseline = torch.rand(2, 16, 16), torch.zeros_like(images)
    ends = [small_model(some).softmax(dim=1)[:, 2] for some in (images, baseline)]
    for steps in (1, 7, 256):
        curve = deletion_curve(small_model, images, 2, maps, baseline=baseline, steps=steps)
        assert curve.shape == (2, steps + 1)
        assert torch.allclose(curve[:, 0], ends[0], atol=1e-6)
        assert torch.allclose(curve[:, -1], ends[1], atol=1e-6)


def test_curves_refuse_a_baseline_of_another_shape_and_too_many_steps(adding):
    image = torch.rand(1, 3, 2, 2)
    with pytest.raises(ValueError, match=r"baseline: expected the images' shape \[1, 3, 2, 2\]"):
        deletion_curve(adding, image, 0, image[:, 0], baseline=torch.zeros(3, 2, 2), steps=4)
    with pytest.raises(ValueError, match="steps"):
        insertion_curve(adding, image, 0, image[:, 0], baseline=image, steps=5)


def test_pointing_hits_where_the_maximum_lies():
    maps = torch.zeros(3, 4, 4)
    maps[0, 1, 2] = maps[1, 3, 3] = 1.0
    regions = torch.zeros(3, 4, 4, dtype=torch.bool)
    regions[:, :2] = True
    assert pointing_game(maps, regions).tolist() == [True, False, False]


def test_infidelity_is_what_a_slow_count_of_squares_finds(small_model, images, generator):
    baseline, maps = torch.zeros_like(images), torch.rand(images[:, 0].shape, generator=generator)
    found = infidelity(small_model, images, 1, maps, baseline=baseline, side=5, draws=6,
                       generator=torch.Generator().manual_seed(3), batch_size=len(images) * 6)  # fmt: skip
    draw = torch.Generator().manual_seed(3)
    for image, one, value in zip(images, maps, found, strict=True):
        said, true = [], []
        for _ in range(6):
            top, left = (int(torch.randint(side - 4, (), generator=draw)) for side in one.shape)
            changed = image.clone()
            changed[:, top : top + 5, left : left + 5] = 0
            odds = [torch.logit(small_model(p[None]).double().softmax(1)[0, 1]) for p in (image, changed)]
            said.append(one[top : top + 5, left : left + 5].double().sum())
            true.append(odds[0] - odds[1])
        said, true = torch.stack(said), torch.stack(true).detach()
        factor = (said * true).sum() / said.square().sum()
        assert value == pytest.approx(float((factor * said - true).square().mean()), rel=1e-4)


def test_a_map_that_says_what_every_square_costs_has_no_infidelity(adding):
    image = torch.rand(1, 3, 2, 2)
    weights = adding[1].weight.detach()
    worth = (image.flatten() * (weights[1] - weights[0])).view(3, 2, 2).sum(dim=0)[None]  # log-odds are a sum
    knobs = {"baseline": torch.zeros_like(image), "side": 1, "draws": 8}
    right, none = (infidelity(adding, image, 1, maps, **knobs) for maps in (worth, torch.zeros_like(worth)))
    assert right == pytest.approx(0, abs=1e-9)
    assert none > 0


def test_infidelity_names_a_bad_side_and_baseline(adding):
    image = torch.rand(1, 3, 2, 2)
    with pytest.raises(ValueError, match="side: expected"):
        infidelity(adding, image, 0, image[:, 0], baseline=image, side=3)
    with pytest.raises(ValueError, match="baseline: expected the images' shape"):
        infidelity(adding, image, 0, image[:, 0], baseline=image[0], side=1)
