"""What fixations and masks cost, in forward passes."""

import pytest
import torch
from torch import nn

from xai_utils.experiments.benchmark import in_forwards, read_benchmark, summaries, verdict
from xai_utils.experiments.verdict.methods import methods_for


def test_two_forward_passes_cost_two_forward_passes():
    model = nn.Sequential(nn.Conv2d(3, 32, 7, padding=3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()

    def twice(model, images, target):
        with torch.inference_mode():
            model(images), model(images)

    found = in_forwards(model, torch.rand(4, 3, 96, 96), {"twice": twice, "never": lambda *_: None})
    assert found["twice"] == pytest.approx(2, abs=0.5)
    assert found["never"] < 0.1


def test_the_recorded_costs_hold_at_least_the_forward_pass_that_every_method_needs():
    row = read_benchmark()["cnn_fixations"]
    assert (row["model"], row["batch_size"]) == ("resnet50", 8)
    assert row["forwards"].keys() == {"fixations", "fixations, moving", "Grad-CAM"}
    for ratios in row["forwards"].values():
        assert len(ratios) >= 5
        assert ratios == sorted(ratios)
        assert 1 < ratios[0] <= ratios[-1] < 3


def test_a_mask_costs_at_most_half_a_forward_pass_more_than_its_encoder():
    rows = read_benchmark()["realtime_saliency"]
    assert 1 < rows["miniature"]["forwards"]["masking model"] <= 1.5
    for row in rows.values():
        assert row["forwards"]["iterative mask"] > 50 * row["forwards"]["masking model"]
        assert row["masks_per_second"] > 0


def test_time_is_that_of_the_model(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(summaries.time, "process_time", lambda: next(clock))
    timed = summaries.Timed(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).eval())
    images = torch.rand(1, 3, 2, 2, requires_grad=True) * 1
    timed(images).sum().backward()
    assert timed.seconds == 2  # one tick forward, one backward
    with torch.no_grad():
        timed(images)
    assert timed.seconds == 3


def test_a_search_is_mostly_the_network_and_a_class_takes_minutes():
    row = read_benchmark()["visual_summaries"]
    for network, shares in row["in the network"].items():
        assert min(shares.values()) >= (0.95 if network == "resnet18" else 0.8)
    seconds = row["one class"]
    late = ("proposals", "features", "whitening", "matching", "pruning", "clustering", "selection")
    assert sum(seconds[stage] for stage in late) <= 90
    assert seconds["masks"] + sum(seconds[stage] for stage in late) <= 8 * 60


def test_scoring_costs_about_a_tenth_more_than_the_forward_passes():
    costs = sorted(costs["scores"] for costs in read_benchmark()["image_score"]["forwards"].values())
    assert len(costs) == 5
    assert costs[2] <= 1.1  # the median network
    assert costs[-1] <= 1.15  # networks of dozens of layers


def test_the_memory_of_a_method_does_not_hide_behind_that_of_the_process_that_asks(monkeypatch):
    monkeypatch.setattr(verdict, "methods_for", lambda model: ["edges", "integrated gradients"])
    large = torch.ones(100_000_000)  # as much as a session with a large table
    found = verdict.method_memory()["megabytes"]
    assert 0 <= found["edges"] < found["integrated gradients"] < large.numel() * 4e-6
    assert found["integrated gradients"] > 20


def test_recorded_costs_of_the_verdict_are_in_their_plain_order():
    costs, grown = read_benchmark()["verdict"], read_benchmark()["verdict_memory"]["megabytes"]
    assert set(costs["forwards"]) == set(grown) == set(methods_for(costs["model"]))
    of = costs["forwards"]
    assert of["centre"] < 1 < of["gradient"] < of["integrated gradients"] < of["searched mask"] < of["crisp mask"]
    assert min(grown.values()) >= 0
