"""Real pictures: four photographs that come with scikit-image, your own folder, an ImageNet-style folder."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from xai_utils.tensors import check_choice, check_count

PHOTOGRAPHS = {"cat": "chelsea", "coffee": "coffee", "astronaut": "astronaut", "rocket": "rocket"}
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class LabelledPicture:
    """One picture of an ImageNet-style folder.

    Args:
        file: where it lies.
        label: its class, the index of a logit of torchvision's networks.
        name: the name of the class.
        boxes: (left, top, right, bottom) of every object of the class, pixels of the picture as
            `load_picture` turns it; right and bottom exclusive.
    """

    file: Path
    label: int
    name: str
    boxes: tuple[Box, ...]


def load_photograph(name: str, size: tuple[int, int] = (224, 224)) -> Tensor:
    """A photograph that comes with scikit-image, no download needed.

    Args:
        name: "cat", "coffee", "astronaut" or "rocket".
        size: (height, width); the largest centred window of that shape is cut out and resized.

    Returns:
        float [1, 3, height, width], RGB in [0, 1].

    Example:
        >>> load_photograph("cat").shape
        torch.Size([1, 3, 224, 224])
    """
    from skimage import data

    check_choice("name", name, list(PHOTOGRAPHS))
    return _fitted(Image.fromarray(getattr(data, PHOTOGRAPHS[name])()), size)


def load_pictures(folder: str | Path, size: tuple[int, int] = (224, 224)) -> tuple[Tensor, list[str]]:
    """All pictures of a folder of your own, in the order of their names.

    Args:
        folder: holds files that end as `SUFFIXES` say.
        size: (height, width); the largest centred window of that shape is cut out and resized.

    Returns:
        (images, names): float [pictures, 3, height, width], RGB in [0, 1], and the files' names.

    Raises:
        FileNotFoundError: no such folder, or no picture in it.
        ValueError: a file that is no picture.
    """
    files = picture_files(folder)
    return torch.cat([load_picture(file, size) for file in files]), [file.name for file in files]


def picture_files(folder: str | Path) -> list[Path]:
    """The files of a folder that end as `SUFFIXES` say, in the order of their names.

    Args:
        folder: a name; "~" is the home folder.

    Raises:
        FileNotFoundError: no such folder, or no picture in it.
    """
    files = sorted(file for file in Path(folder).expanduser().glob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise FileNotFoundError(f"folder: expected pictures ({', '.join(SUFFIXES)}) in {folder}, got none")
    return files


def load_picture(file: str | Path | BinaryIO, size: tuple[int, int] = (224, 224)) -> Tensor:
    """One picture file, float [1, 3, height, width], RGB in [0, 1]; cut to the shape of `size` and resized.

    It is turned as its camera says; what is transparent lies on white; of several frames the first one counts.

    Args:
        file: its name, or an open file, such as `io.BytesIO` of what was uploaded; errors name it by its `name`.
        size: (height, width); the largest centred window of that shape is cut out and resized.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is no picture, it is incomplete, it has more pixels than is safe to unpack, or its pixels
            are neither colours nor levels of grey, such as heights or distances.
    """
    name = file if isinstance(file, str | Path) else getattr(file, "name", "an open file")
    try:
        with Image.open(file) as picture:
            return _fitted(_upright(picture), size)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"file: expected a picture, got {name}, which is not there") from error
    except UnidentifiedImageError as error:
        raise ValueError(f"file: expected a picture, got {name}") from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"file: expected a picture of a reasonable size, got {name} ({error})") from error
    except (OSError, SyntaxError, ValueError) as error:  # it begins as a picture and does not end as one
        raise ValueError(f"file: expected a whole picture, got {name} ({error})") from error


def _upright(picture: Image.Image) -> Image.Image:
    """The picture as one sees it: turned as its camera says, 8 bits a channel, transparent places white."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) / 257).round().astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise ValueError(f"expected 8 or 16 bits a channel, got mode {picture.mode}")
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    return picture.convert("RGB")


def labelled_pictures(folder: str | Path) -> list[LabelledPicture]:
    """What an ImageNet-style folder holds, without opening the pictures.

    Args:
        folder: holds `images/`; `labels.csv` with the columns `file` (a name in `images/`), `label` (index of the
            class) and `name`; and, if there are boxes, `boxes.csv` with the columns `file`, `xmin`, `ymin`, `xmax`,
            `ymax` (pixels of the file; the last ones belong to the object), several rows for a file.

    Returns:
        One record for each row of `labels.csv`.

    Raises:
        FileNotFoundError: no `labels.csv`.
        ValueError: a missing column; names file and column.
    """
    folder = Path(folder)
    boxes: dict[str, list[Box]] = {}
    if (folder / "boxes.csv").exists():
        for row in _rows(folder / "boxes.csv", ("file", "xmin", "ymin", "xmax", "ymax")):
            left, top, right, bottom = (round(float(row[edge])) for edge in ("xmin", "ymin", "xmax", "ymax"))
            boxes.setdefault(row["file"], []).append((left, top, right + 1, bottom + 1))
    return [
        LabelledPicture(
            folder / "images" / row["file"], int(row["label"]), row["name"], tuple(boxes.get(row["file"], ()))
        )
        for row in _rows(folder / "labels.csv", ("file", "label", "name"))
    ]


def _rows(file: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    if not file.exists():
        raise FileNotFoundError(f"folder: expected {file.name} with the columns {', '.join(columns)}, got no {file}")
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    missing = [column for column in columns if rows and column not in rows[0]]
    if missing:
        raise ValueError(f"{file}: expected the columns {', '.join(columns)}, got none called {missing[0]!r}")
    return rows


def _fitted(picture: Image.Image, size: tuple[int, int]) -> Tensor:
    """The largest centred window with the shape of `size`, resized to it: float [1, 3, height, width]."""
    height, width = (check_count("size", side) for side in size)
    scale = min(picture.width / width, picture.height / height)
    left, top = (picture.width - scale * width) / 2, (picture.height - scale * height) / 2
    window = (left, top, left + scale * width, top + scale * height)
    resized = picture.resize((width, height), Image.Resampling.BILINEAR, box=window, reducing_gap=None)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1)[None].float() / 255
