"""The masking model: its parts by arithmetic, what training may touch, and files that know their black box."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from xai_utils import load_model
from xai_utils.masks import SWAPPED
from xai_utils.papers import realtime_saliency as rts
from xai_utils.papers.realtime_saliency import learning
from xai_utils.parts import load_images
from xai_utils.training import Recipe

ENCODER = "parts/resnet"
SHORT = Recipe(epochs=2, batch_size=8)


@pytest.fixture(scope="module")
def encoder():
    return load_model(ENCODER)


@pytest.fixture
def masking_model(encoder):
    torch.manual_seed(0)
    return rts.MaskingModel(encoder, layers=rts.LAYERS[ENCODER], base=4).eval()


@pytest.fixture(scope="module")
def scenes():
    images, labels = load_images("train", range(24))
    return (images * 255).round().byte(), labels


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(learning, "WARM_UP", replace(learning.WARM_UP, batch_size=8))


def maps_of(masking_model, target=0):
    return rts.realtime_saliency(masking_model, torch.rand(3, 3, 128, 128, generator=torch.Generator()), target)


def test_the_feature_filter_is_equation_7(masking_model):
    top = torch.rand(2, 128, 4, 4)
    asked = torch.tensor([3, 5])
    word = masking_model.embedding.weight[5]
    presence = masking_model.presence(top, asked)
    assert presence.shape == (2, 4, 4)
    assert torch.allclose(presence[1, 2, 3], (top[1, :, 2, 3] * word).sum(), atol=1e-5)


def test_the_mask_is_equation_8_at_a_quarter_of_the_resolution(masking_model):
    for weights, expected in (([0.0, 0.0], 0.5), ([3.0, -1.0], 0.75), ([0.0, 2.0], 0.0)):
        nn.init.zeros_(masking_model.head.weight)
        masking_model.head.bias.data = torch.tensor(weights) if any(weights) else torch.ones(2)
        assert torch.allclose(maps_of(masking_model), torch.tensor(expected), atol=1e-5)


@pytest.mark.parametrize(("variant", "kind"), [("paper", nn.ConvTranspose2d), ("official", nn.PixelShuffle)])
def test_both_variants_have_three_upsamplers_of_halving_width(encoder, variant, kind):
    model = rts.MaskingModel(encoder, layers=rts.LAYERS[ENCODER], base=4, variant=variant)
    assert [upsampler.refine[-1].delta[-1].num_features for upsampler in model.upsamplers] == [16, 8, 4]
    assert [len(upsampler.refine) for upsampler in model.upsamplers] == [{"paper": 3, "official": 1}[variant]] * 3
    assert all(any(isinstance(part, kind) for part in upsampler.up) for upsampler in model.upsamplers)


def test_the_trunk_learns_nothing_and_stays_in_eval_mode(masking_model, encoder):
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    masking_model.train()
    assert not any(part.training for part in masking_model.trunk.modules())
    masking_model(torch.rand(2, 3, 128, 128), torch.tensor([0, 1])).sum().backward()
    assert all(parameter.grad is None for parameter in masking_model.trunk.parameters())
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_any_batch_size_gives_the_same_masks(masking_model):
    images = torch.rand(5, 3, 128, 128)
    target = torch.tensor([0, 1, 2, 3, 4])
    whole = rts.realtime_saliency(masking_model, images, target)
    assert torch.allclose(whole, rts.realtime_saliency(masking_model, images, target, batch_size=2), atol=1e-5)
    assert torch.allclose(whole[3:4], rts.realtime_saliency(masking_model, images[3:4], 3), atol=1e-5)


def test_training_makes_masks_smaller_and_can_be_repeated(masking_model, encoder, scenes, quick):
    torch.manual_seed(0)
    again = rts.MaskingModel(encoder, layers=rts.LAYERS[ENCODER], base=4).eval()
    seen = list(rts.train_masking_model(masking_model, encoder, scenes, SHORT))
    assert [(epoch.phase, epoch.number) for epoch in seen] == [("embedding", 1), ("masks", 1), ("masks", 2)]
    assert seen[2].loss < seen[1].loss
    assert seen == list(rts.train_masking_model(again, encoder, scenes, SHORT))
    assert torch.equal(maps_of(masking_model), maps_of(again))


def test_an_interrupted_training_loses_nothing(masking_model, encoder, scenes, quick, tmp_path):
    torch.manual_seed(0)
    halves = rts.MaskingModel(encoder, layers=rts.LAYERS[ENCODER], base=4).eval()
    list(rts.train_masking_model(masking_model, encoder, scenes, SHORT))
    for epoch in rts.train_masking_model(halves, encoder, scenes, SHORT, checkpoint=tmp_path / "c.pt"):
        if epoch == ("masks", 1, epoch.loss):
            break
    resumed = rts.MaskingModel(encoder, layers=rts.LAYERS[ENCODER], base=4).eval()
    rest = list(rts.train_masking_model(resumed, encoder, scenes, SHORT, checkpoint=tmp_path / "c.pt"))
    assert [(epoch.phase, epoch.number) for epoch in rest] == [("masks", 2)]
    assert torch.equal(maps_of(masking_model), maps_of(resumed))


def test_a_fake_class_is_asked_for_nothing_but_a_small_area(masking_model, encoder, scenes, quick):
    """With fakes only, and an objective that wants nothing but the region, the masks still shrink."""
    greedy = replace(SWAPPED, tv_weight=0.0, preserve_weight=0.0, destroy_weight=0.0)
    seen = list(rts.train_masking_model(masking_model, encoder, scenes, SHORT, objective=greedy, fakes=0.99))
    assert seen[-1].loss < seen[1].loss < 10  # ten times a share of the picture


def test_files_know_their_black_box(masking_model, tmp_path):
    file = tmp_path / "m.safetensors"
    rts.write_masking_model(
        masking_model.half().float(), black_box="parts/alexnet", encoder=ENCODER, about={}, file=file
    )
    read = rts.load_masking_model("parts/alexnet", file=file)
    assert torch.allclose(maps_of(read), maps_of(masking_model), atol=1e-5)
    assert not any(name.startswith("trunk") for name in masking_model.learned())
    with pytest.raises(ValueError, match="black_box: expected 'parts/alexnet', which .* was trained for"):
        rts.load_masking_model("parts/resnet", file=file)


def test_a_black_box_that_was_trained_again_is_refused(masking_model, tmp_path, monkeypatch):
    file = tmp_path / "m.safetensors"
    rts.write_masking_model(masking_model, black_box="parts/alexnet", encoder=ENCODER, about={}, file=file)
    other = load_model("parts/alexnet-seed1")
    names = {"parts/alexnet": other, ENCODER: load_model(ENCODER)}
    monkeypatch.setattr(rts.files, "load_model", names.get)
    with pytest.raises(ValueError, match="expected the weights of the black box parts/alexnet"):
        rts.load_masking_model("parts/alexnet", file=file)


LAYERS = rts.LAYERS[ENCODER]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model, _: maps_of(model, 10), "target: expected"),
        (lambda model, _: maps_of(model.train()), "train mode|eval"),
        (lambda _, encoder: rts.MaskingModel(encoder, layers=["features.layer9"]), "layer: expected the name"),
        (lambda _, encoder: rts.MaskingModel(encoder, layers=LAYERS[::3]), "layers: expected maps each half"),
        (lambda _, encoder: rts.MaskingModel(encoder, layers=LAYERS, variant="printed"), "variant: expected"),
        (
            lambda model, encoder: next(rts.train_masking_model(model, encoder, (), fakes=1.0)),
            "fakes: expected a share",
        ),
        (lambda *_: rts.load_masking_model("parts/alexnet-gap"), "black_box: expected one with a masking model"),
    ],
)
def test_bad_input_is_refused(call, message, masking_model, encoder):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        call(masking_model, encoder)
