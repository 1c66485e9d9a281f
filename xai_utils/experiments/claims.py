"""What a paper says, beside what was measured here: one schema for all chapters."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import yaml

from xai_utils.experiments.records import RESULTS

PAPERS = RESULTS.parent / "papers.yml"
Interval = tuple[float, float, float]  # mean, low end, high end


@dataclass(frozen=True)
class Claim:
    """One row: a table, a figure or a sentence of a paper and what became of it here.

    Args:
        place: where the paper says it ("fig. 2", "section 4.3").
        says: the claim in a few words.
        measured: what was found, written from the result; or why it was not tried.
        scale: on what ("60 scenes", "one photograph").
        verdict: "holds", "does not hold" or "undecided", as `verdict` says of an interval; "shown" where a figure has
            no number; "not tried".
    """

    place: str
    says: str
    measured: str
    scale: str
    verdict: str


def verdict(interval: Interval, above: float = 0.0) -> str:
    """What an interval says of the claim that its quantity lies above a value.

    Example:
        >>> [verdict(i) for i in ((0.2, 0.1, 0.3), (0.0, -0.1, 0.1), (-0.2, -0.3, -0.1))]
        ['holds', 'undecided', 'does not hold']
    """
    _, low, high = interval
    return "holds" if low > above else "does not hold" if high < above else "undecided"


def apart(first: Interval, second: Interval) -> str:
    """What two intervals say of the claim that the first quantity is larger.

    Example:
        >>> [apart((5, 4, 6), other) for other in ((2, 1, 3), (4, 3, 5), (8, 7, 9))]
        ['holds', 'undecided', 'does not hold']
    """
    return "holds" if first[1] > second[2] else "does not hold" if first[2] < second[1] else "undecided"


def of_all(verdicts: Sequence[str]) -> str:
    """A claim about several cases holds if it holds in each, and fails if it fails in one.

    Example:
        >>> of_all(["holds", "undecided"]), of_all(["holds", "does not hold"])
        ('undecided', 'does not hold')
    """
    return next((word for word in ("does not hold", "undecided") if word in verdicts), "holds")


def in_words(interval: Interval) -> str:
    """A mean and its interval, two digits each.

    Example:
        >>> in_words((0.5, 0.4, 0.625))
        '0.50 [0.40, 0.62]'
    """
    return "{:.2f} [{:.2f}, {:.2f}]".format(*interval)


class ClaimsTable(tuple):
    """Claims that show themselves as a table, on a page and in a terminal."""

    def _repr_html_(self) -> str:
        head = "".join(
            f"<th>{name}</th>" for name in ("Where", "What the paper says", "What we measured", "On", "Verdict")
        )
        rows = "".join(
            f"<tr><td>{escape(c.place)}</td><td>{escape(c.says)}</td><td>{escape(c.measured)}</td>"
            f"<td>{escape(c.scale)}</td><td><strong>{c.verdict}</strong></td></tr>"
            for c in self
        )
        return f'<table class="claims"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'

    def __repr__(self) -> str:
        return "\n".join(f"{c.place}: {c.says} -> {c.measured} ({c.scale}): {c.verdict}" for c in self)


def claims_table(claims: Sequence[Claim]) -> ClaimsTable:
    """The claims as a table.

    Args:
        claims: in the order of the paper.

    Example:
        >>> claims_table([Claim("fig. 1", "2 > 1", "2 is larger by 1", "two numbers", verdict((1, 1, 1)))])
        fig. 1: 2 > 1 -> 2 is larger by 1 (two numbers): holds
    """
    return ClaimsTable(claims)


def printed_numbers(paper: str) -> dict:
    """The numbers that a paper prints, each with its place, from their one home, `data/papers.yml`.

    Args:
        paper: a key of that file, such as "realtime_saliency".
    """
    return yaml.safe_load(PAPERS.read_text(encoding="utf-8"))[paper]
