"""Table III of CNN Fixations: one box for each picture of classes that the network never saw."""

import pytest
import torch

from xai_utils.experiments.cnn_fixations import proposals
from xai_utils.experiments.records import read_records
from xai_utils.models import outputs
from xai_utils.parts import CLASSES


def test_no_class_is_seen_and_unseen():
    assert {*proposals.SEEN, *proposals.UNSEEN} == set(CLASSES)
    assert len(proposals.SEEN) + len(proposals.UNSEEN) == len(CLASSES)


def test_the_network_knows_the_seen_classes_only():
    model, pictures = proposals.seen_network(), proposals.seen_pictures(0, 60)
    assert model.classes == proposals.SEEN
    said = [CLASSES.index(model.classes[best]) for best in outputs(model, pictures.images).argmax(dim=1).tolist()]
    right = [one == labels[0] for one, labels in zip(said, pictures.labels, strict=True)]
    assert sum(right) >= 0.9 * len(right)


def test_unseen_pictures_show_one_and_two_unseen_objects_in_turns():
    pictures = proposals.unseen_pictures(0, 10)
    assert {len(labels) for labels in pictures.labels[::2]} == {1}
    assert max(len(labels) for labels in pictures.labels[1::2]) == 2
    assert {CLASSES[label] for labels in pictures.labels for label in labels} <= set(proposals.UNSEEN)
    assert [len(boxes) for boxes in pictures.boxes] == [len(labels) for labels in pictures.labels]


def test_a_box_hits_what_it_covers_by_more_than_half():
    truths = [torch.tensor([[0, 0, 10, 10], [10, 0, 20, 10]]), torch.empty(0, 4, dtype=torch.int64)]
    assert proposals.hits(torch.tensor([[0, 0, 10, 6], [0, 0, 9, 9]]), truths) == [[1, 0], []]
    assert proposals.hits(torch.tensor([[0, 0, 10, 5]]), truths[:1]) == [[0, 0]]  # exactly half
    assert proposals.hits(torch.tensor([[0, 0, 20, 9]]), truths[:1]) == [[0, 0]]


def test_recall_counts_objects_and_precision_counts_boxes():
    result = {"labels": [[6], [6, 7], [7], [7]], "found": [[1], [0, 1], [0], [0]]}
    table = proposals.mean_recall_precision(result)
    assert table["recall"][0] == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert table["precision"][0] == pytest.approx((2 / 2 + 1 / 3) / 2)
    assert table["recall"][1] <= table["recall"][0] <= table["recall"][2]


@pytest.mark.parametrize("search", [proposals.selective_search, proposals.edge_boxes])
def test_a_search_proposes_the_same_box_within_the_picture_again(search):
    images = proposals.unseen_pictures(0, 10).images[:3]
    boxes = search(None, images, None)[()]
    assert boxes.shape == (3, 4)
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert boxes.min() >= 0
    assert boxes.max() <= 128
    assert torch.equal(search(None, images, None)[()], boxes)


def test_edge_boxes_find_a_square_on_an_empty_ground():
    images = torch.full((1, 3, 128, 128), 0.5)
    images[:, :, 40:90, 30:100] = 0.9
    (box,) = proposals.edge_boxes(None, images, None)[()].tolist()
    assert box == pytest.approx([30, 40, 100, 90], abs=8)


def test_every_method_is_recorded_and_every_peer_that_is_not_has_a_reason():
    rows = read_records("fixation_proposals")
    assert {row["configuration"]["method"] for row in rows} >= set(proposals.METHODS)
    assert all(len(row["result"]["found"]) >= 300 for row in rows)
    assert not set(proposals.NOT_BUILT) & set(proposals.METHODS)


@pytest.mark.parametrize("method", ["fixations", "CAM", "EdgeBoxes", "centred box"])
def test_a_small_cell_of_the_record_is_what_the_code_computes_today(method):
    row = next(row for row in read_records("fixation_proposals") if row["configuration"]["method"] == method)["result"]
    pictures = proposals.unseen_pictures(0, 10)
    boxes = proposals.proposed(method, pictures)[tuple(row["setting"])]
    found = proposals.hits(boxes, pictures.boxes)
    assert pictures.labels == row["labels"][:10]
    assert sum(one != other for one, other in zip(found, row["found"][:10], strict=True)) <= 1
