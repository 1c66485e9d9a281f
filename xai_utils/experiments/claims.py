"""What a paper says, beside what was measured here: one schema for all chapters."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

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
