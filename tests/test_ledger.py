"""The ledger of claims: all chapters are in it, and no row is empty."""

import pytest

from xai_utils.experiments.claims import Claim, ClaimsTable, printed_numbers
from xai_utils.experiments.verdict.ledger import CHAPTERS, VERDICTS, counts, ledger


@pytest.fixture(scope="module")
def claims():
    return ledger()


def test_every_paper_has_its_table_in_the_order_of_the_chapters(claims):
    assert list(claims) == [printed_numbers(paper)["title"] for paper in CHAPTERS]
    assert all(isinstance(table, ClaimsTable) and len(table) > 10 for table in claims.values())


def test_every_row_says_where_what_and_why(claims):
    for table in claims.values():
        for claim in table:
            assert claim.verdict in VERDICTS
            assert all((claim.place, claim.says, claim.measured, claim.scale)), claim


def test_verdicts_are_counted():
    rows = [Claim("fig. 1", "a", "b", "c", verdict) for verdict in ("holds", "holds", "not tried")]
    spread = counts({"A paper": ClaimsTable(rows)})["A paper"]
    assert spread == {"holds": 2, "does not hold": 0, "undecided": 0, "shown": 0, "not tried": 1}
