"""What a mask is asked for: the weights of eq. 4, the settings of the search, and presets that cite their source."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from xai_utils.masks import terms
from xai_utils.perturb import remove_evidence
from xai_utils.perturb.removal import BASELINES
from xai_utils.tensors import check_choice, check_count


@dataclass(frozen=True)
class Objective:
    """Everything in which two ways of asking for a mask differ; `dataclasses.replace` makes another.

    L(M) = tv_weight TV(M) + area_weight AV(M) + preserve_weight (-log f_c(Phi(X, M)))
    + destroy_weight f_c(Phi(X, 1 - M))^exponent + sparsity_weight S(M), of a mask M = `keep` that is 1 on the region
    asked for.

    **Source**: Dabkowski and Gal (2017), eq. 4; lambda_1 is `tv_weight`, lambda_2 `area_weight`, lambda_3
    `destroy_weight`, lambda_4 `exponent`. The last term is that of Godi et al. (2018), eq. 2.

    The weights hold for any size of picture. The area is a mean, blurs are given for pictures of 224, and the mask has
    `size` cells whatever the picture's size. Enlarging it n times hardly changes eq. 5 (a block's from 37 at 128 pixels
    to 43 at 224): n differences of 1 / n of a step share it, on n lines. For another `tv_power` the sum is multiplied
    by n^(tv_power - 2), which makes it that of the cells again.

    Args:
        tv_weight: of the total variation, a sum over the mask at the picture's size.
        area_weight: of the area, a mean.
        preserve_weight: of the class's absence from the kept region; 0 asks for a destroying region only.
        destroy_weight: of the class's presence in the rest.
        exponent: to which the probability is raised in the last term.
        margins: hinge losses on logits (the authors' code) in place of both terms of probabilities (the paper).
        tv_power: of the differences between neighbours.
        area_power: of the mask's values in the area.
        border: weight of the mask's border in the total variation.
        sparsity_weight: of values between 0 and 1, a mean.
        baseline: what stands where evidence is removed: "grey", "blur", "varying blur", "noise" or "random".
        sigma: of the blurred baseline, pixels of a picture of 224.
        size: cells on the mask's shorter side, at most one for each pixel; it is enlarged bilinearly.
        smooth: sigma of a Gaussian over the enlarged mask, pixels of a picture of 224; 0 for none.
        two_channels: the mask is ``|C0| / (|C0| + |C1|)``, eq. 8, instead of one channel clamped to [0, 1].
        start: the mask at first: a value everywhere, or "circle" for 1 in the inscribed circle and 0 outside.
        optimiser: "adam", or "sgd" with Nesterov momentum 0.9.
        learning_rate: of the optimiser.
        steps: how often it is applied.

    Raises:
        ValueError: a negative weight, another word, a start outside [0, 1].
    """

    tv_weight: float
    area_weight: float
    preserve_weight: float = 1.0
    destroy_weight: float = 5.0
    exponent: float = 0.3
    margins: bool = False
    tv_power: float = 2.0
    area_power: float = 1.0
    border: float = 0.0
    sparsity_weight: float = 0.0
    baseline: str = "random"
    sigma: float = 10.0
    size: int = 32
    smooth: float = 0.0
    two_channels: bool = False
    start: float | Literal["circle"] = 1.0
    optimiser: str = "adam"
    learning_rate: float = 0.1
    steps: int = 100

    def __post_init__(self) -> None:
        for name in ("tv_weight", "area_weight", "preserve_weight", "destroy_weight", "sparsity_weight"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: expected 0 or more, got {getattr(self, name)}")
        check_choice("baseline", self.baseline, BASELINES)
        check_choice("optimiser", self.optimiser, ("adam", "sgd"))
        check_count("size", self.size)
        check_count("steps", self.steps, low=0)
        if self.start != "circle" and (isinstance(self.start, str) or not 0 <= self.start <= 1):
            raise ValueError(f"start: expected 'circle' or a value in 0..1, got {self.start!r}")

    def terms(
        self, model: nn.Module, images: Tensor, target: Tensor, keep: Tensor, baselines: Iterator[Tensor]
    ) -> dict[str, Tensor]:
        """The terms without their weights, for each image; "preserve" and "sparsity" only where they have a weight.

        Args:
            model: classifier in eval mode.
            images: float [batch, 3, height, width], RGB in [0, 1].
            target: int64 [batch] on the images' device.
            keep: float [batch, height, width].
            baselines: what stands where evidence is removed; drawn anew for each picture that is made.

        Returns:
            "tv", "area", "sparsity", "preserve" and "destroy", [batch] each.
        """
        preserve = terms.preserve_margin if self.margins else terms.preserve
        enlarged = max(1.0, min(keep.shape[1:]) / self.size)
        found = {
            "tv": terms.total_variation(keep, self.tv_power, self.border) * enlarged ** (self.tv_power - 2),
            "area": terms.area(keep, self.area_power),
        }
        if self.sparsity_weight:
            found["sparsity"] = terms.sparsity(keep)
        made = [remove_evidence(images, 1 - keep, next(baselines))]
        if self.preserve_weight:
            made.append(remove_evidence(images, keep, next(baselines)))
        pictures = torch.cat(made) if len(made) > 1 else made[0]
        if pictures.requires_grad:  # networks in channels_last hand back slopes in an order that slows the rest
            pictures.register_hook(Tensor.contiguous)
        destroyed, *preserved = model(pictures).split(len(images))
        if preserved:
            found["preserve"] = preserve(preserved[0], target)
        if self.margins:
            found["destroy"] = terms.destroy_margin(destroyed, target)
        else:
            found["destroy"] = terms.destroy(destroyed, target, self.exponent)
        return found

    def loss(self, found: dict[str, Tensor]) -> Tensor:
        """The weighted sum of the terms, [batch]."""
        return sum(getattr(self, f"{name}_weight") * value for name, value in found.items())


SWAPPED = Objective(tv_weight=1e-3, area_weight=10.0)
"""The default, eq. 4 with the weights of Dabkowski and Gal's section 5, of which lambda_1 and lambda_2 change places.

That they are swapped in print is an inference: their code has the large number on the area and the small one on the
variation, and with `PRINTED` every mask is flat. Start, steps and learning rate are ours, chosen on 16 test scenes of
Parts and two networks. From a full mask the class falls to 0.01 when the region is removed (to 0.30 and 0.10 when
the whole picture is blurred), at an area of 7%; from an empty mask it falls to 0.12 and 0.24 only.
"""

PRINTED = replace(SWAPPED, tv_weight=10.0, area_weight=1e-3, learning_rate=0.01)
"""The weights as they stand in Dabkowski and Gal's section 5, with which every mask is flat.

Nothing is too large for them, anything too rough. In a faster search neighbouring cells overshoot each other for ever.
"""

OFFICIAL = Objective(
    tv_weight=0.5 / 2,  # the code halves its sum of squares
    area_weight=11.0,
    preserve_weight=0.2,
    destroy_weight=1.0,
    margins=True,
    area_power=0.3,
    border=0.3,
    two_channels=True,
    start=0.5,
    optimiser="sgd",
    learning_rate=0.1,
    steps=200,
)
"""The iterative masks of Dabkowski and Gal's code (PiotrDabkowski/pytorch-saliency, iterative_saliency.py).

Hinge losses on logits, the exponent 0.3 on the area instead of on the probability, and a penalty on the border. For
training a masking model the code weighs its terms otherwise: `replace(OFFICIAL, area_weight=8.0, tv_weight=0.005 / 2,
preserve_weight=0.3)`. Unlike there, the blur reflects at the border, and the kept picture gets no noise of its own.
"""

DESTROYING = Objective(
    tv_weight=1e-2,
    area_weight=1e-4 * 28**2,  # a sum over the cells there
    preserve_weight=0.0,
    destroy_weight=1.0,
    exponent=1.0,
    tv_power=3.0,
    baseline="blur",
    size=28,
    smooth=5.0,
    steps=300,
)
"""The smallest destroying region only, after Fong and Vedaldi (2017; numbers from ruthcfong/perturb_explanations).

Their weights, Adam with 0.1 for 300 steps, a mask of 28 x 28 cells smoothed by a Gaussian of 5 pixels, blur of 10
pixels. Deviations: no jitter; the start is a full mask, which removes everything, where they look for the smallest
circle that removes the class. (On the same scenes and networks as above the class falls to 0.008 and 0.004, from an
empty mask to 0.11 and 0.12 only.)
"""
