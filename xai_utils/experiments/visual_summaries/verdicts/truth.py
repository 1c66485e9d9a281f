"""What summaries truly show and what the network loses without it: questions that the paper could not ask."""

from collections.abc import Sequence

from xai_utils.experiments.claims import Claim, in_words, of_all, verdict
from xai_utils.experiments.visual_summaries.causes import (
    ahead,
    beyond_masks,
    by_class,
    cost_by_class,
    costs,
    key_of,
    needed_found,
    parts_by_chance,
    parts_found,
    telling_ahead,
)
from xai_utils.parts import CLASSES


def truth_claims(truth: Sequence[dict], effects: Sequence[dict]) -> list[Claim]:
    """What summaries show, beside the truth of Parts.

    Args:
        truth: of `truth_rows`.
        effects: of `effect_rows`, of the same networks at least.
    """
    networks = len({row["configuration"]["network"] for row in truth})
    scale = (
        f"{sum(len(row['result']['names']) for row in truth)} summaries, {len(CLASSES)} classes, {networks} networks"
    )
    return [*_purity_claims(truth, scale), *_cost_claims(truth, effects, scale)]


def _purity_claims(truth: Sequence[dict], scale: str) -> list[Claim]:
    pure = by_class(truth, lambda row: row["result"]["purity"])
    chance = {key: by_class(truth, lambda row, key=key: row["result"][key]) for key in ("in boxes", "regrouped")}
    gains = {key: by_class(truth, lambda row, key=key: ahead(row, key)) for key in chance}
    more, found, chances = by_class(truth, telling_ahead), parts_found(truth), parts_by_chance(truth)
    return [
        Claim(
            "section 3.2",
            "clusters consistently identify a particular portion of an object",
            f"share of members that show the commonest part {in_words(pure)}; random boxes of the same sizes in the "
            f"same regions {in_words(chance['in boxes'])}, the same members regrouped {in_words(chance['regrouped'])}; "
            f"gains {in_words(gains['in boxes'])} and {in_words(gains['regrouped'])}",
            scale,
            of_all([verdict(gain) for gain in gains.values()]),
        ),
        Claim(
            "section 4.3",
            "summaries are the discriminant patterns that the network recognises",
            f"members that show a telling part, more than random boxes in the same regions: {in_words(more)}; telling "
            "parts that a summary is about: "
            + ", ".join(
                f"{name.removeprefix('parts/')} {in_words(share)} (such boxes {chances[name][0]:.2f})"
                for name, share in found.items()
            ),
            scale,
            verdict(more),
        ),
    ]


def _cost_claims(truth: Sequence[dict], effects: Sequence[dict], scale: str) -> list[Claim]:
    cost = {key: cost_by_class(truth, effects, key) for key in ("removed", "probability", "other", "paired")}
    own, chance, more = needed_found(truth, effects)
    beyond = by_class(truth, lambda row: beyond_masks(row, _own(effects, row)))
    claims = [
        Claim(
            "section 1",
            "summaries are what the network uses: drawn without its part, the class loses more than without another",
            f"bits lost by the summary's part {in_words(cost['removed'])} (probability "
            f"{in_words(cost['probability'])}), by another one of similar area {in_words(cost['other'])}; difference "
            f"in the same pictures {in_words(cost['paired'])}",
            scale,
            of_all([verdict(cost["removed"]), verdict(cost["paired"])]),
        ),
        Claim(
            "section 3.2",
            "clustering finds what matters within the regions, more than the masks alone",
            f"bits lost by the summary's part, less what random boxes in the same regions show: {in_words(beyond)}",
            scale,
            verdict(beyond),
        ),
        Claim(
            "section 1",
            "what the network uses most is among the summaries",
            f"classes with a summary of the part that costs most {in_words(own)}; with random boxes in the same "
            f"regions {in_words(chance)}, difference {in_words(more)}",
            scale,
            verdict(more),
        ),
    ]
    if any(found["swapped"] for row in truth for found in costs(row, _own(effects, row))):
        swapped = cost_by_class(truth, effects, "swapped")
        says = "and it loses if a telling part is the neighbour's"
        claims.append(Claim("section 1", says, f"bits lost {in_words(swapped)}", scale, verdict(swapped)))
    return claims


def _own(effects: Sequence[dict], row: dict) -> dict:
    return next(each for each in effects if key_of(each) == key_of(row))
