import pytest
import torch
from torch import nn

from xai_utils.activations import as_model, record, rest_of_model


def test_recorded_layers_are_what_the_layers_put_out(small_model, images):
    with record(small_model, ["0", "4"]) as recorded:
        small_model(images)
    torch.testing.assert_close(recorded["0"], small_model[0](images))
    torch.testing.assert_close(recorded["4"], small_model[:5](images))


def test_no_hook_stays_behind_after_an_error(small_model, images):
    def look():
        with record(small_model, ["2", "4"]):
            small_model(images[:, :2])

    with pytest.raises(RuntimeError):
        look()
    with pytest.raises(ValueError, match="layer: expected the name of a layer"), record(small_model, ["2", "none"]):
        pass
    assert not any(module._forward_hooks for module in small_model.modules())


def test_a_layer_as_a_model_keeps_the_order_channel_row_column(small_model, images):
    units = small_model[:3](images)
    torch.testing.assert_close(as_model(small_model, "2")(images), units.flatten(1))
    torch.testing.assert_close(as_model(small_model, "2", average=True)(images), units.mean((2, 3)))
    torch.testing.assert_close(as_model(small_model, "8")(images), small_model(images))


def test_in_place_layers_do_not_reach_what_was_recorded_or_given():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 1)).eval()
    images = torch.rand(2, 3, 5, 5)
    with record(model, ["0"]) as recorded:
        model(images)
    assert recorded["0"].min() < 0
    units = recorded["0"].detach()
    before = units.clone()
    torch.testing.assert_close(rest_of_model(model, "0", images[:1])(units), model(images))
    assert torch.equal(units, before)


def test_asking_a_layer_leaves_every_submodules_mode_alone():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    model[0].eval()
    as_model(model, "1")
    assert [module.training for module in model.modules()] == [True, False, True]


def test_the_rest_of_a_model_with_a_bypass_is_the_whole_model():
    class Bypass(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)

        def forward(self, images):
            return torch.cat([self.left(images), self.right(images)], 1).mean((2, 3))

    model, image = Bypass().eval(), torch.rand(1, 3, 4, 4)
    rest = rest_of_model(model, "left", image)
    units = torch.rand(5, 2, 4, 4)
    answers = rest(units)
    torch.testing.assert_close(answers[:, :2], units.mean((2, 3)))
    torch.testing.assert_close(answers[:, 2:], model(image)[:, 2:].expand(5, -1))
    assert not model.left._forward_hooks
