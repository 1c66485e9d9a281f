"""Video saliency: a masking model is quick enough for every frame; are its masks steady from one to the next?

`moving` draws scenes that move, `clips` reads, masks and writes frames, `measures` measures.
"""

from xai_utils.experiments.realtime_saliency.video.clips import drawn, read_clip, saliency_of_frames, write_clip
from xai_utils.experiments.realtime_saliency.video.measures import (
    BEGINNING,
    ROUND,
    SCENES,
    frame_rates,
    speeds,
    steadiness,
    steadiness_by_method,
)
from xai_utils.experiments.realtime_saliency.video.moving import Moved, animation

__all__ = [
    "BEGINNING",
    "ROUND",
    "SCENES",
    "Moved",
    "animation",
    "drawn",
    "frame_rates",
    "read_clip",
    "saliency_of_frames",
    "speeds",
    "steadiness",
    "steadiness_by_method",
    "write_clip",
]
