"""Table II of CNN Fixations: pixels of the object, rightly and wrongly marked."""

import pytest
import torch
from torchvision.models import get_model

from xai_utils.activations import record
from xai_utils.experiments.cnn_fixations import saliency
from xai_utils.experiments.explanations import METHODS, MIDDLE, at_points, blurred, evidence, paper_sigma
from xai_utils.experiments.records import read_records
from xai_utils.experiments.statistics import bootstrap_ratio
from xai_utils.metrics import precision_recall
from xai_utils.models import load_model, outputs
from xai_utils.networks import ARCHITECTURES
from xai_utils.papers.cnn_fixations import cnn_fixations, fixation_map


def disc(side, centre, radius):
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def test_blurred_points_are_the_papers_map():
    points = [torch.tensor([[20, 30], [22, 90], [127, 0]]), torch.tensor([[64, 64]])]
    maps = blurred(at_points(points, (128, 128)), paper_sigma((128, 128)))
    torch.testing.assert_close(maps, fixation_map(points, (128, 128)), atol=2e-3, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_evidence_is_what_each_method_says_and_never_negative(method, generator):
    network, images = load_model("parts/alexnet"), torch.rand(2, 3, 128, 128, generator=generator)
    maps = evidence("parts/alexnet", network, method, images, torch.tensor([3, 5]))
    assert maps.shape == (2, 128, 128)
    assert maps.min() >= 0
    if method == "fixations":
        points = cnn_fixations(network, images, [3, 5])
        assert all(torch.equal(some.nonzero(), places) for some, places in zip(maps, points, strict=True))
    elif method in ("gradient", "Grad-CAM"):
        torch.testing.assert_close(maps, METHODS[method](network, images, torch.tensor([3, 5])))


@pytest.mark.parametrize("name", MIDDLE)
def test_winners_are_compared_at_about_a_sixteenth_of_the_side(name):
    side = 128 if name in ARCHITECTURES else 224
    network = ARCHITECTURES[name](10) if name in ARCHITECTURES else get_model(name, weights=None)
    with record(network.eval(), [MIDDLE[name]]) as values:
        outputs(network, torch.rand(1, 3, side, side))
    assert 15 < side / next(iter(values.values())).shape[2] < 19


def test_counts_are_those_of_precision_and_recall(generator):
    maps = torch.rand(6, 16, 16, generator=generator)
    regions = torch.rand(6, 16, 16, generator=generator) > 0.7
    limits = saliency.thresholds(maps, regions)
    right, marked, true = saliency.counts(maps, regions, limits)
    for group, limit in enumerate(limits):
        some = slice(2 * group, 2 * group + 2)
        precision, recall = precision_recall(maps[some], regions[some], limit)
        assert precision == pytest.approx(recall)
        assert float(right[group].sum() / marked[group].sum()) == pytest.approx(precision)
        assert float(right[group].sum() / true[group].sum()) == pytest.approx(recall)


def test_the_region_itself_cannot_be_beaten_and_a_coarse_grid_of_it_can():
    result = saliency.measure_saliency("parts/vgg", saliency.TRUTH, "paper", 2)
    assert result["precision"]["mean"] == result["recall"]["mean"] == [1, 1, 1]
    coarse, finer = (saliency.measure_saliency("parts/vgg", saliency.TRUTH, f"grid {n}", 2) for n in (4, 8))
    assert coarse["precision_at_eer"]["mean"][0] < finer["precision_at_eer"]["mean"][0] < 1


def test_a_grid_as_fine_as_the_map_leaves_it(generator):
    maps = torch.rand(1, 8, 8, generator=generator)
    torch.testing.assert_close(saliency.on_grid(maps, 8), maps)
    assert torch.allclose(saliency.on_grid(maps, 1), maps.mean().expand(1, 8, 8))


def test_one_point_in_a_disc_needs_a_blur_and_the_disc_needs_none():
    regions = torch.stack([disc(64, (30, 30 + group), 12) for group in range(3)])
    points = at_points([torch.tensor([[30, 30 + group]]) for group in range(3)], (64, 64))
    assert saliency.best_sigma(points, regions) > 0
    assert saliency.best_sigma(regions.float(), regions) == 0


def test_the_new_head_stands_on_an_unchanged_trunk():
    model, trunk = saliency.grouped_classifier("parts/vgg", 5), load_model("parts/vgg")
    head = {"network.classifier.7.weight", "network.classifier.7.bias"}
    ours, theirs = model.state_dict(), trunk.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours.keys() - head)
    pictures = saliency.grouped_pictures("train", 5)
    assert torch.equal(outputs(model, pictures.images).argmax(1), pictures.groups)  # it was fitted to these


def test_the_interval_of_a_ratio_widens_with_the_differences_between_pictures():
    same = bootstrap_ratio([[1, 1, 1, 1]], [[2, 2, 2, 2]])
    mixed = bootstrap_ratio([[0, 0, 2, 2]], [[2, 2, 2, 2]])
    assert same == (0.5, 0.5, 0.5)
    assert mixed[0] == 0.5
    assert mixed[1] < 0.3
    assert mixed[2] > 0.7


@pytest.mark.parametrize("method", ["fixations", saliency.ELSEWHERE])
def test_a_small_cell_of_the_record_is_what_the_code_computes_today(method):
    wanted = {"model": "parts/vgg", "method": method, "smoothing": "paper", "pictures": saliency.QUICK}
    row = next(row for row in read_records("saliency") if row["configuration"] == wanted)
    result = saliency.measure_saliency(**wanted)
    for what in ("precision", "recall", "precision_at_eer"):
        assert result[what]["mean"] == pytest.approx(row["result"][what]["mean"], abs=0.02)


def test_the_whole_table_is_recorded():
    rows = [row for row in read_records("saliency") if row["configuration"]["pictures"] == saliency.FULL]
    found = {(row["configuration"]["method"], row["configuration"]["smoothing"]) for row in rows}
    assert found >= {(method, how) for method in METHODS for how in ("paper", "tuned")}
    (head,) = read_records("saliency_classifier")
    assert head["result"]["accuracy"][1] > 0.9
