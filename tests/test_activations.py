import pytest
import torch
from torch import nn

from xai_utils.activations import as_model, record, rest_of_model, trace


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


# --- trace ------------------------------------------------------------------------------------------------------


class Crossing(nn.Module):
    """Layers in place, a sum, a concatenation, a size, a layer called twice and one that is not called."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.twice, self.never = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, images):
        maps = self.first(images)
        sums = self.relu(self.twice(maps) + self.twice(maps - 0.5))
        both = torch.cat([maps, sums], dim=1)
        return both.reshape(both.shape[0], -1)


def test_a_trace_gives_what_the_model_gives_and_hooks_record(images):
    model = Crossing().eval()
    layers = ["first", "first.0", "first.1", "first.2", "twice", "relu"]
    with torch.no_grad(), record(model, layers) as recorded:
        answer = model(images)
    traced = trace(model, images)
    torch.testing.assert_close(traced.values[traced.output()], answer, rtol=0, atol=0)
    for layer in layers:
        torch.testing.assert_close(traced.values[traced.node(layer)], recorded[layer], rtol=0, atol=0)
        assert traced.shapes[traced.node(layer)] == recorded[layer].shape


def test_what_is_kept_is_not_overwritten_and_what_is_not_kept_is_gone(images):
    model = Crossing().eval()
    norm = lambda node: node.target == "first.1"  # noqa: E731  # its values are overwritten by the ReLU
    traced = trace(model, images, keep=norm)
    torch.testing.assert_close(traced.values[traced.node("first.1")], model.first[:2](images), rtol=0, atol=0)
    tensors = [node for node, value in traced.values.items() if isinstance(value, torch.Tensor)]
    assert tensors == [traced.node("first.1")]
    assert [value for value in traced.values.values() if isinstance(value, int)] == [2]  # the batch, a size


def test_who_reads_an_overwritten_value_later_reads_what_overwrote_it(images):
    class Late(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU(inplace=True)

        def forward(self, images):
            maps = images - 0.5
            early = maps * 2
            self.relu(maps)
            return early + maps

    model = Late().eval()
    traced = trace(model, images)
    torch.testing.assert_close(traced.values[traced.output()], model(images))
    early = next(node for node in traced.graph.nodes if node.name == "mul")
    assert early.args[0].name == "sub"
    assert traced.output().args[1] is traced.node("relu")


def test_overwriting_a_part_of_what_is_read_later_is_refused(images):
    class Part(nn.Module):
        def forward(self, images):
            maps = images * 2
            maps.flatten(1).sub_(1)
            return maps

    with pytest.raises(ValueError, match="model: expected no operation in place on a part of what is read later"):
        trace(Part().eval(), images)


def test_a_trace_leaves_pictures_and_model_alone():
    class Constant(nn.Module):
        def forward(self, images):
            return images.mul_(2) + torch.tensor([3.0])

    model, images = Constant().eval(), torch.rand(1, 3, 4, 4)
    before, attributes = images.clone(), set(vars(model))
    traced = trace(model, images)
    torch.testing.assert_close(traced.values[traced.output()], 2 * before + 3)
    assert torch.equal(images, before)
    assert set(vars(model)) == attributes  # torch.fx hangs constants on what it traces


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Conv2d(3, 4, 3), "model: expected eval mode"),
        (
            nn.Sequential(nn.Conv2d(4, 4, 3)).eval(),
            r"images: expected a size and a type that the model takes, got .*16",
        ),
        (nn.LSTM(4, 2).eval(), "model: expected one that torch.fx can trace"),
    ],
)
def test_what_cannot_be_traced_is_refused(model, message, images):
    with pytest.raises(ValueError, match=message):
        trace(model, images)


def test_a_layer_without_a_tensor_of_its_own_is_refused(images):
    traced = trace(Crossing().eval(), images)
    with pytest.raises(ValueError, match="layer: expected a layer that is reached and gives one tensor, got 'never'"):
        traced.node("never")
    with pytest.raises(ValueError, match="layer: expected the name of a layer"):
        traced.node("none")


def test_a_number_of_a_layer_is_kept_instead_of_its_output():
    model = nn.Sequential(nn.Linear(4, 3, bias=False), nn.ReLU(inplace=True)).eval()
    model[0].weight.data[:] = torch.tensor([[-1.0], [1.0], [2.0]])
    with record(model, ["0", "1"], keep=lambda name, output: output.sum() + int(name)) as kept:
        model(torch.ones(1, 4))
    assert {name: value.item() for name, value in kept.items()} == {"0": 8.0, "1": 13.0}  # -4 + 4 + 8; 4 + 8 + 1
    assert not model[0]._forward_hooks
