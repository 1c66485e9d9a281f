"""Trains a masking model for a network of ImageNet on a folder of pictures, as the paper did; meant for a GPU.

The folder has the layout of ImageNet's training set: one folder for each class, named by its WordNet id or its name.
"""

import argparse
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.models import load_model
from xai_utils.papers.realtime_saliency import (
    LAYERS,
    MaskingModel,
    learning,
    train_masking_model,
    write_masking_model,
)
from xai_utils.pictures import SUFFIXES, load_picture
from xai_utils.tensors import Progress, check_choice, check_count, quiet
from xai_utils.training import Recipe

COMMAND = "python -m xai_utils.experiments.realtime_saliency.folder"
PICTURES, BASE = 250_000, 192  # section 5: so many pictures; 768 channels, halved twice
RECIPE = Recipe(epochs=1, batch_size=64, learning_rate=1e-3, shift=16)
WORDNET = re.compile(r"n\d{8}")


class FolderPictures:
    """Pictures that are read when they are asked for, so that memory does not grow with their number.

    Args:
        files: the pictures; any size.
        size: (height, width) to which the largest centred window of that shape is resized.
        readers: how many files are read at the same time.
    """

    def __init__(self, files: Sequence[Path], size: tuple[int, int], readers: int = 8) -> None:
        self.files, self.size = list(files), size
        self.pool = ThreadPoolExecutor(check_count("readers", readers))

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.files)

    def __getitem__(self, chosen: Tensor) -> Tensor:
        """Reads the pictures of these numbers.

        Args:
            chosen: int64 [batch].

        Returns:
            uint8 [batch, 3, height, width].

        Raises:
            ValueError: a file that is no picture, or not all of one; names it.
        """
        return torch.cat(list(self.pool.map(self._read, chosen.tolist())))

    def _read(self, number: int) -> Tensor:
        try:
            return (load_picture(self.files[number], self.size) * 255).round().byte()
        except OSError as error:
            raise ValueError(f"file: expected a whole picture, got {self.files[number]} ({error})") from error


def folder_of_classes(folder: Path, classes: Sequence[str], synsets: Path | None = None) -> tuple[list[Path], Tensor]:
    """The pictures of a folder in ImageNet's layout, and their classes.

    Args:
        folder: holds one folder for each class. A folder is named as the class, or by its WordNet id: then either all
            classes are there (their sorted ids are the network's order), or `synsets` says the order.
        classes: the network's, in its order.
        synsets: a text file whose lines begin with the WordNet ids, in the network's order, such as ImageNet's own
            `LOC_synset_mapping.txt`.

    Returns:
        (files, labels): the pictures in the order of their paths, int64 [pictures].

    Raises:
        ValueError: no such folder, no pictures in it, or a class that the network does not have; names it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"images: expected a folder with one folder for each class, got {folder}, which is none")
    found = sorted(place for place in folder.iterdir() if place.is_dir())
    index = _numbered([place.name for place in found], classes, synsets)
    pairs = [
        (file, index[place.name])
        for place in found
        for file in sorted(place.iterdir())
        if file.suffix.lower() in SUFFIXES
    ]
    if not pairs:
        raise ValueError(f"images: expected pictures ({', '.join(SUFFIXES)}) in the folders of {folder}, got none")
    files, labels = zip(*pairs, strict=True)
    return list(files), torch.tensor(labels)


def _numbered(names: list[str], classes: Sequence[str], synsets: Path | None) -> dict[str, int]:
    """The number of every folder's class."""
    if synsets is not None:
        order = [line.split()[0] for line in Path(synsets).read_text(encoding="utf-8").splitlines() if line.strip()]
    elif len(names) == len(classes) and all(map(WORDNET.fullmatch, names)):
        order = names
    else:
        order = [name.lower() for name in classes]
    numbers = {}
    for name in names:
        key = name if name in order else name.lower().replace("_", " ")
        if order.count(key) != 1:
            how = f"one of the network's {len(classes)} classes"
            hint = "; name the file that orders the ids with --synsets" if WORDNET.fullmatch(name) else ""
            raise ValueError(f"images: expected folders that are named as {how}, got {name!r}{hint}")
        numbers[name] = order.index(key)
    return numbers


def train_on_folder(
    images: Path,
    black_box: str,
    encoder: str,
    out: Path,
    *,
    synsets: Path | None = None,
    recipe: Recipe = RECIPE,
    base: int = BASE,
    pictures: int = PICTURES,
    progress: Progress = quiet,
) -> Path:
    """Trains a masking model on a GPU if there is one, and writes it for `load_masking_model(black_box, file=out)`.

    A killed run goes on after the last epoch of masks that it finished, from a checkpoint beside `out`.

    Args:
        images: see `folder_of_classes`.
        black_box: the network to be explained, as `load_model` takes it.
        encoder: the network whose trunk reads the pictures, a name of `LAYERS`.
        out: where the weights go.
        synsets: see `folder_of_classes`.
        recipe: how.
        base: see `MaskingModel`.
        pictures: so many of the folder's are used, spread evenly over all.
        progress: wraps the batches of each epoch.

    Returns:
        The weights file.

    Raises:
        ValueError: what `folder_of_classes` and `FolderPictures` refuse, too few pictures, or an encoder without known
            layers.
    """
    check_choice("encoder", encoder, list(LAYERS))
    network = load_model(black_box)
    files, labels = folder_of_classes(images, network.classes, synsets)
    used = torch.linspace(0, len(files) - 1, min(check_count("pictures", pictures), len(files))).round().long()
    least = max(recipe.batch_size, learning.WARM_UP.batch_size)
    if len(used) < least:
        raise ValueError(f"images: expected at least {least} pictures, one batch, got {len(used)} in {images}")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(recipe.seed)
    masking_model = MaskingModel(load_model(encoder), layers=LAYERS[encoder], base=base)
    masking_model = masking_model.to(device, memory_format=torch.channels_last)
    source = FolderPictures([files[number] for number in used], network.input_size)
    checkpoint = out.with_name(f"{out.name}.checkpoint")
    epochs = train_masking_model(
        masking_model, network.to(device), (source, labels[used]), recipe, checkpoint=checkpoint, progress=progress
    )
    losses = []
    for epoch in epochs:
        tqdm.write(f"{epoch.phase}, epoch {epoch.number}, loss {epoch.loss:.3f}")
        losses.append(f"{epoch.loss:.4f}")
    about = {"recipe": repr(recipe), "losses": " ".join(losses), "pictures": str(len(used)), "command": COMMAND}
    return write_masking_model(masking_model.cpu(), black_box=black_box, encoder=encoder, about=about, file=out)


def main() -> None:
    """Command line: trains a masking model on a folder of pictures in ImageNet's layout."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--images", type=Path, required=True, help="one folder for each class, as in ImageNet")
    parser.add_argument("--black-box", default="resnet50", help="the network to be explained")
    parser.add_argument("--encoder", default="resnet50", choices=LAYERS, help="whose trunk reads the pictures")
    parser.add_argument("--out", type=Path, required=True, help="the .safetensors file to write")
    parser.add_argument("--synsets", type=Path, help="lines that begin with the WordNet ids in the network's order")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--batch-size", type=int, default=RECIPE.batch_size)
    parser.add_argument("--learning-rate", type=float, default=RECIPE.learning_rate)
    parser.add_argument("--base", type=int, default=BASE, help="channels of the last upsampler")
    parser.add_argument("--pictures", type=int, default=PICTURES, help="how many of the folder's are used")
    a = parser.parse_args()
    recipe = Recipe(a.epochs, a.batch_size, a.learning_rate, shift=RECIPE.shift)
    knobs = {"synsets": a.synsets, "recipe": recipe, "base": a.base, "pictures": a.pictures}
    print(train_on_folder(a.images, a.black_box, a.encoder, a.out, **knobs, progress=tqdm))


if __name__ == "__main__":
    main()
