"""The table of claims: the testable sentences of the paper beside what the recorded rows say."""

from collections.abc import Sequence
from typing import NamedTuple

from xai_utils.experiments.claims import (
    Claim,
    ClaimsTable,
    Interval,
    apart,
    claims_table,
    in_words,
    of_all,
    verdict,
)
from xai_utils.experiments.cnn_fixations import adversaries, hits, mistakes, proposals, saliency, sketches
from xai_utils.experiments.cnn_fixations.localisation import OWN, REAL
from xai_utils.experiments.records import read_records

OTHERS = ("gradient", "guided backprop", "Grad-CAM", "cMWP", "LRP")


def claims_of_the_paper() -> ClaimsTable:
    """Every testable claim with what was found, from the recorded tables.

    A claim about one quantity holds if its interval leaves no doubt, and fails likewise; a claim that one method is
    ahead of another holds if their intervals lie apart.
    """
    return claims_table([*_boxes(), *_pictures(), *_others()])


class Missed(NamedTuple):
    """A recorded table of boxes."""

    rates: dict[tuple[str, str], Interval]  # share of the boxes that miss, by network and method
    best: dict[str, str]  # for each network the other method whose boxes miss least
    said: str  # fixations beside that method
    scale: str

    def ahead(self, model: str) -> str:
        """Whether fixations miss less than the best other method."""
        return apart(self.rates[model, self.best[model]], self.rates[model, "fixations"])


def _missed(table: str, models: Sequence[str], pictures: str) -> Missed:
    rows = read_records(table)
    rates = {(r["configuration"]["model"], r["configuration"]["method"]): r["result"]["box_error"] for r in rows}
    others = {model: [method for method in (*OTHERS, "CAM") if (model, method) in rates] for model in models}
    best = {model: min(others[model], key=lambda method: rates[model, method][0]) for model in models}
    said = "; ".join(
        f"{model.removeprefix('parts/')} {rates[model, 'fixations'][0]:.2f}, {best[model]} "
        f"{rates[model, best[model]][0]:.2f}"
        for model in models
    )
    _, start, end = rows[0]["configuration"]["tested"]
    return Missed(rates, best, said, f"{end - start} {pictures}, {len(models)} networks")


def boxes_in_words(name: str, missed: dict[str, Interval]) -> str:
    """One line of a list: which method's boxes miss least on a network, beside fixations and the centred box.

    Args:
        name: of the network.
        missed: method -> share of its boxes that miss, with its interval.

    Example:
        >>> rates = {"fixations": (0.5, 0.4, 0.6), "fixations, moving": (0.4, 0.3, 0.5), "LRP": (0.2, 0.1, 0.3)}
        >>> boxes_in_words("vgg", {**rates, "centred box": (0.1, 0.0, 0.2)})
        '- vgg: best LRP (20% missed), fixations 50% staying and 40% moving, centred box 10%'
    """
    best = min((method for method in missed if method != "centred box"), key=lambda method: missed[method][0])
    share = {method: f"{interval[0]:.0%}" for method, interval in missed.items()}
    return (
        f"- {name}: best {best} ({share[best]} missed), fixations {share['fixations']} staying and "
        f"{share['fixations, moving']} moving, centred box {share['centred box']}"
    )


def _boxes() -> list[Claim]:
    parts, real = _missed("localisation", OWN, "scenes"), _missed("localisation_imagenet", REAL, "pictures of ImageNet")
    readings = {
        model.removeprefix("parts/"): apart(parts.rates[model, "fixations"], parts.rates[model, "fixations, moving"])
        for model in OWN
    }
    differ = [model for model, word in readings.items() if word != "undecided"]
    accuracy = {r["configuration"]["model"]: r["result"]["accuracy"] for r in read_records("classifiers")}
    lost = {name: 100 * (accuracy[f"parts/{name}"] - accuracy[f"parts/{name}-gap"]) for name in ("alexnet", "vgg")}
    return [
        *(
            Claim(
                "Table I",
                f"boxes around fixations are consistently good, over contrasting architectures{where}",
                f"share that misses the object, fixations and the best other method: {table.said}",
                table.scale,
                of_all([table.ahead(model) for model in models]),
            )
            for where, table, models in (("", parts, OWN), (": real pictures", real, REAL))
        ),
        Claim(
            "not in the paper",
            "on real pictures these boxes are better than half of the picture around its centre",
            f"the centred box misses {in_words(real.rates[REAL[0], 'centred box'])}",
            real.scale,
            of_all([apart(real.rates[model, "centred box"], real.rates[model, "fixations"]) for model in REAL]),
        ),
        Claim(
            "section III-B",
            "moving to the strongest place is not significantly different from staying",
            f"boxes that miss differ beyond their intervals on {len(differ)} of {len(OWN)} networks"
            + (f" ({', '.join(differ)})" if differ else ""),
            parts.scale,
            "does not hold" if differ else "undecided",
        ),
        Claim(
            "section IV-A",
            "CAM needs retraining, which loses accuracy (8.5 and 2.2 percentage points)",
            ", ".join(f"{name} loses {points:.1f}" for name, points in lost.items()),
            "2,000 scenes",
            "holds" if min(lost.values()) > 0 else "does not hold",
        ),
    ]


def _pictures() -> list[Claim]:
    grounding = {r["configuration"]["method"]: r["result"] for r in read_records("grounding")}["fixations, moving"]
    saliences = {
        (c["method"], c["smoothing"]): row["result"]["precision"]["mean"]
        for row in read_records("saliency")
        if (c := row["configuration"])["pictures"] == saliency.FULL
    }
    plain, tuned = (
        {method: saliences[method, kind] for method in ("fixations", *OTHERS)} for kind in ("paper", "tuned")
    )
    scenes = len(saliency.GROUPS) * saliency.FULL
    second, rival = (max(OTHERS, key=lambda method: found[method][0]) for found in (plain, tuned))
    strokes = {
        (c["method"], c["form"]): row["result"]["hit"]
        for row in read_records("sketches")
        if (c := row["configuration"])["model"] == sketches.MODEL and c["scenes"] == sketches.FULL
    }
    return [
        Claim(
            "fig. 5",
            "fixations become denser and more accurate towards the input",
            "drawn above; no number is given",
            "one scene",
            "shown",
        ),
        Claim(
            "fig. 6",
            "the objects that a caption names are localised, word by word",
            f"a part's word lies in that part by {in_words(grounding['part']['own'])} more than the other words do; "
            f"two words share {grounding['overlap'][0]:.2f} of their evidence",
            f"{grounding['part']['scenes']} scenes",
            verdict(grounding["part"]["own"]) if grounding["part"]["own"][2] > 0 else "does not hold",
        ),
        Claim(
            "Table II",
            "fixations outline objects best",
            f"fixations {in_words(plain['fixations'])}, {second} {in_words(plain[second])}",
            f"{scenes} scenes, the paper's blur",
            apart(plain["fixations"], plain[second]),
        ),
        Claim(
            "Table II",
            "the same, when every method has the blur that suits it",
            f"fixations {in_words(tuned['fixations'])}, {rival} {in_words(tuned[rival])}",
            f"{scenes} scenes",
            apart(tuned["fixations"], tuned[rival]),
        ),
        Claim(
            "section IV-C",
            "maps upsampled from a coarse layer fail at the level of pixels, because they are coarse",
            f"the gradient {in_words(saliences['gradient', 'paper'])}, on a grid of 4 x 4 "
            f"{in_words(saliences['gradient', 'grid 4'])}",
            f"{scenes} scenes",
            apart(saliences["gradient", "paper"], saliences["gradient", "grid 4"]),
        ),
        Claim(
            "fig. 7",
            "all strokes of a sketch are hit",
            f"share of the strokes near the map of fixations {in_words(strokes['fixations', 'map'])}; "
            f"near the gradient's {in_words(strokes['gradient', 'map'])}",
            f"{sketches.FULL} sketches",
            verdict(strokes["fixations", "map"], above=0.95),
        ),
    ]


def _others() -> list[Claim]:
    wrong = {
        (c["model"], c["method"]): row["result"]
        for row in read_records("mistakes")
        if (c := row["configuration"])["pictures"] == mistakes.FULL
    }
    on_named = {model: wrong[model, "fixations"]["predicted"]["for_predicted"] for model in mistakes.MODELS}
    moved = {model: wrong[model, "fixations"]["moved"] for model in mistakes.MODELS}
    rows = read_records("fixation_adversaries")
    noise = {model: adversaries.robustness(rows, model) for model in adversaries.MODELS}
    boxes = {
        row["configuration"]["method"]: proposals.mean_recall_precision(row["result"])["recall"]
        for row in read_records("fixation_proposals")
    }
    dense = {model: hits.hit_rates(read_records("fixation_hits"), model, "density") for model in hits.MODELS}
    return [
        Claim(
            "fig. 8",
            "the explanation of a wrong prediction lies on the object that was named",
            "share of pictures with denser fixations on it than on the labelled one: " + _by_network(on_named),
            f"{mistakes.FULL} wrong predictions each",
            of_all([verdict(found, above=0.5) for found in on_named.values()]),
        ),
        Claim(
            "fig. 8",
            "it explains the label: asked about the other object, it changes",
            "share of the evidence that moves: " + _by_network(moved),
            f"{mistakes.FULL} wrong predictions each",
            of_all(["holds" if found[1] > 0 else "does not hold" for found in moved.values()]),
        ),
        Claim(
            "fig. 9",
            "under adversarial noise the explanation stays on the object",
            "share of the fixations on it after the noise: "
            + _by_network({model: found["fixations"]["after"] for model, found in noise.items()})
            + f"; chance {noise[adversaries.MODELS[0]]['chance']['after'][0]:.2f}",
            "recognised among 120 scenes each",
            of_all([apart(found["fixations"]["after"], found["chance"]["after"]) for found in noise.values()]),
        ),
        Claim(
            "section IV-F",
            "the explanations of gradient methods move more",
            "overlap before and after, the gradient's: "
            + _by_network({model: found["gradient"]["overlap"] for model, found in noise.items()})
            + "; fixations: "
            + _by_network({model: found["fixations"]["overlap"] for model, found in noise.items()}),
            "recognised among 120 scenes each",
            of_all([apart(found["fixations"]["overlap"], found["gradient"]["overlap"]) for found in noise.values()]),
        ),
        Claim(
            "Table III",
            "boxes for unseen classes: as good as the gradient's, far better than Selective Search",
            f"recall {in_words(boxes['fixations'])}, gradient {in_words(boxes['gradient'])}, "
            f"Selective Search {in_words(boxes['Selective Search'])}",
            "300 scenes",
            of_all(
                [
                    apart(boxes["fixations"], boxes["Selective Search"]),
                    "holds" if apart(boxes["gradient"], boxes["fixations"]) == "undecided" else "does not hold",
                ]
            ),
        ),
        Claim(
            "not in the paper",
            "fixations find the part that matters most, better than chance",
            "share of scenes: " + _by_network({model: found["fixations"] for model, found in dense.items()}),
            "240 scenes each",
            of_all([apart(found["fixations"], found["chance"]) for found in dense.values()]),
        ),
    ]


def _by_network(found: dict[str, Interval]) -> str:
    return ", ".join(f"{model.removeprefix('parts/')} {interval[0]:.2f}" for model, interval in found.items())
