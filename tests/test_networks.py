from collections import Counter

import pytest
import torch
from torch import nn

from xai_utils.networks import ARCHITECTURES, Inception, Residual


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_miniature_takes_128_pixels_and_fits_two_megabytes_in_half_precision(name):
    network = ARCHITECTURES[name](7).eval()
    assert network(torch.zeros(2, 3, 128, 128)).shape == (2, 7)
    assert sum(value.numel() for value in network.state_dict().values()) * 2 < 2_000_000


@pytest.mark.parametrize(
    ("name", "linear"), [("alexnet", 3), ("vgg", 3), ("googlenet", 1), ("resnet", 1), ("densenet", 1)]
)
def test_the_heads_are_those_of_the_ancestors(name, linear):
    modules = list(ARCHITECTURES[name](10).modules())
    assert sum(isinstance(module, nn.Linear) for module in modules) == linear


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_no_module_is_used_twice_in_a_forward_pass(name):
    """Hooks record one output per module; a module used twice would hide one."""
    network, calls = ARCHITECTURES[name](10).eval(), Counter()
    for path, module in network.named_modules():
        if not list(module.children()):
            module.register_forward_hook(lambda *_, path=path: calls.update([path]))
    network(torch.zeros(1, 3, 128, 128))
    assert set(calls.values()) == {1}


def test_an_inception_block_lays_its_branches_side_by_side():
    block, maps = Inception(6, 2, (3, 4), (2, 5), 3).eval(), torch.rand(1, 6, 8, 8)
    out = block(maps)
    assert out.shape == (1, 14, 8, 8)
    torch.testing.assert_close(out[:, 2:6], block.branch2(maps))


def test_a_residual_block_adds_its_input():
    block, maps = Residual(4, 4, 1).eval(), torch.rand(1, 4, 8, 8)
    for parameter in block.conv2.parameters():
        nn.init.zeros_(parameter)
    torch.testing.assert_close(block(maps), maps)
