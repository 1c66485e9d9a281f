from dataclasses import replace

import pytest
import torch
from torch import nn

from xai_utils.training import Recipe, accuracy, cropped, fit, padded, shifted, train

RECIPE = Recipe(epochs=3, batch_size=16, learning_rate=0.01, shift=1)


@pytest.fixture
def stripes(generator):
    """Pictures whose class is the colour channel that is brightest."""
    labels = torch.randint(3, (96,), generator=generator)
    images = torch.randint(100, (96, 3, 8, 8), generator=generator)
    images[torch.arange(96), labels] += 120
    return images.byte(), labels


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(216, 3))


def test_training_learns_and_can_be_repeated_to_the_bit(stripes):
    first, second = network(), network()
    epochs = list(train(first, stripes, stripes, RECIPE))
    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    assert epochs[-1].accuracy > 0.9
    assert epochs == list(train(second, stripes, stripes, RECIPE))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(stripes, tmp_path):
    whole, halves = network(), network()
    list(train(whole, stripes, stripes, RECIPE))
    for epoch in train(halves, stripes, stripes, RECIPE, checkpoint=tmp_path / "c.pt"):
        if epoch.number == 2:
            break
    resumed = network()
    rest = list(train(resumed, stripes, stripes, RECIPE, checkpoint=tmp_path / "c.pt"))
    assert [epoch.number for epoch in rest] == [3]
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_a_checkpoint_of_another_recipe_is_refused(stripes, tmp_path):
    next(train(network(), stripes, stripes, RECIPE, checkpoint=tmp_path / "c.pt"))
    with pytest.raises(ValueError, match="checkpoint: expected one made by"):
        next(train(network(), stripes, stripes, replace(RECIPE, epochs=5), checkpoint=tmp_path / "c.pt"))


def test_shifted_pictures_are_the_same_pictures_moved(generator):
    images = torch.randint(256, (20, 3, 9, 9), generator=generator).byte()
    larger = padded(images, 2)
    for image, result in zip(larger, shifted(larger, 2, generator), strict=True):
        candidates = [image[:, r : r + 9, c : c + 9].float() / 255 for r in range(5) for c in range(5)]
        assert any(torch.equal(result, candidate) for candidate in candidates)
    assert torch.equal(larger[:, :, 2:-2, 2:-2], images)
    assert torch.equal(larger[:, :, 0, 0], images[:, :, 0, 0])


def test_random_crops_hold_the_share_that_was_asked_for(generator):
    across = torch.linspace(0, 1, 64).expand(64, 64)
    ramps = torch.stack([across, across.T, torch.ones(64, 64)]).expand(200, 3, 64, 64)
    crops = cropped(ramps, 0.25, generator)
    width, height = (crops[:, i].amax(dim=(1, 2)) - crops[:, i].amin(dim=(1, 2)) for i in (0, 1))
    assert crops.shape == ramps.shape
    assert torch.allclose(crops[:, 2], torch.tensor(1.0))
    assert 0.18 < (width * height).min()
    assert (width * height).max() <= 1
    assert 0.45 < (width / height).min() < 0.75 < 1.3 < (width / height).max() < 2.2
    assert torch.equal(cropped(ramps, 1.0, generator), ramps)


def test_accuracy_counts_the_hits():
    images = torch.zeros(4, 3, 2, 2, dtype=torch.uint8)
    images[2:, 1] = 255
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    assert accuracy(model, images, torch.tensor([0, 1, 1, 1])) == 0.75


def test_a_loss_that_is_not_finite_stops_training_and_names_the_last_good_state(stripes, tmp_path):
    model, losses = network(), iter([1.0] * 6 + [float("nan")])

    def loss_of(chosen, generator):
        return model(stripes[0][chosen].float()).mean() * 0 + next(losses)

    loop = fit(model, 96, loss_of, RECIPE, checkpoint=tmp_path / "c.pt")
    assert next(loop)[0] == 1
    with pytest.raises(ValueError, match=r"got nan at step 1 of epoch 2; the last good state is in .*c\.pt"):
        next(loop)
    assert torch.load(tmp_path / "c.pt", weights_only=True)["epoch"] == 1


def test_groups_of_parameters_learn_at_their_own_pace(stripes):
    model = network()
    before = [parameter.clone() for parameter in model.parameters()]
    groups = [{"params": list(model[0].parameters()), "lr": 0.0}, {"params": list(model[4].parameters()), "lr": 0.01}]
    list(fit(model, 96, lambda chosen, _: model(stripes[0][chosen].float()).square().mean(), RECIPE, groups=groups))
    moved = [not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True)]
    assert moved == [False, False, True, True]
