"""Windows of a picture, and what could stand in them instead of what does.

A *sampler* answers: what might this window hold, if it were unknown? It has two methods. `draw` makes the randomness
for some windows, from a `torch.Generator` alone; `bind` takes a picture and returns a function that turns windows and
their randomness into contents. The two are apart so that all pictures of a batch share their randomness.

A soft mask `keep` hides pixels by degrees instead: `remove_evidence` blends the picture with a *baseline*.
"""

from xai_utils.perturb.gaussian import ConditionalSampler
from xai_utils.perturb.removal import (
    blur_matrix,
    blurred_baseline,
    constant_baseline,
    draw_baselines,
    gaussian_blur,
    noisy_baseline,
    remove_evidence,
    varying_blur,
)
from xai_utils.perturb.samplers import ConstantSampler, Contents, InpaintingSampler, MarginalSampler, Sampler
from xai_utils.perturb.windows import average_over_windows, patched, patched_outputs, window_corners

__all__ = [
    "ConditionalSampler",
    "ConstantSampler",
    "Contents",
    "InpaintingSampler",
    "MarginalSampler",
    "Sampler",
    "average_over_windows",
    "blur_matrix",
    "blurred_baseline",
    "constant_baseline",
    "draw_baselines",
    "gaussian_blur",
    "noisy_baseline",
    "patched",
    "patched_outputs",
    "remove_evidence",
    "varying_blur",
    "window_corners",
]
