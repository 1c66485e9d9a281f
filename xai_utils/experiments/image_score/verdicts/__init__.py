"""The table of claims: the testable sentences of the paper beside what the recorded rows say; a room per section."""

from xai_utils.experiments.claims import Claim, ClaimsTable, claims_table
from xai_utils.experiments.image_score.verdicts.detection import detection_claims
from xai_utils.experiments.image_score.verdicts.learning import learning_claims, tolerance_claims
from xai_utils.experiments.image_score.verdicts.pictures import picture_claims
from xai_utils.experiments.image_score.verdicts.scores import score_claims

__all__ = ["claims_of_the_paper"]


def claims_of_the_paper() -> ClaimsTable:
    """Every testable claim with what was found, from the recorded tables.

    A claim about one quantity holds if its interval leaves no doubt; a claim about several networks holds if it holds
    for each.
    """
    return claims_table(
        [*picture_claims(), *score_claims(), *learning_claims(), *tolerance_claims(), *detection_claims(), *_untried()]
    )


def _untried() -> list[Claim]:
    return [
        Claim(
            "section 3.1",
            "VGG16 and ResNet18 on all of CIFAR-10",
            "100 and 100 epochs of these networks for each class and selection are a GPU's work",
            "-",
            "not tried",
        ),
        Claim(
            "section 3.2",
            "Faster R-CNN with VGG16 on Pascal VOC",
            "70,000 iterations on photographs are a GPU's work; scenes of Parts stand in",
            "-",
            "not tried",
        ),
    ]
