"""One recipe that trains every network of the book, and what it does to pictures."""

from xai_utils.training.changes import cropped, flipped, padded, shifted
from xai_utils.training.loop import Epoch, InBfloat16, Recipe, accuracy, fit, train

__all__ = ["Epoch", "InBfloat16", "Recipe", "accuracy", "cropped", "fit", "flipped", "padded", "shifted", "train"]
