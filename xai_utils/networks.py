"""Five miniatures with the structure of the papers' networks, for 128 x 128 pictures of Parts.

Each keeps what its ancestor is known for (AlexNet's large first filters and fully connected head, VGG's stacks of
3 x 3, GoogLeNet's four-way inception blocks, ResNet's shortcuts, DenseNet's concatenations), and each shrinks the
picture early, so that a forward pass stays below a millisecond and a method that needs thousands of them can be
run by a reader. All take normalised images and return logits; `xai_utils.load_model` puts the normalisation in front.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchvision.models import DenseNet


def _conv(ins: int, outs: int, size: int, stride: int = 1, norm: bool = True) -> nn.Sequential:
    """Convolution that keeps the size (up to the stride), batch norm unless told otherwise, ReLU."""
    layers = [nn.Conv2d(ins, outs, size, stride, padding=size // 2, bias=not norm)]
    if norm:
        layers.append(nn.BatchNorm2d(outs))
    return nn.Sequential(*layers, nn.ReLU())


def _head(features: int, hidden: int, classes: int) -> nn.Sequential:
    """AlexNet's and VGG's head: two hidden fully connected layers with dropout."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(features, hidden),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, classes),
    )


def _average(features: int, classes: int) -> nn.Sequential:
    """Global average pooling and one linear layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, classes))


def alexnet(classes: int) -> nn.Sequential:
    """AlexNet (Krizhevsky et al., 2012) in small: five convolutions, three overlapping pools, three linear layers.

    Like its ancestor it has no batch norm; the local response normalisation is left out, as torchvision does.

    Args:
        classes: number of outputs.

    Returns:
        A module from normalised images [batch, 3, 128, 128] to logits [batch, classes].
    """
    features = nn.Sequential(
        nn.Conv2d(3, 24, 11, stride=4, padding=2),  # [24, 31, 31]
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),  # [24, 15, 15]
        nn.Conv2d(24, 48, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),  # [48, 7, 7]
        nn.Conv2d(48, 80, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(80, 64, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),  # [64, 3, 3]
    )
    return _named(features=features, classifier=_head(64 * 9, 256, classes))


def vgg(classes: int) -> nn.Sequential:
    """VGG (Simonyan and Zisserman, 2014) in small: stacks of 3 x 3 convolutions, four pools, three linear layers.

    The first convolution has stride 2; VGG's own would cost more than all the rest together.

    Args:
        classes: number of outputs.

    Returns:
        A module from normalised images [batch, 3, 128, 128] to logits [batch, classes].
    """
    plan = [(3, 16, 2), "pool", (16, 32, 1), (32, 32, 1), "pool", (32, 64, 1), (64, 64, 1), "pool"]
    plan += [(64, 96, 1), (96, 96, 1), "pool"]
    layers = [nn.MaxPool2d(2) if step == "pool" else _conv(*step[:2], 3, step[2], norm=False) for step in plan]
    return _named(features=nn.Sequential(*layers), classifier=_head(96 * 16, 192, classes))  # [96, 4, 4]


def alexnet_gap(classes: int) -> nn.Sequential:
    """AlexNet-GAP (Zhou et al., 2016) in small: global average pooling instead of the connected layers, for CAM.

    As there, what follows the last convolution goes, its pool included, and one more 3 x 3 convolution comes.

    Args:
        classes: number of outputs.

    Returns:
        A module from normalised images [batch, 3, 128, 128] to logits [batch, classes].
    """
    features = alexnet(classes).features[:-1]  # [64, 7, 7]
    return _named(features=features.extend(_conv(64, 128, 3, norm=False)), classifier=_average(128, classes))


def vgg_gap(classes: int) -> nn.Sequential:
    """VGG-GAP (Zhou et al., 2016) in small: global average pooling instead of the connected layers, for CAM.

    Args:
        classes: number of outputs.

    Returns:
        A module from normalised images [batch, 3, 128, 128] to logits [batch, classes].
    """
    features = vgg(classes).features[:-1]  # [96, 8, 8]
    return _named(features=features.extend(_conv(96, 192, 3, norm=False)), classifier=_average(192, classes))


class Inception(nn.Module):
    """Four views of the same input side by side (Szegedy et al., 2015, fig. 2b): 1x1, 3x3, 5x5, and a 3x3 max pool.

    Args:
        ins: channels that come in.
        one: channels of the 1x1 branch.
        three: (reduced, final) channels of the 3x3 branch.
        five: (reduced, final) channels of the 5x5 branch.
        pool: channels behind the max pool.
    """

    def __init__(self, ins: int, one: int, three: tuple[int, int], five: tuple[int, int], pool: int) -> None:
        super().__init__()
        self.branch1 = _conv(ins, one, 1)
        self.branch2 = nn.Sequential(_conv(ins, three[0], 1), _conv(three[0], three[1], 3))
        self.branch3 = nn.Sequential(_conv(ins, five[0], 1), _conv(five[0], five[1], 5))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), _conv(ins, pool, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """[batch, ins, height, width] -> [batch, one + three + five + pool, height, width]."""
        return torch.cat([self.branch1(maps), self.branch2(maps), self.branch3(maps), self.branch4(maps)], dim=1)


def googlenet(classes: int) -> nn.Sequential:
    """GoogLeNet (Szegedy et al., 2015) in small: its stem, five inception blocks, global average pooling.

    With batch norm (as torchvision's), without the two auxiliary classifiers.

    Args:
        classes: number of outputs.

    Returns:
        A module from normalised images [batch, 3, 128, 128] to logits [batch, classes].
    """
    features = _named(
        conv1=_conv(3, 16, 7, stride=2),  # [16, 64, 64]
        pool1=nn.MaxPool2d(3, stride=2, padding=1),  # [16, 32, 32]
        conv2=_conv(16, 16, 1),
        conv3=_conv(16, 32, 3),
        pool2=nn.MaxPool2d(3, stride=2, padding=1),  # [32, 16, 16]
        inception3a=Inception(32, 16, (16, 24), (8, 12), 12),
        inception3b=Inception(64, 24, (24, 40), (8, 16), 16),
        pool3=nn.MaxPool2d(3, stride=2, padding=1),  # [96, 8, 8]
        inception4a=Inception(96, 40, (32, 56), (12, 16), 16),
        inception4b=Inception(128, 40, (32, 64), (12, 24), 16),
        pool4=nn.MaxPool2d(2),  # [144, 4, 4]
        inception5a=Inception(144, 64, (48, 96), (16, 32), 32),  # [224, 4, 4]
    )
    return _named(features=features, classifier=_average(224, classes))


class Residual(nn.Module):
    """A basic block of ResNet (He et al., 2016): two 3x3 convolutions whose result is added to the input.

    Args:
        ins: channels that come in.
        outs: channels that go out.
        stride: of the first convolution; a 1x1 projection carries the shortcut when the shape changes.
    """

    def __init__(self, ins: int, outs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(ins, outs, 3, stride)
        self.conv2 = nn.Sequential(nn.Conv2d(outs, outs, 3, padding=1, bias=False), nn.BatchNorm2d(outs))
        self.shortcut = nn.Identity()
        if stride != 1 or ins != outs:
            self.shortcut = nn.Sequential(nn.Conv2d(ins, outs, 1, stride, bias=False), nn.BatchNorm2d(outs))
        self.relu = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """[batch, ins, height, width] -> [batch, outs, height / stride, width / stride]."""
        return self.relu(self.conv2(self.conv1(maps)) + self.shortcut(maps))


def resnet(classes: int) -> nn.Sequential:
    """ResNet-18 (He et al., 2016) with an eighth to a quarter of its channels: eight basic blocks in four stages.

    Args:
        classes: number of outputs.

    Returns:
        A module from normalised images [batch, 3, 128, 128] to logits [batch, classes].
    """
    features = _named(
        stem=_conv(3, 16, 7, stride=2),  # [16, 64, 64]
        pool=nn.MaxPool2d(3, stride=2, padding=1),  # [16, 32, 32]
        layer1=nn.Sequential(Residual(16, 16, 1), Residual(16, 16, 1)),
        layer2=nn.Sequential(Residual(16, 32, 2), Residual(32, 32, 1)),  # [32, 16, 16]
        layer3=nn.Sequential(Residual(32, 64, 2), Residual(64, 64, 1)),  # [64, 8, 8]
        layer4=nn.Sequential(Residual(64, 128, 2), Residual(128, 128, 1)),  # [128, 4, 4]
    )
    return _named(features=features, classifier=_average(128, classes))


def densenet(classes: int) -> nn.Module:
    """DenseNet (Huang et al., 2017) with growth 8: torchvision's own class with short dense blocks.

    Args:
        classes: number of outputs.

    Returns:
        A module from normalised images [batch, 3, 128, 128] to logits [batch, classes].
    """
    return DenseNet(growth_rate=8, block_config=(3, 4, 6, 6), num_init_features=16, bn_size=3, num_classes=classes)


def _named(**children: nn.Module) -> nn.Sequential:
    """A Sequential whose children have names instead of numbers."""
    sequence = nn.Sequential()
    for name, child in children.items():
        sequence.add_module(name, child)
    return sequence


ARCHITECTURES: dict[str, Callable[[int], nn.Module]] = {
    "alexnet": alexnet,
    "vgg": vgg,
    "googlenet": googlenet,
    "resnet": resnet,
    "densenet": densenet,
}
"""The miniatures by name, each a function from the number of classes to an untrained network."""

VARIANTS: dict[str, Callable[[int], nn.Module]] = {"alexnet-gap": alexnet_gap, "vgg-gap": vgg_gap}
"""Versions of two of them that exist for one method only."""
