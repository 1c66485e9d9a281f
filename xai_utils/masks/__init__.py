"""Soft masks found for one picture at a time: what they are asked for, and the loop that searches for them."""

from xai_utils.masks.loop import State, iterative_mask, optimise_keep
from xai_utils.masks.objective import DESTROYING, OFFICIAL, PRINTED, SWAPPED, Objective
from xai_utils.masks.terms import area, destroy, destroy_margin, preserve, preserve_margin, sparsity, total_variation

__all__ = [
    "DESTROYING",
    "OFFICIAL",
    "PRINTED",
    "SWAPPED",
    "Objective",
    "State",
    "area",
    "destroy",
    "destroy_margin",
    "iterative_mask",
    "optimise_keep",
    "preserve",
    "preserve_margin",
    "sparsity",
    "total_variation",
]
