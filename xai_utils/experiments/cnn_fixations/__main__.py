"""Command line: computes and records Table I, and what real networks say."""

import argparse

from tqdm.auto import tqdm

from xai_utils.experiments.cnn_fixations.authors import authors_errors
from xai_utils.experiments.cnn_fixations.localisation import localisation_errors, real_localisation_errors
from xai_utils.experiments.cnn_fixations.photographs import photographs


def main() -> None:
    """Records the boxes of all methods on Parts; with `--real` those of three networks on ImageNet, those of the
    authors, and fixations on photographs as well."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--real", action="store_true", help="also on ImageNet; needs $XAI_WEIGHTS and $XAI_DATA")
    arguments = parser.parse_args()
    rows = localisation_errors(progress=tqdm)
    if arguments.real:
        photographs(progress=tqdm)
        authors_errors(progress=tqdm)
        rows += real_localisation_errors(progress=tqdm)
    for row in rows:
        found = {name: [round(end, 3) for end in row["result"][name]] for name in ("error", "box_error")}
        print(row["configuration"]["model"], row["configuration"]["method"], row["result"]["setting"], found)


if __name__ == "__main__":
    main()
