"""The table of claims: the testable sentences of the paper beside what the recorded rows say; a room per section."""

from xai_utils.experiments.claims import Claim, ClaimsTable, claims_table
from xai_utils.experiments.records import read_records
from xai_utils.experiments.visual_summaries.verdicts import counts as of_counts
from xai_utils.experiments.visual_summaries.verdicts.counts import counts_claims
from xai_utils.experiments.visual_summaries.verdicts.masks import mask_claims
from xai_utils.experiments.visual_summaries.verdicts.real import real_claims
from xai_utils.experiments.visual_summaries.verdicts.specialising import code_claims, specialising_claims
from xai_utils.experiments.visual_summaries.verdicts.tags import tag_claims
from xai_utils.experiments.visual_summaries.verdicts.truth import truth_claims

__all__ = ["claims_of_the_paper", "of_counts"]

COUNTED = ("summary_counts", "summary_epochs", "match_orientation", "summary_orientation", "summary_neighbours")


def claims_of_the_paper() -> ClaimsTable:
    """Every testable claim with what was found, from the recorded tables.

    A claim about one quantity holds if its interval leaves no doubt; a claim that one thing is ahead of another holds
    if the interval of their difference does; a claim about several networks holds if it holds for each.
    """
    return claims_table(
        [
            *mask_claims(),
            *real_claims(),
            *truth_claims(read_records("summary_truth"), read_records("part_effects")),
            *tag_claims(read_records("summary_tags"), read_records("summary_tags_shuffled")),
            *counts_claims(*map(read_records, COUNTED)),
            *specialising_claims(),
            *code_claims(),
            *_untried(),
        ]
    )


def _untried() -> list[Claim]:
    return [
        Claim(
            "section 5",
            "summaries inside the training of a network",
            "an outlook of the paper without a method",
            "-",
            "not tried",
        ),
        Claim(
            "section 4",
            "18 adjacent classes of ImageNet",
            "50 pictures of each class are ImageNet's to give; the ten classes of Parts are five adjacent pairs",
            "-",
            "not tried",
        ),
    ]
