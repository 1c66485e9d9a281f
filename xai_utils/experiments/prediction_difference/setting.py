"""What all tables of the chapter share: the samplers, fitted once, and the networks, loaded once."""

import copy
from functools import cache

import torch

from xai_utils.parts import Parts
from xai_utils.perturb import ConditionalSampler, ConstantSampler, MarginalSampler, Sampler

COMMAND = "python -m xai_utils.experiments.prediction_difference"


@cache
def parts_samplers(outer: int = 24, pictures: int = 400) -> dict[str, Sampler]:
    """The samplers of the chapter, fitted on training pictures of Parts.

    Args:
        outer: side of the largest outer patch.
        pictures: how many training pictures they know.

    Returns:
        Name -> sampler: "conditional" (joint over colours), "conditional, per channel", "marginal", "grey occlusion".
    """
    images = Parts("train").tensors(indices=range(pictures))[0].float() / 255
    generator = torch.Generator().manual_seed(0)
    joint = ConditionalSampler.fit(images, outer=outer, generator=generator)
    apart = copy.deepcopy(joint)
    apart.per_channel = True
    return {
        "conditional": joint,
        "conditional, per channel": apart,
        "marginal": MarginalSampler(images),
        "grey occlusion": ConstantSampler(0.5),
    }


@cache
def with_outer(sampler: ConditionalSampler, outer: int) -> ConditionalSampler:
    """The sampler for a smaller outer patch, made once: what it works out for each place is kept with it."""
    return sampler.with_outer(outer)
