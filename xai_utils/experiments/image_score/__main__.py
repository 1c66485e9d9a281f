"""Command line: trains and measures everything behind tables 1 to 3 and figure 5."""

import argparse

from tqdm.auto import tqdm

from xai_utils.experiments.cifar.data import download
from xai_utils.experiments.cifar.network import NETWORKS
from xai_utils.experiments.image_score.pictures import PARTS, classes_of
from xai_utils.experiments.image_score.runs import EPOCHS, record_assembly, record_runs
from xai_utils.experiments.semi_supervised import SELECTED, WHOLE


def main() -> None:
    """Records the semi-supervised runs of a data set that are missing; a killed command goes on when called again."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", default=PARTS, choices=EPOCHS, help="%(default)s, or a folder of $XAI_DATA")
    parser.add_argument("--download", action="store_true", help="first fetch all of CIFAR-10 into $XAI_DATA/cifar10")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--arms", nargs="+", default=[*WHOLE, *SELECTED], choices=[*WHOLE, *SELECTED])
    parser.add_argument("--classes", nargs="+", type=int, help="numbers; all by default")
    arguments = parser.parse_args()
    if arguments.download:
        print(download())
    classes = arguments.classes or list(range(len(classes_of(arguments.data))))
    arms = {arm: [] if arm in WHOLE else classes for arm in arguments.arms}
    for seed in arguments.seeds:
        for network in arguments.networks:
            record_runs(arguments.data, network, seed, arms, progress=tqdm)
            for arm in set(arms) - set(WHOLE):
                if len(classes) == len(classes_of(arguments.data)):
                    print(arm, record_assembly(arguments.data, network, seed, arm)["result"])


if __name__ == "__main__":
    main()
