"""Real networks on real photographs: `XAI_WEIGHTS=... XAI_DATA=... python -m pytest -m real`."""

import math
import os
from pathlib import Path

import pytest
import torch

from xai_utils import (
    ConditionalSampler,
    MarginalSampler,
    gradient,
    load_model,
    prediction_difference,
    target_probability,
)
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


@pytest.fixture(scope="module")
def sure(pictures, images, labels):
    """Three pictures with small objects that SqueezeNet is sure of: their places, and bool masks of their boxes."""
    boxes = torch.zeros(len(images), 224, 224, dtype=torch.bool)
    for inside, picture in zip(boxes, pictures[::EVERY], strict=True):
        for left, top, right, bottom in picture.boxes:
            inside[top * 224 // 227 : bottom * 224 // 227, left * 224 // 227 : right * 224 // 227] = True
    probability = target_probability(load_model("squeezenet1_1"), images, labels)
    chosen = ((boxes.float().mean((1, 2)) < 0.4) & (probability > 0.8)).nonzero()[:3, 0]
    return chosen, boxes[chosen]


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


@pytest.mark.parametrize("kind", ["marginal", "gradient"])
def test_the_evidence_of_a_sure_network_gathers_in_the_box(kind, sure, images, labels):
    model, (chosen, boxes) = load_model("squeezenet1_1"), sure
    if kind == "gradient":
        maps = gradient(model, images[chosen], labels[chosen])
    else:
        sampler, generator = MarginalSampler(images[-40:]), torch.Generator().manual_seed(0)
        knobs = {"patch": 28, "stride": 28, "samples": 2, "generator": generator}
        maps = prediction_difference(model, images[chosen], labels[chosen], sampler=sampler, **knobs)
    inside, outside = (
        torch.stack([m[b].mean() for m, b in zip(maps, where, strict=True)]) for where in (boxes, ~boxes)
    )
    assert (inside > outside).sum() >= 2
    assert inside.mean() > outside.mean()


def test_a_gaussian_of_real_patches_gives_bounded_evidence(sure, images, labels):
    model, picture = load_model("squeezenet1_1"), sure[0][:1]
    generator = torch.Generator().manual_seed(0)
    sampler = ConditionalSampler.fit(images[-40:], generator=generator)
    knobs = {"patch": 10, "stride": 10, "samples": 1, "generator": generator}
    maps = prediction_difference(model, images[picture], labels[picture], sampler=sampler, **knobs)
    instances, classes = model.training_images, len(model.classes)
    assert torch.isfinite(maps).all()
    assert 0 < maps.abs().max() <= math.log2((instances + 1) * (instances + classes - 1) / (classes - 1))
