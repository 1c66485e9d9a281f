"""Metrics on boxes and maps whose score is arithmetic."""

import pytest
import torch

from xai_utils.metrics import box_iou, equal_error_threshold, maps_to_boxes, precision_recall, top1_localisation_error

FOUR = torch.tensor([[0, 0, 4, 4]])


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
        (lambda: equal_error_threshold(torch.zeros(1, 4, 4), torch.zeros(1, 4, 5) > 1), "regions: expected bool"),
        (lambda: equal_error_threshold(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4) > 1), "at least one pixel"),
        (lambda: precision_recall(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4), 0.5), "regions: expected bool"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
