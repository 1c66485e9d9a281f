"""What the papers compare themselves with, in the house's call shape: thin adapters over captum and zennit.

Occlusion (Zeiler and Fergus, 2014) needs no function here: it is `prediction_difference` with a `ConstantSampler`.
"""

from xai_utils.baselines.class_activation import cam, grad_cam, last_spatial_layer
from xai_utils.baselines.gradients import (
    deconvolution,
    gradient,
    gradient_times_input,
    guided_backprop,
    integrated_gradients,
)
from xai_utils.baselines.propagation import contrastive_mwp, excitation_backprop, lrp

__all__ = [
    "cam",
    "contrastive_mwp",
    "deconvolution",
    "excitation_backprop",
    "grad_cam",
    "gradient",
    "gradient_times_input",
    "guided_backprop",
    "integrated_gradients",
    "last_spatial_layer",
    "lrp",
]
