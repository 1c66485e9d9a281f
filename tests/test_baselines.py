"""The baselines against the libraries that compute them, slow twins, closed forms, and on every kind of network."""

import os
import warnings
from copy import deepcopy
from functools import cache, partial

import pytest
import torch
import torch.nn.functional as F
from captum.attr import GuidedBackprop, IntegratedGradients, LayerGradCam, Occlusion, Saliency
from torch import nn
from torchvision.models import get_model
from zennit.attribution import Gradient
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import EpsilonPlusFlat, ExcitationBackprop
from zennit.torchvision import ResNetCanonizer

from tests.oracles.baselines import DeconvolvedReLU, GuidedReLU, winning_probability
from xai_utils import ConstantSampler, gradient, load_model, prediction_difference
from xai_utils.activations import record
from xai_utils.baselines import (
    cam,
    contrastive_mwp,
    deconvolution,
    excitation_backprop,
    grad_cam,
    gradient_times_input,
    guided_backprop,
    integrated_gradients,
    last_spatial_layer,
    lrp,
)
from xai_utils.baselines.unfolding import merge_batch_norms, traced_once, unfolded
from xai_utils.models import Classifier
from xai_utils.pictures import load_photograph

# A layer in the middle of every network on which a baseline is shown.
MIDDLE = {
    "parts/alexnet": "features.5",
    "parts/vgg": "features.5",
    "parts/googlenet": "features.inception4a",
    "parts/resnet": "features.layer3",
    "parts/densenet": "features.denseblock3",
    "squeezenet1_1": "features.7",
    "resnet18": "layer2",
    "resnet50": "layer2",
    "vgg16": "features.23",
    "googlenet": "inception4a",
    "densenet121": "features.denseblock2",
}
POOLED = ("googlenet", "resnet", "densenet")  # these end in global average pooling and one linear layer


@cache
def network(name):
    """A miniature, or a network of torchvision with random weights and batch norms that suit our pictures."""
    if name.startswith("parts/"):
        return load_model(name)
    torch.manual_seed(3)
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    net = get_model(name, weights=None, num_classes=20, **options)
    if name == "vgg16":  # the same head, a hundredth of the work
        net.classifier[0], net.classifier[3], net.classifier[6] = (
            nn.Linear(25088, 40),
            nn.Linear(40, 40),
            nn.Linear(40, 20),
        )
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        net.train()(scenes(6) * 4 - 2)
    classes = [str(number) for number in range(20)]
    return Classifier(net, mean=[0.5] * 3, std=[0.25] * 3, classes=classes, input_size=(96, 96)).eval()


def scenes(count, size=96):
    """Smooth random pictures."""
    coarse = torch.rand(count, 3, size // 8, size // 8, generator=torch.Generator().manual_seed(4))
    return F.interpolate(coarse, size=(size, size), mode="bilinear").clamp(0, 1)


def pictures(name, count=1):
    return scenes(count, 128 if name.startswith("parts/") else 96)


def correlation(one, other):
    return torch.corrcoef(torch.stack([one.flatten(), other.flatten()]).double())[0, 1].item()


@pytest.fixture
def pooled_model():
    """Global average pooling and one linear layer; the feature maps have the size of the picture."""
    torch.manual_seed(5)
    features = [nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 5, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(5, 4)).eval()


# --- gradients --------------------------------------------------------------------------------------------------


def test_the_gradient_of_a_linear_model_is_its_largest_weight(linear_model, images):
    weights = linear_model[1].weight[3].reshape(3, 16, 16)
    torch.testing.assert_close(gradient(linear_model, images, 3), weights.abs().amax(0).expand(2, -1, -1))


def test_the_gradient_is_captums(small_model, images):
    pixels = images.clone().requires_grad_()
    expected = Saliency(small_model).attribute(pixels, torch.tensor([0, 2])).amax(1)
    torch.testing.assert_close(gradient(small_model, images, [0, 2]), expected)


def test_gradient_times_input_of_a_linear_model_adds_up_to_its_logit(linear_model, images):
    maps = gradient_times_input(linear_model, images, 1)
    torch.testing.assert_close(maps.sum((1, 2)), linear_model(images)[:, 1] - linear_model[1].bias[1])


def test_a_grey_prediction_difference_is_captums_occlusion(small_model, images):
    """Zeiler and Fergus' grey patch is a prediction difference whose sampler always says grey."""
    maps = prediction_difference(
        small_model, images, 1, sampler=ConstantSampler(0.5), patch=4, stride=2, samples=1, output="activation"
    )
    expected = Occlusion(small_model).attribute(images, (3, 4, 4), (3, 2, 2), baselines=0.5, target=1)
    torch.testing.assert_close(maps, expected[:, 0], rtol=1e-3, atol=1e-5)


def test_integrated_gradients_of_a_linear_model_are_weight_times_difference(linear_model, images):
    weights = linear_model[1].weight[2].reshape(3, 16, 16)
    maps = integrated_gradients(linear_model, images, 2, baseline=0.25, steps=3)
    torch.testing.assert_close(maps, (weights * (images - 0.25)).sum(1))


def test_integrated_gradients_add_up_to_the_difference_of_the_logits(small_model, images):
    maps = integrated_gradients(small_model, images, [1, 3], steps=300)
    logits = small_model(images) - small_model(torch.zeros_like(images))
    torch.testing.assert_close(maps.sum((1, 2)), logits[[0, 1], [1, 3]], rtol=1e-2, atol=1e-3)


def test_integrated_gradients_are_captums(small_model, images):
    expected = IntegratedGradients(small_model).attribute(images, 0.5, torch.tensor([0, 2]), n_steps=20)
    maps = integrated_gradients(small_model, images, [0, 2], baseline=0.5, steps=20, batch_size=7)
    torch.testing.assert_close(maps, expected.sum(1).float())


@pytest.mark.parametrize("knobs", [{"baseline": 2.0}, {"steps": 0}, {"batch_size": 0}])
def test_a_bad_knob_of_integrated_gradients_is_refused(small_model, images, knobs):
    with pytest.raises(ValueError, match=f"{next(iter(knobs))}: expected"):
        integrated_gradients(small_model, images, 0, **knobs)


@pytest.mark.parametrize(("method", "rule"), [(guided_backprop, GuidedReLU), (deconvolution, DeconvolvedReLU)])
@pytest.mark.parametrize("name", ["parts/alexnet", "parts/densenet", "resnet18", "googlenet", "densenet121"])
def test_changed_relus_are_all_changed(method, rule, name, monkeypatch):
    """The twin replaces PyTorch's own relu, so that functional, repeated and in-place ReLUs all follow the rule."""
    model, image = network(name), pictures(name)
    maps = method(model, image, 3)
    monkeypatch.setattr(F, "relu", lambda values, inplace=False: rule.apply(values))
    pixels = image.clone().requires_grad_()
    (expected,) = torch.autograd.grad(model(pixels)[:, 3].sum(), pixels)
    torch.testing.assert_close(maps, expected.abs().amax(1), rtol=1e-3, atol=1e-4 * expected.abs().max().item())


def test_captum_alone_overlooks_functional_relus():
    """Why the network is unfolded first: captum's guided backprop through GoogLeNet is the plain gradient."""
    model, image = network("googlenet"), pictures("googlenet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alone = GuidedBackprop(model).attribute(image.clone().requires_grad_(), 3).abs().amax(1)
    torch.testing.assert_close(alone, gradient(model, image, 3))
    assert correlation(guided_backprop(model, image, 3), alone) < 0.9


@pytest.mark.parametrize("method", [guided_backprop, deconvolution])
def test_a_network_without_relus_is_refused(method, images):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(4 * 196, 4)).eval()
    with pytest.raises(ValueError, match="model: expected a network with ReLUs"):
        method(model, images, 0)


# --- unfolding --------------------------------------------------------------------------------------------------


class Written(nn.Module):
    """One network, with every operation written in a way that hooks on modules would miss."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True)
        self.linear = nn.Linear(4, 4)

    def forward(self, images):
        units = self.relu(self.conv(images))
        units = self.relu(units - 0.1)
        more = torch.relu(F.avg_pool2d(units, kernel_size=3, stride=1, padding=1)) + F.relu(units, inplace=True)
        more += (units - 0.2).relu()
        pooled = F.adaptive_avg_pool2d(more, (1, 1)) + more.mean((2, 3), keepdim=True)
        return self.linear(torch.flatten(pooled, 1) + torch.mean(more, dim=[-1, -2]))


def test_every_operation_becomes_a_module_of_its_own(images):
    torch.manual_seed(9)
    model = Written().eval()
    copy = unfolded(traced_once(model, images)).model
    torch.testing.assert_close(copy(images), model(images))
    kinds = [type(module).__name__ for module in copy.children()]
    assert kinds.count("ReLU") == 5
    assert kinds.count("Plus") == 4
    assert sum(isinstance(module, nn.AvgPool2d) for module in copy.children()) == 1
    assert sum(isinstance(module, nn.AdaptiveAvgPool2d) for module in copy.children()) == 3
    assert not any(getattr(module, "inplace", False) for module in copy.modules())
    assert copy.step_conv.weight is model.conv.weight
    assert model.relu.inplace


# --- class activation -------------------------------------------------------------------------------------------


def test_the_mean_of_a_cam_is_the_logit_less_the_bias(pooled_model, images):
    maps = cam(pooled_model, images, [0, 3])
    expected = (pooled_model(images) - pooled_model[-1].bias)[[0, 1], [0, 3]]
    torch.testing.assert_close(maps.mean((1, 2)), expected)


def test_cam_is_grad_cam_before_the_cut_and_times_the_places(pooled_model, images):
    maps = cam(pooled_model, images, 2)
    assert maps.min() < 0 < maps.max()
    torch.testing.assert_close(maps.clamp(min=0), grad_cam(pooled_model, images, 2, layer="3") * 256)
    torch.testing.assert_close(grad_cam(pooled_model, images, 2), grad_cam(pooled_model, images, 2, layer="3"))


def test_cam_of_a_mean_is_cam_of_a_pool(pooled_model, images):
    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.features, self.linear = pooled_model[:4], pooled_model[-1]

        def forward(self, images):
            return self.linear(self.features(images).mean([2, 3]))

    torch.testing.assert_close(cam(Mean().eval(), images, 1), cam(pooled_model, images, 1))


def test_cam_is_upsampled_bilinearly_from_the_last_feature_maps():
    model, image = load_model("parts/resnet"), pictures("parts/resnet", 2)
    with record(model, ["network.features"]) as outputs:
        model(image)
    weights = model.network.classifier[-1].weight[[1, 6]]
    coarse = (weights[:, :, None, None] * outputs["network.features"]).sum(1, keepdim=True)
    expected = F.interpolate(coarse, size=(128, 128), mode="bilinear", align_corners=False)[:, 0]
    torch.testing.assert_close(cam(model, image, [1, 6]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["parts/alexnet", "parts/vgg", "squeezenet1_1"])
def test_cam_refuses_another_head(name):
    with pytest.raises(ValueError, match="model: expected a head of global average pooling and one linear layer"):
        cam(network(name), pictures(name), 0)


def test_cam_refuses_a_pool_that_leaves_places(small_model, images):
    with pytest.raises(ValueError, match="model: expected a head of global average pooling"):
        cam(small_model, images, 0)


@pytest.mark.parametrize(("name", "layer"), [("resnet18", "network.layer4"), ("parts/alexnet", "network.features.7")])
def test_grad_cam_is_captums(name, layer):
    """The second layer is a convolution that an in-place ReLU may follow: its own output counts."""
    model, image = network(name), pictures(name, 2)
    pixels = image.clone().requires_grad_()
    method = LayerGradCam(model, model.get_submodule(layer))
    expected = method.attribute(pixels, torch.tensor([1, 5]), relu_attributions=True)
    expected = F.interpolate(expected, size=image.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    torch.testing.assert_close(grad_cam(model, image, [1, 5], layer=layer), expected.detach())


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("parts/alexnet", "features"),
        ("parts/densenet", "features"),
        ("squeezenet1_1", "classifier.2"),
        ("resnet50", "layer4"),
        ("vgg16", "avgpool"),
        ("googlenet", "inception5b"),
        ("densenet121", "features"),
    ],
)
def test_the_last_spatial_layer_is_the_largest_that_ends_there(name, layer):
    assert last_spatial_layer(network(name), pictures(name)) == f"network.{layer}"


def test_a_network_without_places_has_no_last_spatial_layer(images):
    model = nn.Sequential(nn.Flatten(), nn.Linear(768, 4)).eval()
    with pytest.raises(ValueError, match="model: expected a layer with rows and columns"):
        last_spatial_layer(model, images)


# --- propagation ------------------------------------------------------------------------------------------------


def one_hot(target):
    return lambda answers: F.one_hot(torch.as_tensor(target), answers.shape[1]).to(answers)


def of_the_logit(target):
    return lambda answers: one_hot(target)(answers) * answers.detach()


@pytest.mark.parametrize(
    ("name", "canonizer"),
    [("parts/alexnet", None), ("parts/vgg", None), ("resnet18", ResNetCanonizer), ("squeezenet1_1", None)],
)
def test_lrp_is_zennits_where_zennit_knows_the_network(name, canonizer):
    model, image = deepcopy(network(name)), pictures(name, 2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # zennit's merged batch norms still divide by sqrt(1 + eps)
            module.running_var += module.eps
            module.eps = 1e-12  # some releases of torch refuse 0
    composite = EpsilonPlusFlat(canonizers=[canonizer()] if canonizer else None)
    with Gradient(model.network, composite, attr_output=of_the_logit([2, 7])) as attributor:
        _, relevance = attributor((image - 0.5) / 0.25)
    expected = relevance.sum(1)
    torch.testing.assert_close(lrp(model, image, [2, 7]), expected, rtol=1e-3, atol=1e-4 * expected.abs().max().item())


def count(model, kind):
    return sum(isinstance(module, kind) for module in model.modules())


@pytest.mark.parametrize("name", ["googlenet", "densenet121", "parts/googlenet", "parts/densenet"])
def test_an_unfolded_and_merged_network_answers_as_before(name):
    model, image = network(name), pictures(name)
    copy = unfolded(traced_once(model, image))
    norms = count(copy.model, nn.BatchNorm2d)
    with torch.no_grad():
        answers = model(image)
        torch.testing.assert_close(copy.model(image), answers)
        merge_batch_norms(copy)
        torch.testing.assert_close(copy.model(image), answers, rtol=1e-3, atol=1e-3 * answers.abs().max().item())
    left = count(copy.model, nn.BatchNorm2d)
    assert 0 <= left < norms
    assert (left == 0) == ("googlenet" in name)


def test_merging_by_the_order_of_modules_fails_on_densenet():
    """Why our merging goes by the graph: the module before a batch norm need not be what feeds it."""
    with pytest.raises(RuntimeError, match="size of tensor"):
        SequentialMergeBatchNorm().apply(deepcopy(network("parts/densenet")))


def test_lrp_of_a_network_without_biases_keeps_the_logit(images):
    torch.manual_seed(6)
    layers = [nn.Conv2d(3, 6, 3, stride=2, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(24, 4, bias=False)).eval()
    torch.testing.assert_close(lrp(model, images, [0, 3]).sum((1, 2)), model(images)[[0, 1], [0, 3]], rtol=1e-3, atol=0)


def test_lrp_of_two_linear_layers_by_hand():
    """Pixels (1, 0, 0) feed two units; epsilon shares the logit by contribution, flat spreads each evenly."""
    model = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(4, 1, bias=False)).eval()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[2.0, 0, 0], [1.0, 0, 0]])[..., None, None])
        model[3].weight.copy_(torch.tensor([[3.0, 1.0, -1.0, 2.0]]))
    image = torch.zeros(1, 3, 1, 2)
    image[0, 0] = 1.0  # units 2, 2 and 1, 1: contributions 6, 2 and -1, 2; the logit is 9
    torch.testing.assert_close(lrp(model, image, 0), torch.tensor([[[6.0 - 1.0, 2.0 + 2.0]]]), rtol=1e-4, atol=1e-4)


def test_excitation_backprop_is_zennits():
    model, image = network("parts/alexnet"), pictures("parts/alexnet", 2)
    lower, upper = model.network.features[:6], nn.Sequential(*model.network.features[6:], model.network.classifier)
    with torch.no_grad():
        units = lower((image - 0.5) / 0.25)
    with Gradient(upper, ExcitationBackprop(zero_params=["bias"]), attr_output=one_hot([0, 9])) as attributor:
        _, relevance = attributor(units)
    expected = F.interpolate(relevance.sum(1, keepdim=True), size=(128, 128), mode="bilinear")[:, 0]
    maps = excitation_backprop(model, image, [0, 9], layer="network.features.5")
    torch.testing.assert_close(maps, expected, rtol=1e-3, atol=1e-6)


@pytest.fixture
def walked_model():
    """Convolutions, an average pool and linear layers, with feature maps as large as a picture of 4 x 4."""
    torch.manual_seed(7)
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2)]
    layers += [nn.Flatten(), nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 4)]
    return nn.Sequential(*layers).eval().requires_grad_(False)


@pytest.mark.parametrize(("layer", "stop"), [("1", 2), ("3", 4)])
@pytest.mark.parametrize("target", range(4))
def test_winning_probabilities_are_those_of_the_definition(walked_model, generator, layer, stop, target):
    image = torch.rand(1, 3, 4, 4, generator=generator)
    walk = partial(winning_probability, list(walked_model), image[0], target, stop=stop)
    winning, dual = walk(), walk(negate_last=True)
    assert winning.sum() == pytest.approx(1, abs=1e-4)
    maps = excitation_backprop(walked_model, image, target, layer=layer)
    torch.testing.assert_close(maps[0], winning.sum(0), rtol=1e-3, atol=1e-5)
    maps = contrastive_mwp(walked_model, image, target, layer=layer)
    torch.testing.assert_close(maps[0], (winning - dual).sum(0).clamp(min=0), rtol=1e-3, atol=1e-5)
    assert maps.max() > 0


@pytest.mark.parametrize("name", ["parts/resnet", "parts/densenet", "parts/googlenet", "resnet18", "densenet121"])
def test_winning_probabilities_are_no_more_than_one(name):
    model, image = network(name), pictures(name, 2)
    with record(model, [f"network.{MIDDLE[name]}"]) as outputs:
        model(image)
    rows, columns = next(iter(outputs.values())).shape[2:]
    maps = excitation_backprop(model, image, [1, 2], layer=f"network.{MIDDLE[name]}")
    assert maps.min() >= -1e-6
    places = image.shape[2] * image.shape[3] / (rows * columns)  # bilinear upsampling keeps the mean
    assert torch.all(maps.sum((1, 2)) / places <= 1.001)
    assert torch.all(maps.sum((1, 2)) / places > 0.3)


@pytest.mark.parametrize("method", [excitation_backprop, contrastive_mwp, grad_cam])
@pytest.mark.parametrize("layer", ["nowhere", "8", ""])
def test_a_bad_layer_is_refused(method, layer, small_model, images):
    with pytest.raises(ValueError, match="layer: expected"):
        method(small_model, images, 0, layer=layer)


class Gated(nn.Module):
    """A gate multiplies the feature maps, for which neither LRP nor excitation backprop has a rule."""

    def __init__(self):
        super().__init__()
        self.conv, self.gate = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(4 * 196, 4))

    def forward(self, images):
        units = torch.relu(self.conv(images))
        return self.head(units * torch.sigmoid(self.gate(units)))


PROPAGATED = [lrp, partial(excitation_backprop, layer="conv"), partial(contrastive_mwp, layer="conv")]


@pytest.mark.parametrize("method", PROPAGATED)
def test_an_operation_without_a_rule_is_refused_by_name(method, images):
    with pytest.raises(ValueError, match=r"model: expected operations that have a rule, got (sigmoid|mul) at"):
        method(Gated().eval(), images, 0)


@pytest.mark.parametrize("method", [*PROPAGATED, guided_backprop, deconvolution, cam, grad_cam])
def test_a_network_that_cannot_be_traced_is_refused(method, images):
    class Moody(Gated):
        def forward(self, images):
            return super().forward(images if images.sum() > 0 else -images)

    with pytest.raises(ValueError, match=r"model: expected one that torch.fx can trace"):
        method(Moody().eval(), images, 0)


# --- on every network -------------------------------------------------------------------------------------------

METHODS = {
    "gradient x input": gradient_times_input,
    "guided": guided_backprop,
    "deconvolution": deconvolution,
    "grad-cam": grad_cam,
    "lrp": lrp,
    "integrated": partial(integrated_gradients, steps=4),
}


def methods_on(name):
    layer = {"layer": f"network.{MIDDLE[name]}"}
    methods = METHODS | {"mwp": partial(excitation_backprop, **layer), "cmwp": partial(contrastive_mwp, **layer)}
    return methods | ({"cam": cam} if any(word in name for word in POOLED) else {})


@pytest.mark.parametrize("name", MIDDLE)
def test_every_method_says_something_of_its_own(name):
    assert_own_words(name, network(name), pictures(name))


@pytest.mark.real
@pytest.mark.skipif("XAI_WEIGHTS" not in os.environ, reason="needs $XAI_WEIGHTS")
@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet18", "resnet50"])
def test_every_method_says_something_of_its_own_on_a_photograph(name):
    assert_own_words(name, load_model(name), load_photograph("cat"))


def assert_own_words(name, model, image):
    """No baseline may silently be the plain gradient, or nothing at all, and none may change the network."""
    before = state_of(model)
    target = model(image).argmax(1)
    plain = gradient(model, image, target)
    for label, method in methods_on(name).items():
        maps = method(model, image, target)
        assert maps.shape == plain.shape, label
        assert torch.isfinite(maps).all(), label
        assert maps.std() > 1e-3 * maps.abs().max() > 0, label
        assert abs(correlation(maps, plain)) < 0.99, label
    assert state_of(model) == before


def state_of(model):
    """All that a method could leave behind."""
    return (
        {name: (id(module), module.training) for name, module in model.named_modules()},
        {name: (value.data_ptr(), value._version, value.requires_grad) for name, value in model.named_parameters()},
        {name: (value.data_ptr(), value._version) for name, value in model.named_buffers()},
        [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()],
        [len(module._backward_hooks) + len(module._backward_pre_hooks) for module in model.modules()],
        [getattr(module, "inplace", None) for module in model.modules()],
        [parameter.grad for parameter in model.parameters()],
    )


@pytest.mark.parametrize("label", [*METHODS, "mwp", "cmwp", "cam"])
def test_the_network_is_left_as_it_was_after_an_error(label, monkeypatch):
    torch.manual_seed(8)
    model = Classifier(
        get_model("googlenet", weights=None, num_classes=5, aux_logits=False, init_weights=False),
        mean=[0.5] * 3, std=[0.25] * 3, classes=list("abcde"), input_size=(96, 96),
    ).eval()  # fmt: skip
    before, weights = state_of(model), {name: value.clone() for name, value in model.state_dict().items()}

    def fail(*_, **__):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(torch.autograd, "grad", fail)
    monkeypatch.setattr(torch, "einsum", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        methods_on("googlenet")[label](model, pictures("googlenet"), 0)
    assert state_of(model) == before
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
