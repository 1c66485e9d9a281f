"""Only what the patch changed: exact forward passes of many copies of a picture, each in a growing window.

Rooms, from the ground up: `spans` (how far a patch reaches along an axis), `pieces` (windows cut out of a clean map),
`local` and `sliding` (which operations can do with a window, and how), `plan` (who does what in a model), `passes` (one
batch of copies) and `model` (what a reader calls).
"""

from xai_utils.incremental.model import Copies, IncrementalModel, answers_to_copies, incremental_model

__all__ = ["Copies", "IncrementalModel", "answers_to_copies", "incremental_model"]
