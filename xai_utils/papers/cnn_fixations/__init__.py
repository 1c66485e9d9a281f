"""CNN Fixations (Mopuri, Garg and Venkatesh Babu, 2017): the pixels that a forward pass, unravelled, goes back to."""

from xai_utils.papers.cnn_fixations.points import fixation_map, points_to_box, remove_outliers
from xai_utils.papers.cnn_fixations.rules import needed
from xai_utils.papers.cnn_fixations.walk import Unravelled, cnn_fixations, start_units, unravel

__all__ = [
    "Unravelled",
    "cnn_fixations",
    "fixation_map",
    "needed",
    "points_to_box",
    "remove_outliers",
    "start_units",
    "unravel",
]
