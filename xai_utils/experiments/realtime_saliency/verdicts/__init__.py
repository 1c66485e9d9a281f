"""The table of claims: the testable sentences of the paper beside what the recorded rows say; a room per section."""

from xai_utils.experiments.claims import Claim, ClaimsTable, claims_table
from xai_utils.experiments.realtime_saliency.verdicts.boxes import of_tables
from xai_utils.experiments.realtime_saliency.verdicts.learning import of_training
from xai_utils.experiments.realtime_saliency.verdicts.masks import of_masks
from xai_utils.experiments.realtime_saliency.verdicts.outlook import of_outlook

__all__ = ["claims_of_the_paper"]


def claims_of_the_paper() -> ClaimsTable:
    """Every testable claim with what was found, from the recorded tables.

    A claim about one quantity holds if its interval leaves no doubt; a claim that one thing is ahead of another holds
    if their intervals lie apart; a claim about several networks holds if it holds for each.
    """
    return claims_table([*of_masks(), *of_tables(), *of_training(), *of_outlook(), *_untried()])


def _untried() -> list[Claim]:
    return [
        Claim(
            "Table 2",
            "Feedback (Cao et al.) misses 38.7%",
            "needs gates that are optimised for every picture and layer; no maintained program of it is known to us",
            "-",
            "not tried",
        ),
        Claim(
            "section 5.1",
            "a fully supervised network (VGG) misses 34.3%",
            "a detector taught with boxes explains no classifier; it would only say how hard the pictures are",
            "-",
            "not tried",
        ),
        Claim(
            "section 5",
            "masking models for ImageNet",
            "250,000 pictures and days of two processor cores; the command for it is in the package",
            "-",
            "not tried",
        ),
    ]
