import numpy as np
import pytest
import torch
from PIL import Image

from xai_utils.pictures import PHOTOGRAPHS, labelled_pictures, load_photograph, load_pictures


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_every_photograph_is_here_without_a_download(name):
    image = load_photograph(name, (96, 128))
    assert image.shape == (1, 3, 96, 128)
    assert 0 <= image.min() < 0.3 < image.max() <= 1


def test_a_folder_of_pictures_is_read_in_the_order_of_its_names(tmp_path):
    for name, grey in (("b.png", 51), ("a.jpg", 204)):
        Image.fromarray(np.full((20, 30, 3), grey, np.uint8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    images, names = load_pictures(tmp_path, (10, 10))
    assert names == ["a.jpg", "b.png"]
    torch.testing.assert_close(images.mean((1, 2, 3)), torch.tensor([0.8, 0.2]), atol=0.01, rtol=0)


def test_what_is_no_picture_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="folder: expected pictures"):
        load_pictures(tmp_path)
    (tmp_path / "a.png").write_text("not a picture")
    with pytest.raises(ValueError, match="file: expected a picture"):
        load_pictures(tmp_path)


def test_an_imagenet_style_folder_gives_labels_and_exclusive_boxes(tmp_path):
    (tmp_path / "labels.csv").write_text("file,label,name\nx.jpg,7,cock\ny.jpg,8,hen\n")
    (tmp_path / "boxes.csv").write_text("file,xmin,ymin,xmax,ymax\nx.jpg,1,2,9,8\nx.jpg,0,0,3,3\n")
    first, second = labelled_pictures(tmp_path)
    assert (first.label, first.name, first.boxes) == (7, "cock", ((1, 2, 10, 9), (0, 0, 4, 4)))
    assert second.boxes == ()
    (tmp_path / "labels.csv").write_text("file,class\nx.jpg,7\n")
    with pytest.raises(
        ValueError, match=r"labels.csv: expected the columns file, label, name, got none called 'label'"
    ):
        labelled_pictures(tmp_path)
    (tmp_path / "labels.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected labels.csv"):
        labelled_pictures(tmp_path)
