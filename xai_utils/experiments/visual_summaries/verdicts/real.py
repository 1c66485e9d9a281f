"""Claims of table 2 on real pictures, and what became of a family and of a class of them."""

from xai_utils.experiments.claims import Claim, Interval, in_words, of_all, printed_numbers, verdict
from xai_utils.experiments.records import read_records
from xai_utils.experiments.visual_summaries import masks, real


def real_claims() -> list[Claim]:
    """Table 2 on real pictures, by the networks that are recorded."""
    rows, found = read_records(real.RECORD), read_records(real.SUMMARIES)
    printed = printed_numbers("visual_summaries")["table_2"]
    models = list(dict.fromkeys(row["configuration"]["model"] for row in rows))
    tables = {model: masks.drop_table(rows, model=model, stages="mixed") for model in models}
    counts = {model: len(masks.values_of(rows, "whole", model=model, stages="mixed")) for model in models}
    scale = ", ".join(f"{count} pictures of {model}" for model, count in counts.items())
    variances = {model: {name: table[name]["variance"] for name in masks.METHODS} for model, table in tables.items()}
    sizes = {row["configuration"]["source"]: [len(s["images"]) for s in row["result"]["summaries"]] for row in found}
    return [
        Claim(
            "Table 2, real pictures",
            f"crisp masks cost the class more than smooth ones ({printed['IEBB']:.1f}% there)",
            "more, in points: " + _by_model(rows, models, "crisp", "smooth"),
            scale,
            of_all([verdict(_difference(rows, model, "crisp", "smooth")) for model in models]),
        ),
        Claim(
            "Table 2, real pictures",
            f"smooth masks cut at a threshold cost it less ({printed['IEBB thresh.']:.1f}% there), and vary more",
            "less, in points: "
            + _by_model(rows, models, "smooth", "thresholded")
            + "; variances "
            + ", ".join(f"{v['smooth']:.1e} and {v['thresholded']:.1e}" for v in variances.values()),
            scale,
            of_all(
                [verdict(_difference(rows, model, "smooth", "thresholded")) for model in models]
                + ["holds" if v["thresholded"] > v["smooth"] else "does not hold" for v in variances.values()]
            ),
        ),
        Claim(
            "fig. 1, real pictures",
            "a class of real pictures has several summaries",
            "; ".join(f"{source}: {len(own)} of {own} pictures" for source, own in sizes.items()) or "not recorded",
            ", ".join(f"{row['configuration']['pictures']} {row['configuration']['source']}" for row in found) or "-",
            "shown" if sizes else "not tried",
        ),
    ]


def _difference(rows: list[dict], model: str, one: str, other: str) -> Interval:
    return masks.difference(rows, one, other, model=model, stages="mixed")


def _by_model(rows: list[dict], models: list[str], one: str, other: str) -> str:
    found = {model: _difference(rows, model, one, other) for model in models}
    return ", ".join(f"{model} {in_words(tuple(100 * v for v in of))}" for model, of in found.items())
