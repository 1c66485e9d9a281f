"""How good an explanation is, by a measure that needs no method: maps, boxes, regions and labels come in."""

from xai_utils.metrics.boxes import box_iou, boxes_around, localisation_error, maps_to_boxes, top1_localisation_error
from xai_utils.metrics.curves import area_under, deletion_curve, insertion_curve
from xai_utils.metrics.infidelity import infidelity
from xai_utils.metrics.pixels import (
    equal_error_threshold,
    pointing_game,
    precision_recall,
    region_iou,
    share_inside,
)
from xai_utils.metrics.saliency import SaliencyScores, SmallestRegions, crop_scores, saliency_metric, smallest_regions

__all__ = [
    "SaliencyScores",
    "SmallestRegions",
    "area_under",
    "box_iou",
    "boxes_around",
    "crop_scores",
    "deletion_curve",
    "equal_error_threshold",
    "infidelity",
    "insertion_curve",
    "localisation_error",
    "maps_to_boxes",
    "pointing_game",
    "precision_recall",
    "region_iou",
    "saliency_metric",
    "share_inside",
    "smallest_regions",
    "top1_localisation_error",
]
