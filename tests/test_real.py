"""Real networks on real photographs: `XAI_WEIGHTS=... XAI_DATA=... python -m pytest -m real`."""

import math
import os
from pathlib import Path

import pytest
import torch

from xai_utils import ConditionalSampler, gradient, load_model, prediction_difference
from xai_utils.experiments import prediction_difference as tables
from xai_utils.experiments.prediction_difference import boxes, real
from xai_utils.experiments.records import read_records
from xai_utils.models import outputs
from xai_utils.pictures import labelled_pictures, load_picture

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not {"XAI_WEIGHTS", "XAI_DATA"} <= set(os.environ), reason="needs $XAI_WEIGHTS and $XAI_DATA"),
]
NETWORKS = {"squeezenet1_1": 0.72, "resnet18": 0.74, "resnet50": 0.78}  # measured once on all 1,000 pictures
EVERY = 8  # one picture in eight is enough for a test


@pytest.fixture(scope="module")
def pictures():
    return labelled_pictures(Path(os.environ["XAI_DATA"]) / "imagenet-val-1000")


@pytest.fixture(scope="module")
def images(pictures):
    return torch.cat([load_picture(picture.file, (224, 224)) for picture in pictures[::EVERY]])


@pytest.fixture(scope="module")
def labels(pictures):
    return torch.tensor([picture.label for picture in pictures[::EVERY]])


def test_the_folder_is_read_with_labels_and_boxes(pictures):
    assert len(pictures) == 1000
    assert all(0 <= picture.label < 1000 for picture in pictures)
    assert all(
        0 <= left < right <= 228 and 0 <= top < bottom <= 228
        for picture in pictures
        for left, top, right, bottom in picture.boxes
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_real_networks_recognise_real_pictures(name, pictures, images, labels):
    model = load_model(name)
    accuracy = (outputs(model, images, batch_size=20).argmax(1) == labels).float().mean().item()
    assert abs(accuracy - NETWORKS[name]) < 0.12  # three standard errors of 125 pictures
    assert model.classes[labels[0]].lower().split(" ")[0] in pictures[0].name.lower()


def test_a_row_of_the_table_of_boxes_is_what_the_code_computes_today():
    row = read_records("box_separation")[0]
    found = tables.measure_box(**row["configuration"])
    assert found["area"] == row["result"]["area"]
    for kind in boxes.KINDS:
        assert found[kind] == pytest.approx(row["result"][kind], abs=0.02)


def test_relevance_gathers_on_the_objects_of_pictures_that_are_not_in_the_table():
    """By its size, which tells more of the box than its sign, as the table shows."""
    recorded = read_records("box_separation")
    fresh = boxes.recognised_pictures("squeezenet1_1", len(recorded) + 6)[len(recorded) :]
    model, about = load_model("squeezenet1_1"), tables.imagenet_pictures()
    sensitive = []
    for name in fresh:
        found = gradient(model, load_picture(about[name].file), about[name].label)[0]
        sensitive.append(tables.separation(found, tables.box_region(about[name])))
    assert sum(sensitive) / len(fresh) > 0.6
    rows = [tables.measure_box("squeezenet1_1", name, patch=16, stride=16, samples=1) for name in fresh]
    for kind in ("conditional", "marginal"):
        assert sum(row[kind]["size"] for row in rows) / len(rows) > 0.6


def test_the_recorded_maps_of_photographs_belong_to_this_network_and_these_runs():
    maps, about = real._read(real.FILE)
    for name in real.CHOSEN:
        said, sensitivity = real._at_a_glance(name)
        assert said["classes"] == about["pictures"][name]["classes"]
        assert said["probabilities"] == pytest.approx(about["pictures"][name]["probabilities"], abs=1e-3)
        assert tables.correlation(sensitivity, maps[f"{name}/sensitivity"]) > 0.999
        settings = {f"{name}/{run.names[0]}": run.setting() for run in real.real_runs(name)}
        assert settings == {key: about["runs"][key]["setting"] for key in settings}


def test_a_gaussian_of_real_patches_gives_bounded_evidence(images, labels):
    model, generator = load_model("squeezenet1_1"), torch.Generator().manual_seed(0)
    sampler = ConditionalSampler.fit(images[-40:], generator=generator)
    knobs = {"patch": 10, "stride": 10, "samples": 1, "generator": generator}
    maps = prediction_difference(model, images[:1], labels[:1], sampler=sampler, **knobs)
    instances, classes = model.training_images, len(model.classes)
    assert torch.isfinite(maps).all()
    assert 0 < maps.abs().max() <= math.log2((instances + 1) * (instances + classes - 1) / (classes - 1))
