"""Table 3, fig. 5, the footnote on orientation, and what adjacent classes share."""

from collections.abc import Sequence

import numpy as np

from xai_utils.experiments.claims import Claim, Interval, in_words, of_all, printed_numbers, verdict
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.experiments.visual_summaries.counts import (
    PREFERENCES,
    accuracies_of,
    counts_by,
    most_and_fewest,
    rank_correlation,
)
from xai_utils.experiments.visual_summaries.neighbours import above_chance, advantage, table_of, with_common_names
from xai_utils.parts import CLASSES, PAIRS

SHOWN = "pickup"  # the paper's class of fig. 5
ADJACENT = "golden retriever", "german shepherd"  # the paper's example


def counts_claims(
    counts: Sequence[dict],
    epochs: Sequence[dict],
    matches: Sequence[dict],
    facing: Sequence[dict],
    neighbours: Sequence[dict],
) -> list[Claim]:
    """Whether better networks have more summaries, and what orientation and adjacent classes do to summaries.

    Args:
        counts: of `count_rows`.
        epochs: of `epoch_rows`.
        matches: of `match_rows`.
        facing: of `facing_rows`.
        neighbours: of `neighbour_rows`.
    """
    return [
        *network_claims(counts),
        epoch_claim(epochs),
        *orientation_claims(matches, facing),
        *neighbour_claims(neighbours),
    ]


def network_claims(rows: Sequence[dict]) -> list[Claim]:
    """Table 3 and fig. 5.

    Args:
        rows: of `count_rows`.
    """
    means = counts_by(rows, "network")
    accuracy, scale = accuracies_of(list(means)), f"{len(CLASSES)} classes, {len(means)} networks"
    listed = ", ".join(f"{_short(name)} {means[name].mean():.1f} at {accuracy[name]:.1%}" for name in _ranked(accuracy))
    whole, common = (rank_correlation(accuracy, counts_by(rows, "network", which)) for which in ("all", "common"))
    area = counts_by(rows, "network", "area")
    by_area = rank_correlation({name: some.mean() for name, some in area.items()}, means)
    pictures = {name: some.mean() for name, some in counts_by(rows, "network", "right").items()}
    by_preference = {
        value: rank_correlation(accuracy, counts_by(rows, "network", "all", value)) for value in PREFERENCES
    }
    falls = bootstrap_interval(_by_preference(rows, PREFERENCES[0]) - _by_preference(rows, PREFERENCES[-1]))
    printed = printed_numbers("visual_summaries")["table_3"]
    paper = ", ".join(f"{name} {of['summaries']}" for name, of in printed.items() if isinstance(of, dict))
    return [
        Claim(
            "Table 3",
            f"as accuracy rises, so does the number of summaries ({paper})",
            f"{listed}; Spearman {in_words(whole)} (n = {len(means)})",
            scale,
            verdict(whole),
        ),
        Claim(
            "Table 3",
            "and that is not because a better network has more pictures to summarise",
            f"the same pictures for all: Spearman {in_words(common)} (n = {len(means)}); pictures of each class that "
            + ", ".join(f"{_short(name)} gets right {value:.1f}" for name, value in pictures.items())
            + f"; Spearman of summaries with the area that masks hide {in_words(by_area)}",
            scale,
            verdict(common),
        ),
        Claim(
            "section 3.2",
            "affinity propagation discovers the number of clusters by itself",
            "mean number of summaries (Spearman with accuracy) by preference: "
            + ", ".join(
                f"{value}: {_by_preference(rows, value).mean():.1f} ({in_words(found)})"
                for value, found in by_preference.items()
            )
            + f"; from {PREFERENCES[0]} to {PREFERENCES[-1]} it falls by {in_words(falls)}",
            scale,
            "shown",
        ),
        figure_claim(rows),
    ]


def figure_claim(rows: Sequence[dict]) -> Claim:
    """Fig. 5: whether GoogLeNet has more summaries than AlexNet, for one class and for all.

    Args:
        rows: of `count_rows`, those of both networks among them.
    """
    counts = counts_by(rows, "network")
    more = bootstrap_interval(counts["parts/googlenet"] - counts["parts/alexnet"])
    here = {name: int(some[CLASSES.index(SHOWN)]) for name, some in counts.items()}
    most, fewest = most_and_fewest(rows, SHOWN)
    printed = printed_numbers("visual_summaries")["fig_5"]
    return Claim(
        "fig. 5",
        f"GoogLeNet captures more than AlexNet ({printed['googlenet']} and {printed['alexnet']} summaries of pick-up)",
        f"{SHOWN}: GoogLeNet {here['parts/googlenet']}, AlexNet {here['parts/alexnet']} (most: {_short(most)} "
        f"{here[most]}, fewest: {_short(fewest)} {here[fewest]}); difference over all classes {in_words(more)}",
        f"{len(CLASSES)} classes",
        verdict(more),
    )


def _by_preference(rows: Sequence[dict], value: float) -> np.ndarray:
    """The mean number of summaries of each class over networks."""
    return np.mean(list(counts_by(rows, "network", "all", value).values()), axis=0)


def epoch_claim(rows: Sequence[dict]) -> Claim:
    """Table 3 over one network's training.

    Args:
        rows: of `epoch_rows`.
    """
    accuracy = {row["configuration"]["epoch"]: row["result"]["accuracy"] for row in rows}
    counts, pictures = counts_by(rows, "epoch"), counts_by(rows, "epoch", "right")
    found, of_pictures = rank_correlation(accuracy, counts), rank_correlation(accuracy, pictures)
    listed = "; ".join(
        f"epoch {epoch}: {share:.1%}, {counts[epoch].mean():.1f} summaries of {pictures[epoch].mean():.1f} pictures"
        for epoch, share in accuracy.items()
    )
    return Claim(
        "section 4.3",
        "the number of summaries grows with the ability to classify, here while one network learns",
        f"{listed}; Spearman {in_words(found)} (n = {len(accuracy)}); of the recognised pictures "
        f"{in_words(of_pictures)}, from which summaries are made",
        f"{len(CLASSES)} classes, AlexNet",
        "undecided" if of_pictures[0] >= found[0] else verdict(found),
    )


def paired(rows: Sequence[dict], way: str, value: str) -> Interval:
    """How much a value of matches changes when all objects are made to face one way, over the pictures of all classes.

    Args:
        rows: of `match_rows`.
        way: "same" or "opposite", how the two objects face as drawn.
        value: "hits", "right" or "wrong".
    """
    of = {(row["configuration"]["class_name"], row["configuration"]["facing"]): row["result"][way] for row in rows}
    changes = []
    for name in {name for name, _ in of}:
        pairs = zip(of[name, "as drawn"][value], of[name, "one way"][value], strict=True)
        changes += [after - before for before, after in pairs if before is not None and after is not None]
    return bootstrap_interval(sorted(changes))


def mean_of(rows: Sequence[dict], facing: str, way: str, value: str) -> Interval:
    """The mean of a value of matches over the pictures of all classes.

    Args:
        rows: of `match_rows`.
        facing: "as drawn" or "one way".
        way: "same" or "opposite".
        value: "hits", "right" or "wrong".
    """
    lists = [row["result"][way][value] for row in rows if row["configuration"]["facing"] == facing]
    return bootstrap_interval([one for some in lists for one in some if one is not None])


def facing_means(rows: Sequence[dict], key: str) -> dict[str, float]:
    """Facing -> mean of a list of `measure_facing` over all summaries; of "size" their number per class and network.

    Args:
        rows: of `facing_rows`.
        key: "size", "purity", "regrouped", "one way" or "one way by chance".
    """
    found = {}
    for row in rows:
        values = row["result"][key]
        found.setdefault(row["configuration"]["facing"], []).extend([len(values)] if key == "size" else values)
    return {facing: float(np.mean(values)) for facing, values in found.items()}


def orientation_claims(matches: Sequence[dict], facing: Sequence[dict]) -> list[Claim]:
    """The footnote.

    Args:
        matches: of `match_rows`.
        facing: of `facing_rows`.
    """
    classes = ", ".join(dict.fromkeys(row["configuration"]["class_name"] for row in matches))
    drawn, hits = mean_of(matches, "as drawn", "opposite", "hits"), paired(matches, "opposite", "hits")
    wrong, score = paired(matches, "opposite", "wrong"), mean_of(matches, "as drawn", "opposite", "wrong")
    purity, number, ways = (facing_means(facing, key) for key in ("purity", "size", "one way"))
    chance = facing_means(facing, "one way by chance")["as drawn"]
    return [
        Claim(
            "footnote 1",
            "proposal flow does not work properly where objects face opposite ways, like cars",
            f"best matches that show the same part: facing opposite ways {in_words(drawn)}, the same way "
            f"{in_words(mean_of(matches, 'as drawn', 'same', 'hits'))}; flipped to face one way, pairs gain "
            f"{in_words(hits)} (pairs that faced the same way anyway {in_words(paired(matches, 'same', 'hits'))})",
            classes,
            verdict(hits),
        ),
        Claim(
            "footnote 1",
            "and its wrong matches there have erroneously high scores",
            f"score of wrong matches {in_words(score)}; they gain {in_words(wrong)} when flipped to face one way; as a "
            f"share of right ones' {_relative(matches, 'as drawn'):.2f}, flipped {_relative(matches, 'one way'):.2f}",
            classes,
            verdict(tuple(-value for value in (wrong[0], wrong[2], wrong[1]))),
        ),
        Claim(
            "footnote 1",
            "clusters suffer from it",
            "; ".join(f"{name}: {number[name]:.1f} summaries of purity {purity[name]:.2f}" for name in number)
            + f"; members that face the commoner way {ways['as drawn']:.2f}, by chance {chance:.2f}",
            f"{classes}; {len({row['configuration']['network'] for row in facing})} networks",
            verdict(purer(facing)),
        ),
    ]


def _relative(rows: Sequence[dict], facing: str) -> float:
    """The score of wrong matches, as a share of that of right ones, of pairs drawn to face opposite ways."""
    wrong, right = (mean_of(rows, facing, "opposite", value)[0] for value in ("wrong", "right"))
    return wrong / right


def purer(rows: Sequence[dict]) -> Interval:
    """How much purer summaries are if all face one way than if as many pictures are flipped at random, over classes and
    networks.

    Args:
        rows: of `facing_rows`.
    """
    of = {}
    for row in rows:
        asked = row["configuration"]
        of.setdefault((asked["class_name"], asked["network"]), {})[asked["facing"]] = row["result"]["purity"]
    both = [each for each in of.values() if each["one way"] and each["half turned"]]
    return bootstrap_interval([float(np.mean(each["one way"]) - np.mean(each["half turned"])) for each in both])


def neighbour_claims(rows: Sequence[dict]) -> list[Claim]:
    """What adjacent classes share.

    Args:
        rows: of `neighbour_rows`.
    """
    names, look = table_of(rows, "names"), table_of(rows, "look")
    by_name, _ = advantage(names)
    comparable, _ = advantage(names, only=with_common_names())
    by_look, own = advantage(look)[0], bootstrap_interval([row["result"]["own"] for row in rows])[0]
    chance = above_chance(rows)
    dogs = names[CLASSES.index(ADJACENT[0]), CLASSES.index(ADJACENT[1])]
    scale = f"{len(PAIRS)} adjacent pairs, {len(rows)} networks"
    return [
        Claim(
            "section 4.2",
            "german shepherd and golden retriever have many common summaries",
            f"share of the summaries of both whose part the other has a summary of, too: {dogs:.2f}",
            f"{len(rows)} networks, those in which both have summaries",
            "shown",
        ),
        Claim(
            "section 4.2",
            "adjacent classes exhibit many common summaries",
            f"share of such summaries, more than of other classes {in_words(by_name)}, of others with part names in "
            f"common {in_words(comparable)} (most have none), more than if summaries were of any part "
            f"{in_words(chance)}",
            scale,
            of_all([verdict(by_name), verdict(chance)]),
        ),
        Claim(
            "section 4.2",
            "and their summaries look alike",
            f"cosine of whitened gradients, more than with other classes {in_words(by_look)}; of members of one "
            f"summary {own:.2f}",
            scale,
            verdict(by_look),
        ),
    ]


def _ranked(accuracy: dict[str, float]) -> list[str]:
    return sorted(accuracy, key=accuracy.get)


def _short(network: str) -> str:
    return network.removeprefix("parts/")
