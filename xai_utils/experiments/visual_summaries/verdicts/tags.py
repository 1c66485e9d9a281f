"""Claims of section 4.2: fig. 4 (a tagger of whole pictures) and Table 1 (people who name parts)."""

from collections.abc import Mapping, Sequence

from xai_utils.experiments.claims import Claim, Interval, in_words, of_all, printed_numbers, verdict
from xai_utils.experiments.visual_summaries import shuffled, tags

PAPERS = "parts/alexnet"  # the paper's summaries are AlexNet's


def tag_claims(rows: Sequence[dict], control: Sequence[dict]) -> list[Claim]:
    """Fig. 4 on average, for other networks, class by class, among recognised pictures and its control; Table 1.

    Args:
        rows: of `tags.tag_rows`; networks without rows are left out.
        control: of `shuffled.shuffled_rows`, for the same networks.

    Raises:
        ValueError: no rows of the paper's network, or no control of a network.
    """
    others = [name for name in tags.NETWORKS if name != PAPERS and tags.by_class(rows, name)]
    return [
        _average(rows),
        *([_other_networks(rows, others)] if others else []),
        _classes(rows),
        _other_counts(rows),
        _recognised(rows, [PAPERS, *others]),
        _control(rows, control, [PAPERS, *others]),
        _parts(rows, [PAPERS, *others]),
        _people(),
    ]


def _average(rows: Sequence[dict]) -> Claim:
    apart, found = tags.closer(rows, PAPERS), tags.by_class(rows, PAPERS)
    within, random = (sum(one[name] for one in found.values()) / len(found) for name in ("summaries", "random"))
    return Claim(
        "fig. 4",
        "on average pictures of one summary are closer in semantic content than random pictures of the class",
        f"mean Jaccard distance {within:.2f} against {random:.2f}, closer by {in_words(apart)}: a machine tagger that "
        "reads nouns off the true scene",
        _scale(rows, [PAPERS]),
        verdict(apart),
    )


def _other_networks(rows: Sequence[dict], networks: Sequence[str]) -> Claim:
    return Claim(
        "fig. 4",
        "the same for each other network (not in the paper)",
        f"closer by {_by_network(rows, networks, 'pictures')}",
        _scale(rows, networks),
        of_all([verdict(tags.closer(rows, name)) for name in networks]),
    )


def _classes(rows: Sequence[dict]) -> Claim:
    apart = tags.closer_by_class(rows, PAPERS)
    return Claim(
        "fig. 4",
        "the same in every single class, more than by the luck of a random set",
        f"in {sum(verdict(of) == 'holds' for of in apart.values())} of {len(apart)}; closer by "
        + ", ".join(f"{name} {in_words(of)}" for name, of in apart.items()),
        f"{rows[0]['configuration']['repeats']:,} random sets per class",
        of_all([verdict(of) for of in apart.values()]),
    )


def _other_counts(rows: Sequence[dict]) -> Claim:
    apart = {count: tags.closer(rows, PAPERS, tags=count) for count in tags.OTHER_TAGS}
    return Claim(
        "section 4.2",
        'eight tags per picture are "for convenience": with fewer, or with all nouns, it is the same',
        "closer by " + ", ".join(f"{in_words(of)} with at most {count} tags" for count, of in apart.items()),
        _scale(rows, [PAPERS]),
        of_all([verdict(of) for of in apart.values()]),
    )


def _recognised(rows: Sequence[dict], networks: Sequence[str]) -> Claim:
    return Claim(
        "fig. 4",
        "it is the grouping: closer than random pictures that the network recognises, too (not in the paper)",
        f"closer by {_by_network(rows, networks, 'recognised pictures')}",
        _scale(rows, networks),
        of_all([verdict(tags.closer(rows, name, "recognised pictures")) for name in networks]),
    )


def _control(rows: Sequence[dict], control: Sequence[dict], networks: Sequence[str]) -> Claim:
    apart = {name: shuffled.own_against_shuffled(rows, control, name) for name in networks}
    alone = {name: shuffled.shuffled_closer(control, name) for name in networks}
    return Claim(
        "fig. 4",
        "it is what the network sees: closer than summaries made with masks of other pictures (not in the paper)",
        f"closer by {_listed(apart)}; those summaries themselves are closer than random pictures by {_listed(alone)}",
        f"{_scale(rows, networks)}, {len(shuffled.SEEDS)} shuffles",
        of_all([verdict(of) for of in apart.values()]),
    )


def _parts(rows: Sequence[dict], networks: Sequence[str]) -> Claim:
    return Claim(
        "section 4",
        "a summary has a precise type of part: the names of its boxes agree more than if boxes were dealt out anew",
        f"closer by {_by_network(rows, networks, 'parts')}: a machine tagger of boxes",
        _scale(rows, networks, "parts"),
        of_all([verdict(tags.closer(rows, name, "parts")) for name in networks]),
    )


def _people() -> Claim:
    printed = [entry["distance"] for entry in printed_numbers("visual_summaries")["table_1"]["classes"].values()]
    return Claim(
        "Table 1",
        f"people agree on what summaries are called: mean distance between {min(printed)} and {max(printed)} by class",
        "no people were asked; the chapter has the control that asks them and makes the table from their answers",
        "-",
        "not tried",
    )


def _by_network(rows: Sequence[dict], networks: Sequence[str], tagged: str) -> str:
    return _listed({name: tags.closer(rows, name, tagged) for name in networks})


def _listed(intervals: Mapping[str, Interval]) -> str:
    return ", ".join(f"{name.removeprefix('parts/')} {in_words(of)}" for name, of in intervals.items())


def _scale(rows: Sequence[dict], networks: Sequence[str], tagged: str = "pictures") -> str:
    found = [one for name in networks for one in tags.by_class(rows, name, tagged).values()]
    several = f"{len(networks)} networks, " if len(networks) > 1 else ""
    return f"{several}{len(found)} classes in all, {sum(len(one['sizes']) for one in found)} summaries"
