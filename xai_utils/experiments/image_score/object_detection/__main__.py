"""Command line: trains and measures everything behind Table 4, and keeps one detector to look at."""

import argparse

from tqdm.auto import tqdm

from xai_utils.experiments.image_score.object_detection.choices import ARMS
from xai_utils.experiments.image_score.object_detection.runs import SEEDS, keep_detector, record_runs


def main() -> None:
    """Records the runs that are missing, a quarter of an hour for each seed; a killed command goes on."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--keep", action="store_true", help="write the weights of the detector that has learned most")
    arguments = parser.parse_args()
    if arguments.keep:
        print(keep_detector())
        return
    for row in record_runs(arguments.seeds, arguments.arms, progress=tqdm)[0]:
        print(row["configuration"]["seed"], row["configuration"]["arm"], row["result"]["voc"])


if __name__ == "__main__":
    main()
