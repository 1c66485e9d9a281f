"""The claims ledger: what all five papers say, what we measured, and whether it holds; generated from the records."""

from collections import Counter

from xai_utils.experiments.claims import ClaimsTable, printed_numbers
from xai_utils.experiments.cnn_fixations import verdicts as fixations
from xai_utils.experiments.image_score import verdicts as scores
from xai_utils.experiments.prediction_difference import verdicts as difference
from xai_utils.experiments.realtime_saliency import verdicts as saliency
from xai_utils.experiments.records import read_records
from xai_utils.experiments.visual_summaries import verdicts as summaries

VERDICTS = ("holds", "does not hold", "undecided", "shown", "not tried")
CHAPTERS = {
    "prediction_difference": lambda: difference.claims_of_the_paper(*map(read_records, ("claims", "part_relevance"))),
    "cnn_fixations": fixations.claims_of_the_paper,
    "realtime_saliency": saliency.claims_of_the_paper,
    "visual_summaries": summaries.claims_of_the_paper,
    "image_score": scores.claims_of_the_paper,
}


def ledger() -> dict[str, ClaimsTable]:
    """Title of each paper -> its table of claims, as its chapter shows it."""
    return {printed_numbers(paper)["title"]: claims() for paper, claims in CHAPTERS.items()}


def counts(claims: dict[str, ClaimsTable]) -> dict[str, dict[str, int]]:
    """How the verdicts are spread: title -> verdict -> number of claims, each of `VERDICTS`.

    Args:
        claims: as `ledger` returns them.
    """
    found = {title: Counter(claim.verdict for claim in table) for title, table in claims.items()}
    return {title: {verdict: of[verdict] for verdict in VERDICTS} for title, of in found.items()}
