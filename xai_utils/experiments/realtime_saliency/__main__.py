"""Command line: trains the masking models."""

import argparse

from tqdm.auto import tqdm

from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES, train_for
from xai_utils.parts import Parts


def main() -> None:
    """Trains the masking models of the black boxes that are named, with `--train`; all three by default."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--train", nargs="*", choices=[*BLACK_BOXES, []], required=True)
    names = parser.parse_args().train or BLACK_BOXES
    training = Parts("train").tensors(progress=tqdm)
    for black_box in names:
        print(train_for(black_box, training, progress=tqdm))


if __name__ == "__main__":
    main()
