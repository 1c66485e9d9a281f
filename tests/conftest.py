"""What several test modules share: small models whose answers can be worked out by hand."""

import pytest
import torch
from torch import nn


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def images(generator):
    return torch.rand(2, 3, 16, 16, generator=generator)


@pytest.fixture
def linear_model():
    """Logits are weighted sums of all pixels: every explanation of it has a closed form."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4)).eval()


@pytest.fixture
def small_model():
    """A convolutional network with batch norm and dropout."""
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(32, 4),
    ).eval()
