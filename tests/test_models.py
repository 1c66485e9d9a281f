import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from xai_utils import load_model, predict, target_probability
from xai_utils.models import Classifier, miniature, outputs
from xai_utils.networks import ARCHITECTURES
from xai_utils.weights import read_weights


@pytest.fixture
def torchvision_weights(tmp_path, monkeypatch):
    """A folder as $XAI_WEIGHTS names it, with random weights of SqueezeNet."""
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    network = squeezenet1_1()
    (tmp_path / "squeezenet1_1").mkdir()
    file = tmp_path / "squeezenet1_1" / "mine.pth"
    torch.save(network.state_dict(), file)
    monkeypatch.setenv("XAI_WEIGHTS", str(tmp_path))
    return network.eval(), file


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_trained_miniature_knows_its_classes_and_takes_its_size(architecture):
    model = load_model(f"parts/{architecture}")
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert len(model.classes) == 10
    assert model(torch.rand(2, 3, *model.input_size)).shape == (2, 10)
    assert model.training_images == 8000


def test_weights_from_the_users_folder_come_with_torchvisions_normalisation(torchvision_weights):
    network, _ = torchvision_weights
    model = load_model("squeezenet1_1")
    images = torch.rand(2, 3, 64, 64)
    mean, std = (torch.tensor(v).reshape(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    torch.testing.assert_close(model(images), network((images - mean) / std), rtol=1e-3, atol=1e-4)
    assert model.classes[281] == "tabby"
    assert model.input_size == (224, 224)


def test_a_truncated_file_is_refused(torchvision_weights):
    _, file = torchvision_weights
    file.write_bytes(file.read_bytes()[:50_000])
    with pytest.raises(ValueError, match=r"mine.pth: expected a complete weights file"):
        load_model("squeezenet1_1")


def test_weights_of_another_network_are_refused(torchvision_weights):
    _, file = torchvision_weights
    torch.save(nn.Linear(2, 2).state_dict(), file)
    with pytest.raises(ValueError, match=r"mine.pth: expected weights of SqueezeNet"):
        load_model("squeezenet1_1")


def test_a_pickle_with_code_in_it_is_not_run(torchvision_weights):
    _, file = torchvision_weights

    class Trap:
        def __reduce__(self):
            return (exec, ("raise SystemExit('the pickle was run')",))

    torch.save({"weight": Trap()}, file)
    with pytest.raises(ValueError, match="expected a complete weights file"):
        read_weights(file)


def test_a_checkpoint_that_holds_more_than_weights_is_named(tmp_path):
    torch.save({"state_dict": nn.Linear(2, 2).state_dict(), "epoch": 3}, tmp_path / "last.pth")
    with pytest.raises(ValueError, match=r"last.pth: .* got one that holds state_dict, epoch; save its state dict"):
        read_weights(tmp_path / "last.pth")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short"])
def test_a_broken_file_in_the_cache_is_named(monkeypatch, tmp_path, content):
    monkeypatch.delenv("XAI_WEIGHTS", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "squeezenet1_1-b8a52dc0.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"checkpoints/squeezenet1_1-b8a52dc0.pth: expected a complete weights file"):
        load_model("squeezenet1_1")


def test_weights_that_cannot_be_had_say_what_to_do(monkeypatch, tmp_path):
    import urllib.error

    import torch.hub

    def offline(*_, **__):
        raise urllib.error.URLError("no internet")

    monkeypatch.delenv("XAI_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(FileNotFoundError, match=r"\$XAI_WEIGHTS/squeezenet1_1/"):
        load_model("squeezenet1_1")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("parts/transformer",), ValueError, "expected one of parts/alexnet"),
        (("parts/../parts/resnet",), ValueError, "expected one of parts/alexnet"),
        (("resnet19",), ValueError, "expected 'parts/...' or a classifier of torchvision, got 'resnet19'"),
        ((3,), TypeError, "model: expected a name or a torch.nn.Module, got int"),
        ((nn.Identity(),), ValueError, "classes: expected the names"),
    ],
)
def test_what_is_no_model_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        load_model(*arguments)


@pytest.mark.parametrize("bad", [{"mean": (0.5,)}, {"std": (1, 1, 0)}])
def test_a_normalisation_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match="mean, std: expected three numbers each"):
        load_model(nn.Identity(), classes=("a",), **bad)


def test_a_network_in_double_precision_is_normalised_in_it():
    model = load_model(nn.Conv2d(3, 2, 1).double(), classes=("a", "b"))
    assert model(torch.rand(1, 3, 4, 4).double()).dtype == torch.float64


def test_anybodys_module_can_be_wrapped():
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    model = load_model(network, mean=(0, 0, 0), std=(1, 1, 1), classes=("a", "b"), input_size=(4, 4))
    images = torch.rand(3, 3, 4, 4)
    assert isinstance(model, Classifier)
    assert all(parameter.requires_grad for parameter in network.parameters())
    torch.testing.assert_close(model(images), network(images))


def test_predict_is_the_softmax_in_any_batch_size(small_model, images):
    expected = small_model(images).softmax(1)
    for batch_size in (1, 2, 50):
        torch.testing.assert_close(predict(small_model, images, batch_size=batch_size), expected)
    torch.testing.assert_close(target_probability(small_model, images, [1, 2]), expected[[0, 1], [1, 2]])


def test_no_forward_pass_sees_more_images_than_the_batch_size():
    class Counting(nn.Module):
        sizes: list[int] = []

        def forward(self, images):
            self.sizes.append(len(images))
            return images.flatten(1)

    outputs(Counting().eval(), torch.rand(10, 3, 2, 2), batch_size=4)
    assert Counting.sizes == [4, 4, 2]


def test_the_metadata_of_a_miniature_says_what_it_was_trained_on(tmp_path, monkeypatch):
    monkeypatch.setattr("xai_utils.models.weights_folder", lambda: tmp_path)
    network = miniature("alexnet", ("yes", "no")).network
    (tmp_path / "parts").mkdir()
    about = {"classes": json.dumps(["yes", "no"]), "training_images": "12"}
    save_file(network.state_dict(), tmp_path / "parts" / "alexnet-seed3.safetensors", metadata=about)
    model = load_model("parts/alexnet-seed3")
    assert (model.classes, model.training_images) == (("yes", "no"), 12)
