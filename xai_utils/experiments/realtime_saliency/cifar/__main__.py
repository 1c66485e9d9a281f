"""Command line: trains both networks of the small pictures and measures them."""

import argparse

from tqdm.auto import tqdm

from xai_utils.experiments.realtime_saliency import cifar


def main() -> None:
    """Records the table of the small pictures; with `--train` both networks are trained first."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", default=cifar.SUBSET, help="folder of $XAI_DATA, such as %(default)s or cifar10")
    parser.add_argument("--download", action="store_true", help="first fetch all of CIFAR-10 into $XAI_DATA/cifar10")
    parser.add_argument("--train", action="store_true", help="first train the classifier and its masking model")
    arguments = parser.parse_args()
    if arguments.download:
        print(cifar.download())
    if arguments.train:
        print(cifar.train_classifier(arguments.data, progress=tqdm))
        print(cifar.train_masks(arguments.data, progress=tqdm))
    for row in cifar.cifar_tables(arguments.data, progress=tqdm):
        print(row["configuration"]["method"], row["result"])
    print("accuracy", cifar.cifar_accuracy(arguments.data), "fakes", cifar.cifar_fakes(arguments.data))


if __name__ == "__main__":
    main()
