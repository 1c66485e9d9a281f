"""The masking model: a U-Net that turns a picture and a class into a mask, in one forward pass (section 4, fig. 4)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.models.feature_extraction import create_feature_extractor

from xai_utils.activations import find_layer
from xai_utils.models import Classifier
from xai_utils.tensors import check_choice, check_count, check_images, check_model, check_target

BLOCKS = {"paper": 3, "official": 1}  # bottlenecks of an upsampler
LAYERS = {  # the last layer of each scale, from a quarter of the picture's side to a thirty-second
    "parts/resnet": ("features.layer1", "features.layer2", "features.layer3", "features.layer4"),
    "resnet50": ("layer1", "layer2", "layer3", "layer4"),
}
TINY = 1e-6  # keeps eq. 8 defined where both channels are 0


def _ratio(channels: Tensor) -> Tensor:
    """Eq. 8: two channels [batch, 2, rows, columns] -> a mask [batch, rows, columns]."""
    first, second = channels.abs().unbind(dim=1)
    return first / (first + second + TINY)


ACTIVATIONS = {"ratio": _ratio, "sigmoid": lambda channels: channels[:, 0].sigmoid()}


class MaskingModel(nn.Module):
    """Gives for a picture and a class the mask of what the black box needs to see; see `train_masking_model`.

    **Source**: section 4 and fig. 4. The paper's encoder has five scales; its largest maps are used by nothing, since
    the mask has a quarter of the picture's side.

    Args:
        encoder: a classifier whose trunk reads the picture; it is frozen, and stays in eval mode.
        layers: the names of its layers (below `encoder.network`) whose maps are used, largest maps first, each half as
            large as the one before.
        base: channels of the last upsampler; each one before has twice as many (the paper: 192, 384, 768).
        variant: "paper" (transposed convolution and three bottlenecks) or "official" (the authors' code: pixel shuffle
            and one bottleneck).
        activation: what makes the mask of the last maps: "ratio", eq. 8 on two channels, or "sigmoid" on one, which
            the paper tried in vain.

    Raises:
        TypeError, ValueError: no classifier, one in train mode, layers that it does not have or that do not halve.

    Example:
        >>> from xai_utils import load_model
        >>> encoder = load_model("parts/resnet")
        >>> masking_model = MaskingModel(encoder, layers=LAYERS["parts/resnet"]).eval()
        >>> masking_model(torch.rand(2, 3, 128, 128), torch.tensor([0, 3])).shape
        torch.Size([2, 128, 128])
    """

    def __init__(
        self,
        encoder: Classifier,
        *,
        layers: Sequence[str],
        base: int = 16,
        variant: str = "paper",
        activation: str = "ratio",
    ) -> None:
        super().__init__()
        check_model(encoder)
        check_count("base", base)
        check_choice("variant", variant, list(BLOCKS))
        check_choice("activation", activation, list(ACTIVATIONS))
        for layer in layers:
            find_layer(encoder.network, layer)
        self.classes, self.input_size = encoder.classes, encoder.input_size
        self.settings = {"layers": list(layers), "base": base, "variant": variant, "activation": activation}
        trunk = create_feature_extractor(encoder.network, {layer: layer for layer in layers})
        self.trunk = trunk.eval().requires_grad_(False)
        self.register_buffer("scale", encoder.scale, persistent=False)
        self.register_buffer("shift", encoder.shift, persistent=False)
        *skips, top = self._channels()
        self.embedding = nn.Embedding(len(self.classes), top)
        nn.init.normal_(self.embedding.weight, std=top**-0.5)
        widths = [base * 2**step for step in range(len(skips))][::-1]
        self.upsamplers = nn.ModuleList(
            Upsampler(ins, skip, outs, variant)
            for ins, skip, outs in zip([top, *widths], reversed(skips), widths, strict=False)
        )
        self.head = nn.Conv2d(base, 2 if activation == "ratio" else 1, 1)
        nn.init.constant_(self.head.bias, activation == "ratio")  # either way the mask begins near one half

    def _channels(self) -> list[int]:
        """The channels of the trunk's maps; refuses maps that do not halve from one to the next."""
        with torch.no_grad():
            maps = self.features(torch.zeros(1, 3, *self.input_size))
        sizes = [tuple(scale.shape[2:]) for scale in maps]
        halves = [tuple(2 * side for side in small) == large for large, small in pairwise(sizes)]
        if len(sizes) < 2 or not all(halves):
            raise ValueError(f"layers: expected maps each half as large as the one before, got sizes {sizes}")
        return [scale.shape[1] for scale in maps]

    def features(self, images: Tensor) -> list[Tensor]:
        """What the frozen trunk says of the pictures, largest maps first; no gradient goes there."""
        with torch.no_grad():
            maps = self.trunk(torch.addcmul(self.shift, images, self.scale))
        return [maps[layer] for layer in self.settings["layers"]]

    def presence(self, top: Tensor, target: Tensor) -> Tensor:
        """How much each place of the smallest map looks like the class, before the sigmoid: X_ij^T C_s of eq. 7.

        Args:
            top: float [batch, channels, rows, columns].
            target: int64 [batch].

        Returns:
            float [batch, rows, columns].
        """
        return torch.einsum("bcij,bc->bij", top, self.embedding(target))

    def forward(self, images: Tensor, target: Tensor) -> Tensor:
        """The mask of each picture for its class.

        Args:
            images: float [batch, 3, height, width], RGB in [0, 1].
            target: int64 [batch].

        Returns:
            `keep`, float [batch, height, width] in [0, 1].
        """
        return self.masks(self.features(images), target, images.shape[2:])

    def masks(self, features: Sequence[Tensor], target: Tensor, size: Sequence[int]) -> Tensor:
        """The masks for what the trunk said; see `forward`."""
        *skips, top = features
        maps = top * torch.sigmoid(self.presence(top, target))[:, None]  # eq. 7
        for upsampler, skip in zip(self.upsamplers, reversed(skips), strict=True):
            maps = upsampler(maps, skip)
        keep = ACTIVATIONS[self.settings["activation"]](self.head(maps))  # [batch, height / 4, width / 4]
        return interpolate(keep[:, None], tuple(size), mode="bilinear", align_corners=False)[:, 0]

    def train(self, mode: bool = True) -> "MaskingModel":
        """Train or eval mode for what is learned; the trunk stays in eval mode, so that its batch norms stay put."""
        super().train(mode)
        self.trunk.eval()
        return self

    def learned(self) -> dict[str, Tensor]:
        """The state without the trunk, which is the encoder's own."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("trunk.")}


class Upsampler(nn.Module):
    """Doubles the maps' side, joins the trunk's maps of that scale, and refines both in bottlenecks.

    Args:
        ins: channels that come from below.
        skip: channels of the trunk's maps.
        outs: channels that go on.
        variant: see `MaskingModel`.
    """

    def __init__(self, ins: int, skip: int, outs: int, variant: str) -> None:
        super().__init__()
        if variant == "paper":
            self.up = nn.Sequential(
                nn.ConvTranspose2d(ins, outs, 2, stride=2, bias=False), nn.BatchNorm2d(outs), nn.ReLU()
            )
        else:
            grown = nn.Conv2d(ins, 4 * outs, 3, padding=1, bias=False)
            self.up = nn.Sequential(grown, nn.BatchNorm2d(4 * outs), nn.ReLU(), nn.PixelShuffle(2))
        widths = [outs + skip] + [outs] * (BLOCKS[variant] - 1)
        self.refine = nn.Sequential(*(Bottleneck(width, outs) for width in widths))

    def forward(self, maps: Tensor, skip: Tensor) -> Tensor:
        """[batch, ins, rows, columns] and maps twice as large -> [batch, outs, 2 rows, 2 columns]."""
        return self.refine(torch.cat([self.up(maps), skip], dim=1))


class Bottleneck(nn.Module):
    """ResNet's bottleneck block: 1 x 1, 3 x 3 on half of the channels, 1 x 1, and a shortcut."""

    def __init__(self, ins: int, outs: int) -> None:
        super().__init__()
        inner = outs // 2
        self.delta = nn.Sequential(
            nn.Conv2d(ins, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(),
            nn.Conv2d(inner, inner, 3, padding=1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(),
            nn.Conv2d(inner, outs, 1, bias=False), nn.BatchNorm2d(outs),
        )  # fmt: skip
        self.shortcut = nn.Identity() if ins == outs else nn.Conv2d(ins, outs, 1)
        self.relu = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """[batch, ins, rows, columns] -> [batch, outs, rows, columns]."""
        return self.relu(self.delta(maps) + self.shortcut(maps))


def realtime_saliency(
    masking_model: MaskingModel, images: Tensor, target: int | Sequence[int] | Tensor, *, batch_size: int = 64
) -> Tensor:
    """The mask of what a black box needs to see, from a masking model that was trained for it: one forward pass.

    **Source**: section 4. The black box itself is not asked; the masking model belongs to the one it was trained for.

    Args:
        masking_model: in eval mode; see `load_masking_model` and `train_masking_model`.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each; it need not be in the picture.
        batch_size: images per forward pass.

    Returns:
        float [batch, height, width] in [0, 1]; 1 where the picture has to be kept.

    Raises:
        TypeError, ValueError: bad images, a class that the masking model does not know, one in train mode.

    Example:
        >>> from xai_utils.papers.realtime_saliency import load_masking_model
        >>> from xai_utils.parts import load_images
        >>> images, _ = load_images("test", [171, 93])  # a robin, a steam locomotive
        >>> maps = realtime_saliency(load_masking_model("parts/resnet-crops"), images, 0)  # where is a robin?
        >>> maps.mean(dim=(1, 2)) > 0.05
        tensor([ True, False])
    """
    check_model(masking_model)
    check_images(images)
    check_count("batch_size", batch_size)
    target = check_target(target, len(images), len(masking_model.classes)).to(images.device)
    with torch.inference_mode():
        pairs = zip(images.split(batch_size), target.split(batch_size), strict=True)
        return torch.cat([masking_model(some, asked) for some, asked in pairs]).clone()
