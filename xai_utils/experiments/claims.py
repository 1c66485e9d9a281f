"""What a paper says, beside what was measured here: one schema for all chapters."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

VERDICTS = {True: "holds", False: "does not hold", None: "not tried"}


@dataclass(frozen=True)
class Claim:
    """One row: a table, a figure or a sentence of a paper and what became of it here.

    Args:
        place: where the paper says it ("fig. 2", "section 4.3").
        says: the claim in a few words.
        measured: what was found, written from the result; or why it was not tried.
        scale: on what ("60 scenes", "one photograph").
        holds: True, False, or None if it was not tried. Compute it from the result, never type it.
    """

    place: str
    says: str
    measured: str
    scale: str
    holds: bool | None

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        return VERDICTS[None if self.holds is None else bool(self.holds)]


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
        >>> claims_table([Claim("fig. 1", "2 > 1", "2 is larger by 1", "two numbers", 2 > 1)])
        fig. 1: 2 > 1 -> 2 is larger by 1 (two numbers): holds
    """
    return ClaimsTable(claims)
