"""The small natural pictures: read, learned and measured, on a few random ones in CIFAR-10's layout."""

import os
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from xai_utils.experiments import records
from xai_utils.experiments.cifar import data as folders
from xai_utils.experiments.cifar import network
from xai_utils.experiments.realtime_saliency import cifar
from xai_utils.experiments.realtime_saliency.cifar import masking, table, training
from xai_utils.experiments.records import read_records
from xai_utils.metrics.saliency import SMALLEST_AREA
from xai_utils.papers.realtime_saliency import learning, realtime_saliency
from xai_utils.training import Recipe
from xai_utils.weights import read_weights, weights_folder

NAMES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
KINDS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
SHORT = Recipe(epochs=1, batch_size=8, shift=4, crop=0.5)


def pack(home):
    """Writes a folder "tiny" of 20 training and 12 test pictures in the original layout."""
    draw, folder = np.random.default_rng(0), home / "tiny" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in NAMES:
        count = 12 if name == "test_batch" else 4
        pixels = draw.integers(256, size=(count, 3072), dtype=np.uint8)
        batch = {"data": pixels, "labels": [(3 * each) % 10 for each in range(count)]}
        (folder / name).write_bytes(pickle.dumps(batch))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": KINDS}))
    return folder


def move(patch, home):
    """Lets pictures, weights, checkpoints and records be looked for in a folder of the test's own."""
    patch.setenv("XAI_DATA", str(home))
    for room in (network, training, masking, records):
        patch.setattr(room, "weights_folder", lambda: home / "weights")
    for room in (training, masking):
        patch.setattr(room, "CHECKPOINTS", home / "checkpoints")
    patch.setattr(learning, "WARM_UP", replace(learning.WARM_UP, batch_size=8))
    patch.setattr(records.record_all, "__kwdefaults__", records.record_all.__kwdefaults__ | {"folder": home})
    patch.setattr(cifar, "read_records", lambda name: records.read_records(name, home))


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The small pictures, and an empty place for weights."""
    move(monkeypatch, tmp_path)
    return pack(tmp_path)


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """Where both networks of the small pictures lie after one epoch of two steps."""
    home = tmp_path_factory.mktemp("school")
    pack(home)
    with pytest.MonkeyPatch.context() as patch:
        move(patch, home)
        training.train_classifier("tiny", [SHORT, SHORT])
        masking.train_masks("tiny", SHORT)
    return home


@pytest.fixture
def trained(school, tmp_path, monkeypatch):
    """A copy of them that a test may change."""
    shutil.copytree(school, tmp_path, dirs_exist_ok=True)
    move(monkeypatch, tmp_path)
    return tmp_path


def test_pictures_are_read_as_they_were_packed(tiny):
    images, labels = cifar.cifar_pictures("tiny", "train")
    packed = pickle.loads((tiny / "data_batch_2").read_bytes())
    assert images.shape == (20, 3, 32, 32)
    assert images.dtype == torch.uint8
    assert images[4:8].reshape(4, -1).numpy().tolist() == packed["data"].tolist()
    assert labels[4:8].tolist() == packed["labels"]
    assert folders.cifar_classes("tiny") == KINDS


def test_a_quarter_of_the_test_pictures_is_watched_and_the_rest_tests(tiny):
    packed = pickle.loads((tiny / "test_batch").read_bytes())["data"]
    watched, counted = (cifar.cifar_pictures("tiny", split)[0] for split in ("validation", "test"))
    assert (len(watched), len(counted)) == (3, 9)
    assert torch.cat([watched, counted]).reshape(12, -1).numpy().tolist() == packed.tolist()
    assert torch.equal(cifar.cifar_pictures("tiny", "test", 2, 5)[0], counted[2:5])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("tiny", "dev"), "split: expected"),
        (("tiny", "test", 3, 3), "first, last: expected a range within the 9 of 'test', got 3 to 3"),
        (("tiny", "test", 0, 10), "first, last: expected"),
        (("tiny", "validation", -1), "first, last: expected"),
    ],
)
def test_other_pictures_than_there_are_are_refused(tiny, asked, message):
    with pytest.raises(ValueError, match=message):
        cifar.cifar_pictures(*asked)


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({"data": np.zeros((4, 3072), np.uint8)})])
def test_files_that_hold_something_else_are_refused(tiny, content):
    (tiny / "data_batch_3").write_bytes(content)
    with pytest.raises(ValueError, match="data: expected CIFAR-10's files"):
        cifar.cifar_pictures("tiny", "train")


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 1, 2, 10], [0, 1, 2, -1]])
def test_a_label_for_each_picture_is_asked_for(tiny, labels):
    (tiny / "data_batch_1").write_bytes(pickle.dumps({"data": np.zeros((4, 3072), np.uint8), "labels": labels}))
    with pytest.raises(ValueError, match="data: expected a label below 10 for each picture"):
        cifar.cifar_pictures("tiny", "train")


def test_a_missing_folder_says_how_to_get_one(tiny):
    (tiny / "data_batch_1").unlink()
    with pytest.raises(FileNotFoundError, match="data_batch_1 is missing; `--download` fetches"):
        cifar.cifar_pictures("tiny", "train")
    with pytest.raises(FileNotFoundError, match="data: expected CIFAR-10 in"):
        cifar.cifar_pictures("nothing", "train")


def test_half_of_the_pictures_are_mirrored(generator):
    pictures = torch.rand(200, 3, 4, 4, generator=generator)
    mirrored = training.flipped(pictures, generator)
    is_mirror = (mirrored == pictures.flip(3)).all(dim=(1, 2, 3))
    assert (is_mirror | (mirrored == pictures).all(dim=(1, 2, 3))).all()
    assert 70 < is_mirror.sum() < 130


def test_settling_measures_batch_statistics_over_all_pictures_and_nothing_else(generator):
    norm = torch.nn.BatchNorm2d(3, momentum=0.3)
    images = torch.randint(256, (10, 3, 8, 8), dtype=torch.uint8, generator=generator)
    training.settle(norm, images, batch_size=5)
    pixels = images.float() / 255
    assert torch.allclose(norm.running_mean, pixels.mean(dim=(0, 2, 3)), atol=1e-5)
    assert torch.allclose(norm.running_var, pixels.var(dim=(0, 2, 3)), rtol=0.05)
    assert norm.momentum == 0.3
    assert not norm.training
    assert torch.equal(norm.weight, torch.ones(3))


def test_products_in_bfloat16_give_nearly_the_same_logits(generator):
    classifier = cifar.cifar_classifier(KINDS).eval()
    images = torch.rand(4, 3, 32, 32, generator=generator)
    exact, fast = classifier(images), training.InBfloat16(classifier)(images)
    assert fast.dtype == torch.float32
    assert torch.allclose(exact, fast, atol=0.05 * exact.abs().max().item())
    assert not torch.equal(exact, fast)


def test_the_network_has_four_scales():
    classifier = cifar.cifar_classifier(KINDS).eval()
    maps, sizes = torch.rand(2, 3, 32, 32), []
    for name, part in classifier.network.named_children():
        maps = part(maps)
        sizes.append(maps.shape[-1]) if name in ("stem", *network.LAYERS) else None
    assert maps.shape == (2, 10)
    assert sizes == [32, 16, 8, 4]


def test_an_interrupted_training_of_the_classifier_goes_on_where_it_was(tiny, tmp_path):
    pictures, recipe = cifar.cifar_pictures("tiny", "train"), replace(SHORT, epochs=2)

    def fresh():
        torch.manual_seed(0)
        return cifar.cifar_classifier(KINDS, build=lambda classes: network.cifar_network(classes, (4, 4, 8, 8)))

    whole, halves, resumed = fresh(), fresh(), fresh()
    losses = list(training.learn(whole, pictures, recipe))
    next(training.learn(halves, pictures, recipe, checkpoint=tmp_path / "c.pt"))
    assert list(training.learn(resumed, pictures, recipe, checkpoint=tmp_path / "c.pt")) == losses[1:]
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_trained_networks_are_read_as_they_were_written(trained):
    classifier, model = network.load_classifier("cifar/resnet-tiny"), masking.load_masks("cifar/masking-tiny")
    assert classifier.classes == model.classes == tuple(KINDS)
    assert classifier.training_images == 20
    assert not any(parameter.requires_grad for parameter in [*classifier.parameters(), *model.parameters()])
    stored = read_weights(trained / "weights/cifar/masking-tiny.safetensors")
    assert not any(name.startswith("trunk") for name in stored)
    assert all(torch.equal(value, stored[name].to(value)) for name, value in model.learned().items())
    maps = realtime_saliency(model, torch.rand(2, 3, 32, 32), 3)
    assert maps.shape == (2, 32, 32)


@pytest.mark.parametrize(
    ("load", "name", "message"),
    [
        (network.load_classifier, "cifar/resnet-other", "model: expected one of .*cifar/resnet-tiny"),
        (network.load_classifier, "parts/resnet", "model: expected one of"),
        (network.load_classifier, "cifar/masking-tiny", "model: expected weights of `cifar_network`"),
        (masking.load_masks, "cifar/other", "masking_model: expected one of .*cifar/masking-tiny"),
        (masking.load_masks, "cifar/resnet-tiny", "masking_model: expected a masking model"),
    ],
)
def test_other_names_are_refused(trained, load, name, message):
    with pytest.raises(ValueError, match=message):
        load(name)


def test_masks_of_a_classifier_that_was_trained_again_are_refused(trained):
    shutil.rmtree(trained / "checkpoints")
    training.train_classifier("tiny", [replace(SHORT, seed=1)])
    with pytest.raises(ValueError, match="masking_model: expected weights that belong to today's cifar/resnet-tiny"):
        masking.load_masks("cifar/masking-tiny")


def test_the_center_box_is_half_of_the_picture_and_the_max_box_all():
    images = torch.rand(1, 3, 32, 32)
    regions = {
        method: table.region_of(method, table.maps_of(method, None, None, images, None, 0), None)
        for method in table.BOXES
    }
    assert regions["max box"].all()
    assert regions["center box"].float().mean() == pytest.approx(0.5, abs=0.03)
    assert torch.equal(regions["center box"], regions["center box"].flip(1, 2))


def test_a_threshold_is_a_share_of_the_maps_range_but_one_half_is_one_half():
    maps = torch.tensor([[[0.0, 0.2], [0.3, 0.4]]])
    assert table.region_of("gradient", maps, 0.5).tolist() == [[[False, True], [True, True]]]
    assert table.region_of(table.AT_HALF, maps, None).sum() == 0


def test_a_region_that_is_everything_leaves_the_class_and_without_it_the_baseline_is_left(linear_model, images):
    linear_model[1].weight.data *= 100  # confident answers
    target = linear_model(images).argmax(dim=1)
    baseline = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(5))
    everything = torch.ones(2, 16, 16)
    found = table.worth(linear_model, images, target, everything, None, baseline)
    wanted = linear_model(images).softmax(1).gather(1, target[:, None]).mean().item()
    left = linear_model(baseline).softmax(1).gather(1, target[:, None]).mean().item()
    assert found["alone"][0] == pytest.approx(wanted, abs=1e-4)
    assert found["without"][0] == pytest.approx(left, abs=1e-4)
    assert found["sufficient"] is None


def test_pictures_whose_baseline_is_recognised_as_well_count_for_no_smallest_region(linear_model, images):
    target = linear_model(images).argmax(dim=1)
    found = table.worth(linear_model, images, target, torch.ones(2, 16, 16), torch.rand(2, 16, 16), images)
    assert found["counted"] == 0
    assert found["sufficient"] is None


def test_all_rows_are_measured_and_recorded_once(trained, monkeypatch):
    for name, value in {"TUNED": 3, "TESTED": 3, "FEWER": {"iterative mask": (2, 2)}}.items():
        monkeypatch.setattr(cifar, name, value)
    monkeypatch.setattr(table, "STEPS", 2)
    monkeypatch.setattr(table, "iterative_mask", lambda _, images, *__, **___: torch.rand_like(images[:, 0]))
    rows = cifar.cifar_tables("tiny")
    assert [row["configuration"]["method"] for row in rows] == list(table.METHODS)
    assert rows == cifar.cifar_tables("tiny")
    assert rows[0]["weights"].keys() == {"cifar/resnet-tiny", "cifar/masking-tiny"}
    metric, area = cifar.cifar_table(data="tiny"), cifar.cifar_table("area", "tiny")
    assert list(metric) == list(table.METHODS)
    assert area["max box"] == (1, 1, 1)
    low, high = cifar.cifar_accuracy("tiny")[1:]
    assert 0 <= low < high <= 1
    assert cifar.cifar_fakes("tiny").keys() == {"own", "fake", "empty", "empty_own"}
    with pytest.raises(ValueError, match="value: expected one of .*metric"):
        cifar.cifar_table("error", "tiny")
    for read in (cifar.cifar_accuracy, cifar.cifar_fakes, lambda name: cifar.cifar_table(data=name)):
        with pytest.raises(ValueError, match="data: expected pictures with"):
            read("nothing")


def test_the_classifier_is_right_on_85_percent_and_files_are_small():
    assert cifar.cifar_accuracy()[0] >= 0.85
    for name in ("resnet", "masking"):
        assert (weights_folder() / f"cifar/{name}-{cifar.SUBSET}.safetensors").stat().st_size < 2e6


def test_crops_of_the_masking_model_beat_the_center_box():
    metric = cifar.cifar_table()
    assert metric.keys() == set(table.METHODS)
    assert metric["masking model"][2] < metric["center box"][1]


@pytest.mark.parametrize("baseline", ["blur", "noise"])
@pytest.mark.parametrize("other", ["center box", "gradient"])
def test_less_of_the_picture_suffices_in_the_order_of_the_masking_model(baseline, other):
    sufficient = cifar.cifar_table("sufficient", baseline=baseline)
    assert sufficient.keys() == set(table.METHODS) - {"max box"}
    assert sufficient["masking model"][2] < sufficient[other][1]


def test_the_tuned_gradient_is_worth_little_more_than_chance_on_crops_below_the_floor():
    """Its metric is good all the same: a guess among ten classes costs less than so small a crop gains."""
    assert cifar.cifar_table("area")["gradient"][2] < SMALLEST_AREA
    assert cifar.cifar_table("probability")["gradient"][2] < 1.5 / len(KINDS)


def test_masks_of_fake_classes_are_nearly_empty():
    fakes = cifar.cifar_fakes()
    assert fakes["fake"][2] < table.EMPTY < fakes["own"][1]


@pytest.mark.real
@pytest.mark.skipif("XAI_DATA" not in os.environ, reason="needs $XAI_DATA")
@pytest.mark.parametrize("method", [table.AT_HALF, "max box"])
def test_a_row_is_what_the_code_computes_today(method):
    row = next(row for row in read_records("cifar") if row["configuration"]["method"] == method)
    found = table.measure_method(**row["configuration"] | {"baselines": []})
    assert all(found[name] == pytest.approx(row["result"][name], abs=0.01) for name in ("metric", "area", "region"))


@pytest.mark.real
@pytest.mark.skipif("XAI_DATA" not in os.environ, reason="needs $XAI_DATA")
def test_the_masks_of_fake_classes_are_as_empty_today():
    row = read_records("cifar_fakes")[-1]
    found = table.measure_fakes(**row["configuration"])
    assert all(found[name] == pytest.approx(row["result"][name], abs=0.005) for name in ("own", "fake"))
