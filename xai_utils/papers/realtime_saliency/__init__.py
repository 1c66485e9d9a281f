"""Real Time Image Saliency: a masking model that says in one forward pass what a black box needs to see.

Dabkowski and Gal, "Real Time Image Saliency for Black Box Classifiers" (NIPS 2017). Rooms: `model` (the architecture),
`learning` (how it learns from its black box) and `files` (trained ones).
"""

from xai_utils.papers.realtime_saliency.files import load_masking_model, write_masking_model
from xai_utils.papers.realtime_saliency.learning import FAKES, LEARNED, LEARNING, WARM_UP, Learned, train_masking_model
from xai_utils.papers.realtime_saliency.model import LAYERS, MaskingModel, realtime_saliency

__all__ = [
    "FAKES",
    "LAYERS",
    "LEARNED",
    "LEARNING",
    "WARM_UP",
    "Learned",
    "MaskingModel",
    "load_masking_model",
    "realtime_saliency",
    "train_masking_model",
    "write_masking_model",
]
