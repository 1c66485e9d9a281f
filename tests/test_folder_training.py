"""Training a masking model on a folder of pictures: what is read, what is refused, and that nothing is lost."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from xai_utils.experiments.realtime_saliency import folder
from xai_utils.papers.realtime_saliency import learning, load_masking_model
from xai_utils.parts import CLASSES
from xai_utils.training import Recipe

TINY = Recipe(epochs=2, batch_size=4, learning_rate=1e-3, shift=4)
NAMES = (CLASSES[0], CLASSES[1].replace(" ", "_"), CLASSES[4].upper())


@pytest.fixture
def images(tmp_path, monkeypatch):
    """12 random pictures of three classes, of sizes of their own."""
    random = np.random.default_rng(0)
    for name in NAMES:
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(4):
            pixels = random.integers(256, size=(90 + number, 140, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    monkeypatch.setattr(learning, "WARM_UP", replace(learning.WARM_UP, batch_size=4))
    return tmp_path / "images"


def trained(images, out, recipe=TINY, **knobs):
    return folder.train_on_folder(images, "parts/alexnet", "parts/resnet", out, recipe=recipe, base=2, **knobs)


def weights_of(file):
    return load_masking_model("parts/alexnet", file=file).learned()


def test_folders_are_classes_by_name(images):
    files, labels = folder.folder_of_classes(images, CLASSES)
    assert len(files) == 12
    by_name = dict(zip(NAMES, (0, 1, 4), strict=True))
    assert labels.tolist() == [by_name[file.parent.name] for file in files]


def test_all_wordnet_ids_are_in_the_network_s_order_and_some_need_a_list(tmp_path):
    ids = ["n00000007", "n00000001", "n00000003"]
    for name in ids:
        (tmp_path / "all" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "all" / name / "a.png")
    _, labels = folder.folder_of_classes(tmp_path / "all", ["one", "three", "seven"])
    assert labels.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="got 'n00000001'; name the file that orders the ids"):
        folder.folder_of_classes(tmp_path / "all", ["one", "two", "three", "seven"])
    (tmp_path / "order.txt").write_text("n00000007 seven\nn00000002 two\nn00000001 one\nn00000003 three\n")
    _, labels = folder.folder_of_classes(tmp_path / "all", list("abcd"), tmp_path / "order.txt")
    assert labels.tolist() == [2, 3, 0]


def test_pictures_are_read_when_they_are_asked_for(images):
    files, _ = folder.folder_of_classes(images, CLASSES)
    source = folder.FolderPictures(files, (64, 64))
    files[0].unlink()
    several = source[torch.tensor([5, 2, 5])]
    assert several.dtype == torch.uint8
    assert several.shape == (3, 3, 64, 64)
    assert torch.equal(several[0], several[2])
    assert len(source) == 12


def test_a_folder_read_lazily_trains_as_the_same_pictures_at_once(images, tmp_path):
    files, labels = folder.folder_of_classes(images, CLASSES)
    out = trained(images, tmp_path / "lazy.safetensors")
    everything = folder.FolderPictures(files, (128, 128))[torch.arange(12)]
    torch.manual_seed(TINY.seed)
    model = folder.MaskingModel(folder.load_model("parts/resnet"), layers=folder.LAYERS["parts/resnet"], base=2)
    model = model.to(memory_format=torch.channels_last)
    list(folder.train_masking_model(model, folder.load_model("parts/alexnet"), (everything, labels), TINY))
    written = weights_of(out)
    assert all(torch.equal(value.half(), written[name].half()) for name, value in model.learned().items())


def test_an_interrupted_training_gives_the_same_weights(images, tmp_path, monkeypatch):
    whole = weights_of(trained(images, tmp_path / "whole.safetensors"))

    def killed_after_the_first_epoch_of_masks(*given, **knobs):
        for epoch in learning.train_masking_model(*given, **knobs):
            yield epoch
            if epoch.phase == "masks":
                raise KeyboardInterrupt

    out = tmp_path / "parts.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(folder, "train_masking_model", killed_after_the_first_epoch_of_masks)
        with pytest.raises(KeyboardInterrupt):
            trained(images, out)
    assert not out.exists()
    resumed = weights_of(trained(images, out))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_the_command_line_trains(images, tmp_path, monkeypatch, capsys):
    out = tmp_path / "mine.safetensors"
    given = {"--images": images, "--black-box": "parts/alexnet", "--encoder": "parts/resnet", "--out": out}
    given |= {"--epochs": 1, "--batch-size": 4, "--base": 2, "--pictures": 9}
    monkeypatch.setattr(sys, "argv", ["folder", *(str(word) for pair in given.items() for word in pair)])
    folder.main()
    assert str(out) in capsys.readouterr().out
    assert all(torch.isfinite(value).all() for value in weights_of(out).values())


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"images: expected a folder .*nowhere"):
        trained(tmp_path / "nowhere", tmp_path / "m.safetensors")


def test_a_folder_without_pictures_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="images: expected pictures .*empty"):
        trained(tmp_path / "empty", tmp_path / "m.safetensors")


def test_an_unknown_class_is_named(images, tmp_path):
    (images / "unicorn").mkdir()
    with pytest.raises(ValueError, match="images: expected folders .*'unicorn'"):
        trained(images, tmp_path / "m.safetensors")


@pytest.mark.parametrize("share", [0, 0.7])
def test_an_unreadable_picture_is_named(images, tmp_path, share):
    broken = images / NAMES[0] / "3.png"
    content = broken.read_bytes()
    broken.write_bytes(content[: round(share * len(content))] or b"no picture")
    with pytest.raises(ValueError, match="file: expected .*3.png"):
        trained(images, tmp_path / "m.safetensors")


def test_too_few_pictures_and_another_encoder_are_refused(images, tmp_path):
    with pytest.raises(ValueError, match="images: expected at least 4 pictures, one batch, got 3"):
        trained(images, tmp_path / "m.safetensors", pictures=3)
    with pytest.raises(ValueError, match="encoder: expected one of"):
        folder.train_on_folder(images, "parts/alexnet", "parts/vgg", tmp_path / "m.safetensors")
