"""Real networks on real photographs: `XAI_WEIGHTS=... XAI_DATA=... python -m pytest -m real`."""

import os
from pathlib import Path

import pytest
import torch

from xai_utils import ConditionalSampler, MarginalSampler, gradient, load_model, prediction_difference
from xai_utils.models import outputs
from xai_utils.pictures import labelled_pictures, load_picture

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not {"XAI_WEIGHTS", "XAI_DATA"} <= set(os.environ), reason="needs $XAI_WEIGHTS and $XAI_DATA"),
]
NETWORKS = {"squeezenet1_1": 0.72, "resnet18": 0.74, "resnet50": 0.78}  # measured on these 1,000 pictures when they came


@pytest.fixture(scope="module")
def pictures():
    return labelled_pictures(Path(os.environ["XAI_DATA"]) / "imagenet-val-1000")


@pytest.fixture(scope="module")
def images(pictures):
    return torch.cat([load_picture(picture.file, (224, 224)) for picture in pictures[::5]])


def test_the_folder_is_read_with_labels_and_boxes(pictures):
    assert len(pictures) == 1000
    assert all(0 <= picture.label < 1000 for picture in pictures)
    assert all(
        0 <= left < right <= 228 and 0 <= top < bottom <= 228
        for picture in pictures
        for left, top, right, bottom in picture.boxes
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_real_networks_recognise_real_pictures(name, pictures, images):
    model = load_model(name)
    labels = torch.tensor([picture.label for picture in pictures[::5]])
    accuracy = (outputs(model, images, batch_size=20).argmax(1) == labels).float().mean().item()
    assert abs(accuracy - NETWORKS[name]) < 0.08  # 200 pictures: three standard errors are 0.09
    assert model.classes[pictures[0].label].lower().split(" ")[0] in pictures[0].name.lower()


@pytest.mark.parametrize("kind", ["marginal", "conditional", "gradient"])
def test_the_evidence_of_a_sure_network_gathers_in_the_box(kind, pictures, images):
    """On average over pictures that the network is sure of, a pixel in the box counts more than one outside."""
    model = load_model("squeezenet1_1")
    probability = outputs(model, images).softmax(1)
    labels = torch.tensor([picture.label for picture in pictures[::5]])
    boxes = torch.zeros(len(images), 224, 224, dtype=torch.bool)
    for inside, picture in zip(boxes, pictures[::5], strict=True):
        for left, top, right, bottom in picture.boxes:
            inside[top * 224 // 227 : bottom * 224 // 227, left * 224 // 227 : right * 224 // 227] = True
    small = (boxes.float().mean((1, 2)) < 0.5) & (probability.gather(1, labels[:, None])[:, 0] > 0.8)
    chosen = small.nonzero()[:4, 0]
    generator = torch.Generator().manual_seed(0)
    if kind == "gradient":
        maps = gradient(model, images[chosen], labels[chosen])
    else:
        others = images[100:]
        sampler = MarginalSampler(others) if kind == "marginal" else ConditionalSampler.fit(others, outer=24)
        maps = prediction_difference(
            model, images[chosen], labels[chosen], sampler=sampler, patch=20, stride=20, samples=3, generator=generator
        )
    inside = torch.stack([m[b].mean() for m, b in zip(maps, boxes[chosen], strict=True)])
    outside = torch.stack([m[~b].mean() for m, b in zip(maps, boxes[chosen], strict=True)])
    assert (inside > outside).float().mean() >= 0.75
    assert inside.mean() > outside.mean()
