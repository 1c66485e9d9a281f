"""Claims of section 3.2: object detection."""

from xai_utils.experiments.claims import Claim, in_words, verdict
from xai_utils.experiments.image_score.object_detection import tables
from xai_utils.experiments.image_score.object_detection.runs import RECORD, SEEDS
from xai_utils.experiments.records import read_records


def detection_claims() -> list[Claim]:
    """Table 4, and the controls that the paper does not have; none before two seeds are recorded."""
    if len({row["configuration"]["seed"] for row in read_records(RECORD)}) < 2:
        return []
    sentences = [
        ("Table 4", "pictures selected by score raise the mean average precision by about 0.01", "score", "baseline"),
        ("section 3.2", "but less than true labels of all pictures would", "truth", "score"),
        ("not in the paper", "they raise it more than random pictures", "score", "random"),
        ("not in the paper", "they raise it more than confident detections", "score", "confident"),
    ]
    return [_claim(*sentence) for sentence in sentences]


def _claim(place: str, says: str, arm: str, other: str) -> Claim:
    interval = tables.gain(arm, other)[:3]
    measured = f"mean average precision of {arm} less that of {other} {in_words(interval)}"
    return Claim(place, says, measured, f"scenes of Parts, {len(SEEDS)} seeds", verdict(interval))
