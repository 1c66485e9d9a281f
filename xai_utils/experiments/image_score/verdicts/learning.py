"""Claims of sections 1 and 3.1: what selected pictures do for a network that learns from them."""

from collections.abc import Sequence

from xai_utils.experiments.claims import Claim, Interval, in_words, printed_numbers, verdict
from xai_utils.experiments.image_score import tables, tolerance
from xai_utils.experiments.image_score.pictures import PARTS
from xai_utils.experiments.image_score.runs import recorded_runs
from xai_utils.experiments.records import read_records
from xai_utils.experiments.statistics import bootstrap_interval, paired_difference, shares_apart

SAID = {PARTS: "Parts", "cifar10-subset": "CIFAR-10, 12,000 labelled", "cifar10": "CIFAR-10"}
BESIDE = "not in the paper"
NAMES = {"vgg": "VGG", "resnet": "ResNet"}


def learning_claims() -> list[Claim]:
    """All claims about learning, for every data set and network with records."""
    return [claim for data, network in learned() for claim in (*_of(data, network), *_assembled(data, network))]


def learned() -> list[tuple[str, str]]:
    """The data sets and networks of which baseline, score and softmax are recorded."""
    return [
        (data, network)
        for data in tables.data_sets()
        for network in NAMES
        if all(recorded_runs(data, network, arm) for arm in ("baseline", "score", "softmax"))
    ]


def _of(data: str, network: str) -> list[Claim]:
    """Tables 1 and 2 and the reasons that the paper gives for them, one network on one data set."""

    def gain(arm: str, value: str = "recall", other: str = "baseline") -> Interval:
        return tables.mean_gain(data, network, arm, value, other)

    def claim(
        place: str, says: str, interval: Interval, more: str = "", unit: str = "points", other: str = "softmax"
    ) -> Claim:
        on, said = scale(data, network, other), _said(data, network, interval, other)
        return Claim(place, says, f"{in_words(interval)} {unit}{more}", on, said)

    table = "Table 1" if network == "vgg" else "Table 2"
    loss, right = (_difference(data, network, name) for name in ("loss", "right"))
    right = tuple(100 * end for end in right)
    counts = {arm: _significant(data, network, arm) for arm in ("score", "softmax")}
    found = [
        claim(table, "selection by score improves a class's accuracy", gain("score"), counts["score"]),
        claim(table, "selection by softmax does not", _turned(gain("softmax")), counts["softmax"]),
        claim(table, "score beats softmax", gain("score", other="softmax")),
        claim(BESIDE, "F1 of the class improves too", gain("score", "F1")),
        claim(BESIDE, "accuracy on all classes improves too", gain("score", "overall")),
        claim("section 1", "what the softmax chooses is known already: its loss is lower", loss, unit="nats"),
        claim("section 3.1", "labels are as right as the softmax's at least", right),
    ]
    if recorded_runs(data, network, "naive"):
        says = "adding all pictures as predicted does not work well: no gain on all classes"
        found.append(claim("section 1", says, _turned(naive_gain(data, network))))
    rivals = {
        "random": "score beats a random choice from the same pool",
        "repeat": "score beats labelled pictures of the class shown once more",
    }
    recorded = [arm for arm in rivals if recorded_runs(data, network, arm)]
    return [*found, *(claim(BESIDE, rivals[arm], gain("score", other=arm), other=arm) for arm in recorded)]


def naive_gain(data: str, network: str, arm: str = "naive") -> Interval:
    """What all additional pictures, as predicted or with their "truth", change in the accuracy on all classes, points.

    The 95% interval is over seeds; with one seed over the test pictures.
    """
    runs, base = (recorded_runs(data, network, name) for name in (arm, "baseline"))
    keys = sorted(runs, key=str)
    means = [[tables.per_epoch(of[key], 0, "overall").mean() for key in keys] for of in (runs, base)]
    return _apart(*means, sum(runs[keys[0]]["of_class"]))


def scale(data: str, network: str, arm: str) -> str:
    """On what: data set, network and the number of seeds of an arm."""
    seeds = len(tables.seeds_of(data, network, arm))
    return f"{SAID[data]}, {NAMES[network]}, {seeds} seed{'s' * (seeds > 1)}"


def _said(data: str, network: str, interval: Interval, arm: str) -> str:
    """The verdict; one run alone tells nothing of others, as all of its classes share the luck of one baseline."""
    return verdict(interval) if len(tables.seeds_of(data, network, arm)) > 1 else "undecided"


def _turned(interval: Interval) -> Interval:
    """The same for the claim that there is no gain."""
    mean, low, high = interval
    return -mean, -high, -low


def _difference(data: str, network: str, name: str) -> Interval:
    """By how much a fact about the score's first choices is larger than about the softmax's, over classes and seeds."""
    score, softmax = (recorded_runs(data, network, arm) for arm in ("score", "softmax"))
    both = sorted(set(score) & set(softmax))
    firsts = [(score[key][name][0], softmax[key][name][0]) for key in both]
    return bootstrap_interval([one - other for one, other in firsts if None not in (one, other)])


def _significant(data: str, network: str, arm: str) -> str:
    """In how many classes the gain is significant, in the paper's way and over seeds with Holm's correction."""
    level = printed_numbers("image_score")["training"]["significance"]
    first = sum(gain.p < level for gain in tables.gains_of_run(data, network, arm))
    several = len(tables.seeds_of(data, network, arm)) > 1
    over = sum(gain.p < level for gain in tables.gains_over_seeds(data, network, arm)) if several else None
    return f"; significant over epochs in {first} classes" + (f", over seeds in {over}" if over is not None else "")


def _apart(first: Sequence[float], second: Sequence[float], pictures: int) -> Interval:
    """The difference of accuracies in points, with its interval over seeds, or over the test pictures of one seed."""
    if len(first) > 1:
        return paired_difference(first, second)[:3]
    return tuple(100 * value for value in shares_apart(first[0] / 100, second[0] / 100, pictures))


def _assembled(data: str, network: str) -> list[Claim]:
    """Table 3, and whether what it shows is more than ten networks instead of one, as far as it is recorded."""
    found = tables.assembly(data, network)
    sentences = [
        ("Table 3", "networks of all classes, assembled by score, beat the baseline by about 1 point", "baseline"),
        (BESIDE, "they beat networks that saw labelled pictures of their class once more", "repeat"),
    ]
    if "score" not in found:
        return []
    return [_assembly_claim(data, network, *one) for one in sentences if one[-1] in found]


def _assembly_claim(data: str, network: str, place: str, says: str, other: str) -> Claim:
    pictures = sum(next(iter(recorded_runs(data, network, "baseline").values()))["of_class"])
    arm = "score" if other == "baseline" else other
    interval = _apart(*tables.assembly_pairs(data, network, "score", other), pictures)
    on, said = scale(data, network, arm), _said(data, network, interval, arm)
    return Claim(place, says, f"{in_words(interval)} points", on, said)


def tolerance_claims() -> list[Claim]:
    """Section 3.1: "ResNet is more error-endurant"; none before it is recorded."""
    networks = {row["configuration"]["network"] for row in read_records(tolerance.RECORD)}
    return [_tolerance_claim()] if networks >= set(NAMES) else []


def _tolerance_claim() -> Claim:
    worst = max(share for share in tolerance.WRONG if share <= 0.3)
    found = {network: tolerance.tolerance(PARTS, network)[worst] for network in NAMES}
    difference = tolerance.compared(PARTS, "resnet", "vgg", worst)
    words = ", ".join(f"{NAMES[network]} {in_words(of)}" for network, of in found.items())
    return Claim(
        "section 3.1",
        "ResNet's reference endures wrong labels better than VGG's",
        f"rank correlation of scores with {worst:.0%} wrong pictures: {words}; difference {in_words(difference)}",
        f"Parts, {len(tolerance.SEEDS)} seeds",
        verdict(difference),
    )
