"""The splits of Parts, and the golden thumbnails that freeze a version.

After a deliberate change of the pictures (and of `VERSION`), `python -m tests.test_dataset` writes the thumbnails anew.
"""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from xai_utils.parts import CLASSES, SPLITS, VERSION, Parts, draw_scene, load_images

GOLDEN = Path(__file__).parent / "golden" / f"parts_v{VERSION}.png"
ROWS, SIDE = 4, 32


def thumbnails():
    """Four scenes of each class, one row for each seed and one column for each class, uint8 [height, width, 3]."""
    rows = []
    for seed in range(ROWS):
        pictures = [draw_scene(seed * len(CLASSES) + label, label=label).pixels() for label in range(len(CLASSES))]
        rows.append(
            np.concatenate([cv2.resize(p, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for p in pictures], axis=1)
        )
    return np.concatenate(rows)


def write_thumbnails(path=GOLDEN):
    """Freezes the present pictures as this version's."""
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), thumbnails()[..., ::-1])


@pytest.mark.skipif(not GOLDEN.exists(), reason="this version of Parts is not frozen yet")
def test_pictures_are_those_of_the_frozen_version():
    frozen = cv2.imread(str(GOLDEN))[..., ::-1].astype(int)
    assert np.abs(thumbnails().astype(int) - frozen).max() <= 1


@pytest.mark.parametrize("split", SPLITS)
def test_every_ten_items_of_a_split_show_the_ten_classes(split):
    data = Parts(split, size=(32, 32))
    labels = data.labels_kept_apart()
    assert len(data) == SPLITS[split] == len(labels)
    assert torch.equal(labels.view(-1, 10).sort(dim=1).values, torch.arange(10).expand(len(data) // 10, 10))
    assert not torch.equal(labels[:10], labels[10:20])


def test_an_item_is_the_picture_and_label_of_its_scene():
    data = Parts("validation", size=(48, 48))
    image, label = data[17]
    assert torch.equal(image, data.scene(17).image)
    assert label == data.scene(17).label == data.labels[17]
    assert torch.equal(data[-1][0], data[len(data) - 1][0])


def test_splits_share_no_scene():
    ranges = [{Parts(split).scene(0).seed, Parts(split).scene(len(Parts(split)) - 1).seed} for split in SPLITS]
    spans = sorted((min(pair), max(pair)) for pair in ranges)
    assert all(last < first for (_, last), (first, _) in pairwise(spans))


def test_labels_of_the_additional_split_are_kept_apart():
    data = Parts("additional", size=(32, 32))
    assert data[3][1] == -1
    assert set(data.labels.tolist()) == {-1}
    assert data.labels_kept_apart()[3] == data.scene(3).label


def test_tensors_are_the_items_in_whole_grey_levels_and_report_progress():
    data, seen = Parts("test", size=(40, 32)), []
    images, labels = data.tensors(indices=range(5), progress=lambda items: seen.append(len(items)) or items)
    assert images.shape == (5, 3, 40, 32)
    assert images.dtype == torch.uint8
    assert seen == [5]
    assert all(torch.equal(images[i].float() / 255, data[i][0]) and labels[i] == data[i][1] for i in range(5))


def test_load_images_gives_a_handful():
    images, labels = load_images("test", [3, 1], size=(32, 32))
    data = Parts("test", size=(32, 32))
    assert torch.equal(images[1], data[1][0])
    assert labels.tolist() == [data[3][1], data[1][1]]


def test_bias_moves_the_scenes_to_their_habitat():
    free, tied = Parts("train", size=(32, 32)), Parts("train", size=(32, 32), bias=1.0)
    assert tied.scene(4).background == Parts("train", bias=1.0).scene(4).background
    assert tied.scene(4).cast == free.scene(4).cast


def test_a_bad_split_index_or_size_is_named():
    with pytest.raises(ValueError, match="split: expected one of .*'train'.*, got 'dev'"):
        Parts("dev")
    with pytest.raises(ValueError, match="size: expected"):
        Parts("test", size=(3, 3))
    with pytest.raises(IndexError, match="index: expected one from 0 to 1999, got 2000"):
        Parts("test")[2000]


if __name__ == "__main__":
    write_thumbnails()
