"""Command line: computes and records all tables and maps of the chapter."""

import argparse

from tqdm.auto import tqdm

from xai_utils.experiments.prediction_difference import (
    box_separation,
    claim_measures,
    fillings,
    part_relevance,
    record_real_maps,
)


def main() -> None:
    """Records the tables; with `--real` those of SqueezeNet as well: maps of photographs, and pictures with boxes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--real", action="store_true", help="also SqueezeNet's; needs its weights and $XAI_DATA")
    arguments = parser.parse_args()
    for table in (claim_measures, fillings, part_relevance):
        table(progress=tqdm)
    if arguments.real:
        record_real_maps(progress=tqdm)
        box_separation(progress=tqdm)


if __name__ == "__main__":
    main()
