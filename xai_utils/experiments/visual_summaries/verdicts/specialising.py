"""Claims of section 4.4 and fig. 6: what SVMs on the summaries add, and the ranking of regions of the authors' code."""

from xai_utils.experiments.claims import Claim, Interval, in_words, of_all, printed_numbers, verdict
from xai_utils.experiments.records import read_records
from xai_utils.experiments.visual_summaries import ranking, specialising, superpixels
from xai_utils.parts import CLASSES, Parts


def specialising_claims() -> list[Claim]:
    """Section 4.4 on Parts: change of accuracy, whether summaries are what does it, and what they put right."""
    rows, printed = read_records(specialising.RECORD), printed_numbers("visual_summaries")["section_4_4"]
    networks = _networks(rows)
    tables = {name: specialising.gain_table(rows, name) for name in networks}
    tests = f"{len(Parts('test')):,} scenes, {len(networks)} networks, all {len(CLASSES)} classes"
    own = [row for row in rows if row["configuration"]["training"] == "summaries"]
    best = max(row["result"]["at best"] - row["result"]["before"] for row in own)
    sizes = [row["result"]["examples"] for row in own]
    turned = {name: specialising.corrected(rows, name) for name in networks}
    counts = "; ".join(f"{_short(name)} {len(right)} and {len(wrong)}" for name, (right, wrong) in turned.items())
    return [
        Claim(
            "section 4.4",
            f"SVMs on the summaries improve accuracy, by {printed['gain']:.2f} points there",
            "change in points: "
            + _by_network({name: _points(table["summaries"]) for name, table in tables.items()})
            + f"; the best choice on the test itself: {100 * best:+.2f}",
            tests,
            of_all([verdict(table["summaries"]) for table in tables.values()]),
        ),
        Claim(
            "section 4.4",
            "it is the summaries that do it: random subsets of their sizes do less",
            "more than random subsets, in points: "
            + _by_network({name: _points(table["random subsets against summaries"]) for name, table in tables.items()}),
            f"{tests}, {specialising.SEEDS} draws",
            of_all([verdict(table["random subsets against summaries"]) for table in tables.values()]),
        ),
        Claim(
            "section 4.4",
            f"a summary has {printed['pictures']} pictures on average",
            f"{min(sizes):.1f} to {max(sizes):.1f} by network",
            f"{len(networks)} networks, at most {specialising.PICTURES} pictures of a class",
            "shown",  # no summary can have more pictures than the class
        ),
        Claim("fig. 6", "pictures that the SVMs put right", f"put right and spoiled: {counts}", tests, "shown"),
    ]


def code_claims() -> list[Claim]:
    """What only the authors' code has: superpixels and the ranking of regions."""
    ranked, pieces = read_records(ranking.RECORD), read_records(superpixels.RECORD)
    order = {name: ranking.ranking_table(ranked, name) for name in _networks(ranked)}
    masks = {name: superpixels.superpixel_table(pieces, name) for name in _networks(pieces)}
    return [
        Claim(
            "authors' code",
            "the region whose hiding costs most is the one that tells the class",
            "how often it hides more of the telling part than any other, less chance: "
            + _by_network({name: table["drop against chance"] for name, table in order.items()})
            + "; less the largest region: "
            + _by_network({name: table["drop against area"] for name, table in order.items()}),
            f"{len(ranked)} classes and networks, masks of several regions",
            of_all(
                [verdict(table[f"drop against {other}"]) for table in order.values() for other in ("chance", "area")]
            ),
        ),
        Claim(
            "authors' code",
            "masks of whole superpixels take as much of the class as crisp ones",
            "drop, superpixels less crisp: "
            + _by_network({name: table["drop"] for name, table in masks.items()})
            + "; area: "
            + _by_network({name: table["area"] for name, table in masks.items()}),
            f"{sum(len(row['result']['picture']) for row in pieces)} pictures and networks, 50 steps of the one",
            of_all([_no_less(table["drop"]) for table in masks.values()]),
        ),
    ]


def _networks(rows: list[dict]) -> list[str]:
    return list(dict.fromkeys(row["configuration"]["network"] for row in rows))


def _short(name: str) -> str:
    return name.removeprefix("parts/")


def _no_less(difference: Interval) -> str:
    return "does not hold" if difference[2] < 0 else "undecided"


def _points(interval: Interval) -> Interval:
    return tuple(100 * value for value in interval)


def _by_network(found: dict[str, Interval]) -> str:
    return ", ".join(f"{_short(name)} {in_words(interval)}" for name, interval in found.items())
