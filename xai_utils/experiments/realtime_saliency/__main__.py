"""Command line: trains the masking models, or measures them."""

import argparse

from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import LESSONS
from xai_utils.experiments.realtime_saliency.ablations import ablations
from xai_utils.experiments.realtime_saliency.quality import qualities
from xai_utils.experiments.realtime_saliency.tables import tables
from xai_utils.experiments.realtime_saliency.training import ENCODERS, train_for
from xai_utils.parts import Parts


def train(names: list[str]) -> None:
    """Trains the masking models of the black boxes, each on the pictures that its black box was taught with."""
    for name in names:
        bias = LESSONS[name.removeprefix("parts/")].bias
        print(train_for(name, Parts("train", bias=bias).tensors(progress=tqdm), encoder=ENCODERS[name], progress=tqdm))


def main() -> None:
    """Records tables 1 to 3, what masking models are worth, and the ablations; or trains, with `--train`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--train", nargs="*", choices=[*ENCODERS, []], help="black boxes; all by default")
    names = parser.parse_args().train
    if names is not None:
        train(names or list(ENCODERS))
        return
    for row in [*tables(progress=tqdm), *qualities(tuple(ENCODERS), progress=tqdm), *ablations(progress=tqdm)]:
        print(*(str(value) for value in row["configuration"].values()), row["result"])


if __name__ == "__main__":
    main()
