"""What the recorded truth says of summaries: how pure they are, what their parts cost, and what chance would give."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.experiments.visual_summaries.truth import BACKGROUND, commonest, telling

MIN_PIXELS = 20  # a part of which less can be seen says nothing
SIMILAR = 2.0  # quotient of the areas of two parts that are compared
Costs = dict[str, list[float]]


def by_class(rows: Sequence[dict], value: Callable[[dict], Sequence[float]]) -> Interval:
    """The mean of something over all summaries and networks of a class, averaged over the classes that have it.

    Args:
        rows: of `truth_rows`.
        value: row -> one number for each summary, or any number of them.

    Returns:
        The mean with its 95% interval over resampled classes.

    Raises:
        ValueError: no class has it.
    """
    found = {}
    for row in rows:
        found.setdefault(row["configuration"]["class_name"], []).extend(value(row))
    means = [float(np.mean(values)) for values in found.values() if values]
    if not means:
        raise ValueError("rows: expected some with summaries, got none")
    return bootstrap_interval(means)


def ahead(row: dict, key: str) -> list[float]:
    """How much purer each summary of a row is than chance.

    Args:
        row: of `truth_rows`.
        key: "in boxes" or "regrouped".
    """
    result = row["result"]
    return [own - chance for own, chance in zip(result["purity"], result[key], strict=True)]


def telling_ahead(row: dict) -> list[float]:
    """By how much more of a summary's members show a telling part than random boxes do."""
    parts, result = telling(row["configuration"]["class_name"]), row["result"]
    shares = [np.isin(names, parts).mean() for names in result["names"]]
    chances = [sum(drawn.get(part, 0) for part in parts) for drawn in result["drawn"]]
    return [float(own - chance) for own, chance in zip(shares, chances, strict=True)]


def beyond_masks(truth: dict, effects: dict) -> list[float]:
    """How much more bits the part of each summary costs than what random boxes in the same regions show.

    Both are means over the class's pictures that show a part; boxes that show background count as no part.

    Args:
        truth: a row of `truth_rows`.
        effects: the row of `effect_rows` of the same network and class.
    """
    means, found = mean_costs(effects), []
    for names, drawn in zip(truth["result"]["names"], truth["result"]["drawn"], strict=True):
        shares = {part: share for part, share in drawn.items() if part in means}
        if commonest(names) in means and shares:
            chance = sum(means[part] * share for part, share in shares.items()) / sum(shares.values())
            found.append(means[commonest(names)] - chance)
    return found


def mean_costs(effects: dict) -> dict[str, float]:
    """Part -> bits that its removal costs, the mean over the pictures that show it.

    Args:
        effects: a row of `effect_rows`.
    """
    seen = {
        name: [bits for bits, area in zip(of["removed"], of["area"], strict=True) if area >= MIN_PIXELS]
        for name, of in effects["result"]["parts"].items()
    }
    return {name: float(np.mean(bits)) for name, bits in seen.items() if bits}


def parts_found(rows: Sequence[dict], parts_of: Callable[[str], Sequence[str]] = telling) -> dict[str, Interval]:
    """Network -> share of some parts that a summary of their class is about, with its interval over classes.

    Args:
        rows: of `truth_rows`.
        parts_of: class -> names of parts; its telling ones by default.
    """
    return {name: shares[0] for name, shares in _found_and_by_chance(rows, parts_of).items()}


def parts_by_chance(rows: Sequence[dict], parts_of: Callable[[str], Sequence[str]] = telling) -> dict[str, Interval]:
    """The same if the members of every summary were random boxes of their sizes in the same regions.

    Args:
        rows: of `truth_rows`.
        parts_of: class -> names of parts; its telling ones by default.
    """
    return {name: shares[1] for name, shares in _found_and_by_chance(rows, parts_of).items()}


def _found_and_by_chance(rows: Sequence[dict], parts_of: Callable[[str], Sequence[str]]) -> dict[str, list[Interval]]:
    found = {}
    for network in dict.fromkeys(row["configuration"]["network"] for row in rows):
        own = [row for row in rows if row["configuration"]["network"] == network]
        shares = [_shares_about(row, parts_of(row["configuration"]["class_name"])) for row in own]
        found[network] = [bootstrap_interval(values) for values in zip(*shares, strict=True)]
    return found


def _shares_about(row: dict, parts: Sequence[str]) -> tuple[float, float]:
    """The share of some parts that a row's summaries are about, and what it is by chance."""
    about, chances = set(map(commonest, row["result"]["names"])), about_by_chance(row)
    share = [np.mean([part in some for part in parts]) for some in (about, *chances)]
    return float(share[0]), float(np.mean(share[1:]))


def about_by_chance(row: dict, draws: int = 200, seed: int = 0) -> list[set[str]]:
    """What a class's summaries would be about if their members were random boxes in the same regions.

    Args:
        row: of `truth_rows`; its "drawn" says what such boxes of each summary show.
        draws: how often.
        seed: of the draws.

    Returns:
        For each draw the commonest names, one of each summary.
    """
    rng, result, found = np.random.default_rng(seed), row["result"], []
    for _ in range(draws):
        about = set()
        for names, drawn in zip(result["names"], result["drawn"], strict=True):
            shares = np.array(list(drawn.values()))
            about.add(list(drawn)[rng.multinomial(len(names), shares / shares.sum()).argmax()])
        found.append(about)
    return found


def costs(truth: dict, effects: dict) -> Iterator[Costs]:
    """What removing a summary's part costs its class, beside another part of the same object and of similar area.

    Args:
        truth: a row of `truth_rows`.
        effects: the row of `effect_rows` of the same network and class.

    Yields:
        For each summary that is about a part: lists over the members that show it, "removed" and "probability", "other"
        and "other probability" (the part of most similar area, within a factor of 2; only where there is one, and then
        "paired" is the difference of "removed" and "other"), and "swapped", empty unless the part is a telling one.
    """
    parts = effects["result"]["parts"]
    for images, names in zip(truth["result"]["images"], truth["result"]["names"], strict=True):
        part = commonest(names)
        if part == BACKGROUND:
            continue
        found = {key: [] for key in ("removed", "probability", "other", "other probability", "paired", "swapped")}
        for picture in (image for image, name in zip(images, names, strict=True) if name == part):
            if parts[part]["area"][picture] >= MIN_PIXELS:
                _add(found, parts, part, picture)
        yield found


def _add(found: Costs, parts: dict, part: str, picture: int) -> None:
    for key in ("removed", "probability", "swapped"):
        found[key] += [parts[part][key][picture]] if key in parts[part] else []
    other = similar(parts, part, picture)
    if other:
        found["other"].append(parts[other]["removed"][picture])
        found["other probability"].append(parts[other]["probability"][picture])
        found["paired"].append(parts[part]["removed"][picture] - parts[other]["removed"][picture])


def similar(parts: dict, part: str, picture: int) -> str | None:
    """The other part of most similar visible area in a picture; None if the areas differ by a factor of 2 or more.

    Args:
        parts: as `measure_effects` returns them.
        part: a name of it.
        picture: number of the picture.
    """
    areas = {name: of["area"][picture] for name, of in parts.items() if of["area"][picture] >= MIN_PIXELS}
    own = areas.pop(part)
    quotients = {name: max(area / own, own / area) for name, area in areas.items()}
    best = min(quotients, key=quotients.get, default=None)
    return best if best and quotients[best] < SIMILAR else None


def cost_by_class(truth: Sequence[dict], effects: Sequence[dict], key: str) -> Interval:
    """A cost of `costs` over all members of all summaries, averaged over classes.

    Args:
        truth: of `truth_rows`.
        effects: of `effect_rows`, of the same networks at least.
        key: one of the lists of `costs`.
    """
    of = {key_of(row): row for row in effects}
    return by_class(truth, lambda row: [value for found in costs(row, of[key_of(row)]) for value in found[key]])


def needed(effects: Sequence[dict]) -> dict[tuple[str, str], str]:
    """(network, class) -> the part whose removal costs the class most, on average over the pictures that show it."""
    return {key_of(row): max(means, key=means.get) for row in effects for means in [mean_costs(row)]}


def needed_found(truth: Sequence[dict], effects: Sequence[dict]) -> tuple[Interval, Interval, Interval]:
    """How often a summary is about the part that its class needs most.

    Args:
        truth: of `truth_rows`.
        effects: of `effect_rows`, of the same networks at least.

    Returns:
        The share of classes; the same if the members of the summaries were random boxes in the same regions; and
        the difference. Each with its interval over classes.
    """
    most = needed(effects)

    def shares(row: dict) -> tuple[float, float]:
        return _shares_about(row, [most[key_of(row)]])

    found = {id(row): shares(row) for row in truth}
    own, chance = (by_class(truth, lambda row, k=k: [found[id(row)][k]]) for k in (0, 1))
    return own, chance, by_class(truth, lambda row: [found[id(row)][0] - found[id(row)][1]])


def key_of(row: dict) -> tuple[str, str]:
    """Which network and class a row is about."""
    return row["configuration"]["network"], row["configuration"]["class_name"]
