"""Claims of sections 4 and 4.1: what each idea is worth, and what a mask costs."""

from xai_utils.experiments.benchmark import read_benchmark
from xai_utils.experiments.claims import Claim, apart, in_words, of_all
from xai_utils.experiments.realtime_saliency import ablations
from xai_utils.experiments.records import read_records


def of_training() -> list[Claim]:
    """Sections 4 and 4.1: what each idea is worth, and what a mask costs."""
    changed = {
        row["configuration"]["change"]: row["result"]
        for row in read_records("masking_ablations")
        if row["configuration"]["pictures"] == ablations.FULL["pictures"]
    }
    plain, size = changed["as trained"], f"one network, {ablations.FULL['pictures']:,} pictures"
    blind = changed["no fake classes"]
    fixed = {name: of for name, of in changed.items() if name.startswith("one fixed A")}
    costs = read_benchmark()["realtime_saliency"]
    slower = {
        row["encoder"]: row["forwards"]["iterative mask"] / row["forwards"]["masking model"] for row in costs.values()
    }
    return [
        Claim(
            "section 4",
            "a sigmoid in place of eq. 8 does not optimise properly",
            f"last loss {changed['sigmoid for eq. 8']['losses'][-1]:.2f}, with eq. 8 {plain['losses'][-1]:.2f}; "
            f"localisation error {in_words(changed['sigmoid for eq. 8']['error'])}, {in_words(plain['error'])}",
            size,
            "holds" if changed["sigmoid for eq. 8"]["losses"][-1] > 1.1 * plain["losses"][-1] else "does not hold",
        ),
        Claim(
            "section 4.1",
            "without fake labels the model completely ignores the class",
            f"area for another pair's class {in_words(blind['fake_area'])}, for the own class "
            f"{in_words(blind['area'])} (the class vectors were taught with fakes all the same)",
            size,
            "does not hold" if apart(*(tuple(blind[name]) for name in ("area", "fake_area"))) == "holds" else "holds",
        ),
        Claim(
            "section 4.1",
            "fake labels make it pay attention to the class",
            f"area for another pair's class {in_words(blind['fake_area'])}, with fakes {in_words(plain['fake_area'])}",
            size,
            apart(tuple(blind["fake_area"]), tuple(plain["fake_area"])),
        ),
        Claim(
            "section 4.1",
            "a random A greatly improves the masks",
            "p with the region taken away (A random): one fixed A "
            + "; ".join(f"{name.split(': ')[1]} {in_words(of['removed'])}" for name, of in fixed.items())
            + f"; random {in_words(plain['removed'])}",
            size,
            of_all([apart(tuple(of["removed"]), tuple(plain["removed"])) for of in fixed.values()]),
        ),
        Claim(
            "section 5",
            "the weights as printed",
            f"area {in_words(changed['weights as printed']['area'])}, localisation error "
            f"{in_words(changed['weights as printed']['error'])}: no mask is formed",
            size,
            apart(tuple(plain["error"]), tuple(changed["weights as printed"]["error"])),
        ),
        Claim(
            "section 4",
            "a masking model is about as complex as its encoder: what it adds costs no more",
            "forward passes of the encoder: "
            + ", ".join(f"{row['encoder']} {row['forwards']['masking model']:.2f}" for row in costs.values())
            + "; masks a second: "
            + ", ".join(f"{row['masks_per_second']:.0f} ({row['device']})" for row in costs.values()),
            "one processor core",
            "holds" if costs["full size"]["forwards"]["masking model"] <= 2 else "does not hold",
        ),
        Claim(
            "section 4",
            "searching is orders of magnitude slower",
            ", ".join(f"{encoder} {times:.0f} times" for encoder, times in slower.items()),
            "one processor core",
            "holds" if min(slower.values()) > 100 else "does not hold",
        ),
    ]
