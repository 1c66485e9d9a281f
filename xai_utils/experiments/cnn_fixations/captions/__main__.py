"""Command line: trains the captioner where it has no weights yet, or anew, and records both tables."""

import argparse

import torch
from tqdm.auto import tqdm

from xai_utils.experiments.cnn_fixations.captions import MODEL, caption_accuracies, groundings
from xai_utils.experiments.cnn_fixations.captions.training import (
    RECIPE,
    told_pictures,
    train_captioner,
    untrained_captioner,
    write_captioner,
)
from xai_utils.weights import weights_folder


def train() -> None:
    """Trains the captioner on Parts by `RECIPE` and writes its weights."""
    training, validation = (told_pictures(split, progress=tqdm) for split in ("train", "validation"))
    torch.manual_seed(RECIPE.seed)
    captioner = untrained_captioner(training[1])
    for epoch in train_captioner(captioner, training, validation, progress=tqdm):
        tqdm.write(f"epoch {epoch.number}, loss {epoch.loss:.3f}, whole captions told rightly {epoch.accuracy:.3f}")
    write_captioner(captioner)


def main() -> None:
    """Trains if asked to, or if there are no weights; then measures what is not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", action="store_true", help="train anew, although there are weights")
    if parser.parse_args().train or not (weights_folder() / f"{MODEL}.safetensors").exists():
        train()
    for row in [*caption_accuracies(progress=tqdm), *groundings(progress=tqdm)]:
        print(row["configuration"], row["result"])


if __name__ == "__main__":
    main()
