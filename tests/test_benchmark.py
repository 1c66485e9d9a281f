"""What fixations and masks cost, in forward passes."""

import pytest
import torch
from torch import nn

from xai_utils.experiments.benchmark import in_forwards, read_benchmark


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
