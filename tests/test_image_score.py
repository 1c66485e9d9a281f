"""Image scores: a slow twin, and what has to hold whatever the network."""

import math

import pytest
import torch
from torch import nn

from xai_utils.models import load_model
from xai_utils.papers.image_score import LayerReference, Reference, fit_reference, image_score, score_layers


@pytest.fixture
def network():
    """Two layers without biases: scaling a layer scales everything after it."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(294, 5, bias=False)
    ).eval()


@pytest.fixture
def many(generator):
    return torch.rand(9, 3, 16, 16, generator=generator)


def slow_scores(network, images, others, intersect):
    """Unit by unit and picture by picture."""
    scores = [0.0] * len(others)
    for end in (3, 5):
        with torch.no_grad():
            reference, answers = network[:end](images), network[:end](others)
        units = reference.flatten(1).double().mean(dim=0).tolist()
        threshold = max(units) / 2
        if threshold <= 0:
            continue
        important = [unit for unit, value in enumerate(units) if value >= threshold]
        for picture, values in enumerate(answers.flatten(1).tolist()):
            active = [unit for unit, value in enumerate(values) if value >= threshold]
            counted = set(active) & set(important) if intersect else active
            scores[picture] += math.log(max(1, len(counted)) / len(important))
    return scores


@pytest.mark.parametrize("intersect", [True, False])
def test_scores_are_those_of_the_slow_twin(network, many, intersect):
    reference = fit_reference(network, many, batch_size=4)
    found = image_score(network, many * 0.9, reference, intersect=intersect, batch_size=2)
    assert found.tolist() == pytest.approx(slow_scores(network, many, many * 0.9, intersect))


def test_layers_are_convolutions_and_linear_maps_with_what_follows():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.MaxPool2d(2), nn.Dropout(),
        nn.Flatten(), nn.Linear(144, 8), nn.ReLU(), nn.Linear(8, 2),
    ).eval()  # fmt: skip
    assert score_layers(model, torch.rand(1, 3, 16, 16)) == ("2", "4", "8", "9")
    assert not model[0]._forward_hooks


def test_a_module_that_runs_twice_is_passed_over():
    relu = nn.ReLU()
    model = nn.Sequential(nn.Conv2d(3, 4, 3), relu, nn.Conv2d(4, 4, 3), relu).eval()
    assert score_layers(model, torch.rand(1, 3, 16, 16)) == ("0", "2")
    with pytest.raises(ValueError, match="model: expected convolutions or linear layers"):
        score_layers(nn.Sequential(nn.ReLU()).eval(), torch.rand(1, 3, 4, 4))


@pytest.mark.parametrize("norm", ["max", "L1", "L2"])
def test_no_score_is_above_0_and_a_picture_scores_0_against_itself(network, many, norm):
    reference = fit_reference(network, many, norm=norm)
    assert (image_score(network, many, reference) <= 0).all()
    alone = fit_reference(network, many[:1], norm=norm)
    assert image_score(network, many[:1], alone).tolist() == [0.0]
    assert (image_score(network, many, reference, intersect=False) >= image_score(network, many, reference)).all()


def test_scores_do_not_depend_on_scale_order_or_batches(network, many):
    def scores(batch_size=64):
        return image_score(network, many, fit_reference(network, many, batch_size=batch_size), batch_size=batch_size)

    first = scores()
    assert torch.equal(scores(batch_size=2), first)
    network[0].weight.data *= 8  # a power of 2, so that nothing is rounded
    assert torch.equal(scores(), first)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    network[0].weight.data = network[0].weight.data[order]
    network[4].weight.data = network[4].weight.data.view(5, 6, 49)[:, order].reshape(5, 294)
    torch.testing.assert_close(scores(), first)


def test_the_sum_of_the_paper_keeps_the_units_and_empties_the_pictures(network, many):
    mean, summed = (fit_reference(network, many, variant=variant) for variant in ("mean", "paper"))
    for one, other in zip(mean.layers, summed.layers, strict=True):
        assert torch.equal(one.important, other.important)
        assert other.threshold == pytest.approx(9 * one.threshold)
    emptied = image_score(network, many, summed)
    assert emptied.tolist() == pytest.approx([-sum(math.log(layer.important.sum()) for layer in summed.layers)] * 9)


def test_layers_below_0_are_skipped_and_named(network, many):
    network[4].weight.data = -network[4].weight.data.abs()
    reference = fit_reference(network, many)
    assert ([layer.layer for layer in reference.layers], reference.skipped) == (["2"], ("4",))


def test_on_parts_pictures_of_the_class_score_higher_than_others():
    from xai_utils.parts import load_images

    images, labels = load_images("validation", range(60))
    model = load_model("parts/alexnet")
    own = labels == 2
    reference = fit_reference(model, images[own])
    scores = image_score(model, images, reference)
    assert scores[own].mean() > scores[~own].mean()


@pytest.fixture
def by_pixel():
    """Two layers that see one pixel at a time, so that a larger copy of a picture has larger copies of its maps."""
    torch.manual_seed(5)
    return nn.Sequential(nn.Conv2d(3, 6, 1), nn.ReLU(), nn.Conv2d(6, 4, 1), nn.ReLU()).eval()


def test_on_a_grid_a_picture_scores_the_same_at_two_sizes(by_pixel, many):
    reference = fit_reference(by_pixel, list(many), grid=(4, 2))
    assert [tuple(layer.important.shape) for layer in reference.layers] == [(6, 4, 2), (4, 4, 2)]
    dark = many[0] * torch.linspace(0, 1, 16)[:, None]  # at its top
    sizes = [dark, dark.repeat_interleave(2, dim=1), dark.repeat_interleave(3, dim=2), many[0]]
    one, high, wide, other = image_score(by_pixel, sizes, reference).tolist()
    assert one == high == wide < other
    mixed = [image.repeat_interleave(2, dim=1 + n % 2) for n, image in enumerate(many)]
    for layer, other in zip(fit_reference(by_pixel, mixed, grid=(4, 2)).layers, reference.layers, strict=True):
        assert layer.threshold == pytest.approx(other.threshold)
        assert torch.equal(layer.important, other.important)


def test_a_list_on_a_grid_is_the_tensor_on_it_and_the_maps_own_grid_changes_nothing(network, by_pixel, many):
    grid = (3, 5)
    for model in (network, by_pixel):  # one with a linear layer, which no grid touches
        tensor, several = fit_reference(model, many, grid=grid), fit_reference(model, list(many), grid=grid)
        assert tensor.grid == several.grid == grid
        assert image_score(model, many, tensor).tolist() == image_score(model, list(many), several).tolist()
    whole = [fit_reference(by_pixel, many), fit_reference(by_pixel, many, grid=(16, 16))]
    assert torch.equal(*(image_score(by_pixel, many * 0.9, reference) for reference in whole))


def test_pictures_of_several_sizes_need_a_grid(network, many):
    with pytest.raises(
        ValueError, match="images: expected a tensor, or with a grid a list of pictures, got 9 in a list"
    ):
        fit_reference(network, list(many))
    with pytest.raises(
        ValueError, match="images: expected a tensor, or with a grid a list of pictures, got 9 in a list"
    ):
        image_score(network, list(many), fit_reference(network, many))
    with pytest.raises(ValueError, match="got 0 in a list"):
        fit_reference(network, [], grid=(2, 2))
    with pytest.raises(ValueError, match="grid: expected an int of at least 1, got 0"):
        fit_reference(network, many, grid=(2, 0))


def test_bad_input_is_refused(network, many):
    reference = fit_reference(network, many)
    with pytest.raises(ValueError, match="norm: expected one of"):
        fit_reference(network, many, norm="L3")
    with pytest.raises(ValueError, match="variant: expected one of"):
        fit_reference(network, many, variant="sum")
    with pytest.raises(ValueError, match="layer: expected the name of a layer"):
        fit_reference(network, many, layers=["7"])
    with pytest.raises(TypeError, match="reference: expected one of fit_reference, got list"):
        image_score(network, many, [])
    with pytest.raises(ValueError, match="reference: expected layers with activated units, got none of 1"):
        image_score(network, many, Reference((), ("4",), 9))
    wrong = LayerReference("2", 0.1, torch.ones(2, 2, dtype=torch.bool))
    with pytest.raises(ValueError, match="images: expected those of the reference's size"):
        image_score(network, many, Reference((wrong,), (), 9))
    with pytest.raises(ValueError, match="eval mode"):
        image_score(network.train(), many, reference)


@pytest.mark.parametrize("intersect", [True, False])
def test_scores_do_not_depend_on_the_order_of_memory(network, many, intersect):
    reference = fit_reference(network, many)
    others = many.flip(0) * 0.8
    plain = image_score(network, others, reference, intersect=intersect)
    last = image_score(
        network.to(memory_format=torch.channels_last), others.contiguous(memory_format=torch.channels_last), reference,
        intersect=intersect,
    )  # fmt: skip
    assert torch.equal(plain, last)
