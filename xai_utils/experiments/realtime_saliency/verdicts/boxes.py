"""Claims of tables 1 to 3 and figure 5."""

from xai_utils.experiments.claims import Claim, Interval, apart, in_words, of_all
from xai_utils.experiments.realtime_saliency import tables
from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES
from xai_utils.experiments.realtime_saliency.verdicts.words import by_network
from xai_utils.experiments.records import read_records

SCENES = f"{tables.TESTED[2] - tables.TESTED[1]} scenes"
RIVALS = ("gradient", "guided backprop", "LRP", "CAM", "Grad-CAM", "excitation", "iterative mask")


def of_tables() -> list[Claim]:
    """Tables 1, 2 and 3, and figure 5."""
    rows = read_records("saliency_boxes")
    error, metric, best_metric = (
        {name: tables.table(rows, name, value) for name in BLACK_BOXES} for value in ("error", "metric", "best_metric")
    )
    ours = tables.AT_HALF
    rival = {
        name: min((m for m in RIVALS if m in error[name]), key=lambda m: error[name][m][0]) for name in BLACK_BOXES
    }
    alexnet, googlenet, resnet = BLACK_BOXES
    worth = {row["configuration"]["black_box"]: row["result"] for row in read_records("masking_models")}
    return [
        Claim(
            "Table 1",
            "AlexNet's masking model localises considerably worse than the others",
            "localisation error: " + by_network(lambda name: error[name][ours]),
            SCENES,
            of_all([apart(error[alexnet][ours], error[name][ours]) for name in (googlenet, resnet)]),
        ),
        Claim(
            "fig. 5",
            "AlexNet's regions are slightly larger",
            "area of the masks: " + by_network(lambda name: worth[name]["area"]),
            SCENES,
            of_all([apart(worth[alexnet]["area"], worth[name]["area"]) for name in (googlenet, resnet)]),
        ),
        Claim(
            "Table 2",
            "the masking model localises better than all other methods",
            "localisation error beside the best other method's: "
            + "; ".join(
                f"{tables.SHORT[name]} {in_words(error[name][ours])}, "
                f"{rival[name]} {in_words(error[name][rival[name]])}"
                for name in BLACK_BOXES
            ),
            SCENES,
            of_all([apart(error[name][rival[name]], error[name][ours]) for name in BLACK_BOXES]),
        ),
        Claim(
            "Table 2",
            "and better than the centred box and the searched masks",
            "localisation error, center box and searched: "
            + "; ".join(
                f"{tables.SHORT[name]} {in_words(error[name]['center box'])}, {in_words(error[name]['iterative mask'])}"
                for name in BLACK_BOXES
            ),
            SCENES,
            of_all(
                [
                    apart(error[name][other], error[name][ours])
                    for name in BLACK_BOXES
                    for other in ("center box", "iterative mask")
                ]
            ),
        ),
        _metric_claim(
            "its saliency metric is considerably better than that of other methods, for the boxes of table 2",
            {name: metric[name][ours] for name in BLACK_BOXES},
            metric,
        ),
        _metric_claim(
            "the same, when every method's threshold is chosen for the metric",
            {name: best_metric[name]["masking model"] for name in BLACK_BOXES},
            best_metric,
        ),
        Claim(
            "Table 3",
            "and on par with true boxes",
            "metric of true boxes: " + by_network(lambda name: metric[name]["true box"]),
            SCENES,
            of_all(
                [
                    "does not hold" if apart(metric[name][ours], metric[name]["true box"]) == "holds" else "holds"
                    for name in BLACK_BOXES
                ]
            ),
        ),
    ]


def _metric_claim(says: str, own: dict[str, Interval], of: dict[str, dict[str, Interval]]) -> Claim:
    """Whether masking models have a lower metric than the best of their rivals."""
    best = {name: min((m for m in RIVALS if m in of[name]), key=lambda m: of[name][m][0]) for name in BLACK_BOXES}
    measured = "; ".join(
        f"{tables.SHORT[name]} {in_words(own[name])}, {best[name]} {in_words(of[name][best[name]])}"
        for name in BLACK_BOXES
    )
    return Claim("Table 3", says, measured, SCENES, of_all([apart(of[n][best[n]], own[n]) for n in BLACK_BOXES]))
