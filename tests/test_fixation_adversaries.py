"""Figure 9 of CNN Fixations: DeepFool, and explanations before and after it."""

import pytest
import torch

from xai_utils.experiments.cnn_fixations import adversaries
from xai_utils.experiments.cnn_fixations.adversaries import blind_to_the_class, deepfool, overlap
from xai_utils.experiments.records import read_records
from xai_utils.metrics import share_inside
from xai_utils.models import load_model, outputs
from xai_utils.parts import load_images


def distances(linear_model, images):
    """How far the planes lie on which another class draws level, [batch, other classes], nearest logit first."""
    logits, order = linear_model(images).sort(dim=1, descending=True)
    weight = linear_model[1].weight[order]  # [batch, classes, pixels]
    return (logits[:, :1] - logits[:, 1:]) / (weight[:, 1:] - weight[:, :1]).norm(dim=2)


@pytest.fixture
def inner(images):
    """Pictures so far from black and white that no noise is cut off."""
    return 0.3 + 0.4 * images


def test_the_noise_for_a_linear_model_is_the_way_to_the_nearest_plane(linear_model, inner):
    noise = deepfool(linear_model, inner) - inner
    nearest = distances(linear_model, inner).min(dim=1).values
    torch.testing.assert_close(noise.flatten(1).norm(dim=1), 1.02 * nearest, rtol=1e-3, atol=0)
    assert (outputs(linear_model, inner + noise).argmax(1) != outputs(linear_model, inner).argmax(1)).all()
    assert (outputs(linear_model, inner + 0.95 * noise).argmax(1) == outputs(linear_model, inner).argmax(1)).all()


def test_fewer_candidates_leave_fewer_planes(linear_model, inner):
    noise = deepfool(linear_model, inner, candidates=2, overshoot=0.1) - inner
    runner_up = distances(linear_model, inner)[:, 0]
    torch.testing.assert_close(noise.flatten(1).norm(dim=1), 1.1 * runner_up, rtol=1e-3, atol=0)


def test_pictures_of_parts_are_fooled_by_little_and_stay_pictures():
    model, images = load_model("parts/vgg"), load_images("test", range(3))[0]
    fooling = deepfool(model, images)
    assert (outputs(model, fooling).argmax(1) != outputs(model, images).argmax(1)).all()
    assert fooling.min() >= 0
    assert fooling.max() <= 1
    assert ((fooling - images).flatten(1).norm(dim=1) < 0.05 * images.flatten(1).norm(dim=1)).all()


def test_deepfool_takes_a_batch_as_it_takes_each_picture(small_model, images):
    together = deepfool(small_model, images)
    torch.testing.assert_close(torch.cat([deepfool(small_model, one[None]) for one in images]), together)
    assert all(parameter.grad is None for parameter in small_model.parameters())


def test_a_picture_that_is_not_to_be_fooled_comes_back():
    constant = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3)).eval()
    torch.nn.init.zeros_(constant[1].weight)
    images = torch.rand(1, 3, 2, 2)
    assert torch.equal(deepfool(constant, images), images)


@pytest.mark.parametrize(("knobs", "name"), [({"candidates": 1}, "candidates"), ({"steps": 0}, "steps")])
def test_bad_knobs_are_named(linear_model, images, knobs, name):
    with pytest.raises(ValueError, match=f"{name}: expected"):
        deepfool(linear_model, images, **knobs)
    with pytest.raises(ValueError, match="images: expected"):
        deepfool(linear_model, 2 * images)


def test_shares_and_overlaps_of_maps_are_arithmetic():
    left = torch.zeros(1, 40, 40)
    left[:, 15:25, 5:15] = 1
    right = left.flip(2)
    assert share_inside(left + right, left > 0) == 0.5
    assert share_inside(torch.zeros(1, 40, 40), left > 0) == 0
    assert overlap(left, 3 * left) == 1
    assert overlap(left, right, top=0.05) == 0
    assert overlap(left, torch.zeros(1, 40, 40)) == 0


def test_one_layer_sees_the_class_and_several_connected_ones_do_not(images):
    torch.manual_seed(0)
    one = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 4)).eval()
    assert not blind_to_the_class(one, images).any()
    assert blind_to_the_class(load_model("parts/vgg"), load_images("test", range(2))[0]).all()
    assert not blind_to_the_class(load_model("parts/resnet"), load_images("test", range(2))[0]).any()


def test_more_than_a_hundred_scenes_of_each_network_were_fooled():
    rows = read_records("fixation_adversaries")
    for model in adversaries.MODELS:
        fooled = [one for row in rows if row["configuration"]["model"] == model for one in row["result"]["fooled"]]
        assert sum(fooled) >= 100


def test_the_table_is_the_mean_over_the_fooled_scenes():
    measures = {"before": [0.5, 0.1, 0.9], "after": [0.3, 0.9, 0.5], "after, old label": [0, 0, 0]}
    measures |= {name: [1, 0, 1] for name in ("overlap", "overlap, old label", "overlap, both labels")}
    result = {"fooled": [True, False, True], "area": [0.2, 0.9, 0.4], "methods": {"some": measures}}
    table = adversaries.robustness([{"configuration": {"model": "m"}, "result": result}], "m")
    assert table["some"]["before"][0] == pytest.approx(0.7)
    assert table["some"]["change"][0] == pytest.approx(-0.3)
    assert table["some"]["overlap"] == (1, 1, 1)
    assert table["chance"]["after"][0] == pytest.approx(0.3)


def test_a_cell_of_the_record_is_what_the_code_computes_today():
    rows = read_records("fixation_adversaries")
    row = next(row for row in rows if row["configuration"] == {"model": "parts/alexnet", "scenes": [0, 20]})["result"]
    result = adversaries.measure_adversaries("parts/alexnet", [0, 2])
    assert result["scene"] == row["scene"][:2]
    assert result["noise"] == pytest.approx(row["noise"][:2], rel=0.1, abs=1e-4)
    for method, measures in result["methods"].items():
        for measure, values in measures.items():
            assert values == pytest.approx(row["methods"][method][measure][:2], abs=0.1), (method, measure)
