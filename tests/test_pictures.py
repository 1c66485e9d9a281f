import io

import numpy as np
import pytest
import torch
from PIL import Image

from xai_utils.pictures import (
    PHOTOGRAPHS,
    labelled_pictures,
    load_photograph,
    load_picture,
    load_pictures,
    picture_files,
)


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


def written(picture, file, **settings):
    picture.save(file, **settings)
    return load_picture(file, (20, 30))


def test_a_picture_is_turned_as_its_camera_says(tmp_path):
    tall = Image.new("RGB", (20, 30), "black")
    tall.paste("white", (0, 0, 20, 15))  # white on top; the camera lay on its side
    exif = tall.getexif()
    exif[0x0112] = 6
    image = written(tall, tmp_path / "phone.png", exif=exif)
    assert image[..., 20:].mean() > 0.9
    assert image[..., :10].mean() < 0.1


def test_sixteen_bits_are_read_in_their_range(tmp_path):
    levels = np.full((20, 30), 257 * 51, np.uint16)
    assert float(written(Image.fromarray(levels), tmp_path / "deep.png").mean()) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="expected 8 or 16 bits a channel, got mode F"):
        written(Image.fromarray(np.ones((20, 30), np.float32)), tmp_path / "heights.tif")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_lies_on_white(tmp_path, mode):
    picture = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 15, 20))
    image = written(picture.convert(mode), tmp_path / "glass.png")
    assert image[..., :15].max() == 0
    assert image[..., 15:].min() == 1


@pytest.mark.parametrize("content", [b"", b"a letter", b"\x89PNG\r\n\x1a\n" + bytes(30)])
def test_an_open_file_that_is_no_picture_is_called_by_its_name(content):
    file = io.BytesIO(content)
    with pytest.raises(ValueError, match="picture, got an open file"):
        load_picture(file)
    file.name = "odd.png"
    with pytest.raises(ValueError, match="picture, got odd.png"):
        load_picture(file)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"file: expected a picture, got .*nope.png, which is not there"):
        load_picture(tmp_path / "nope.png")
    with pytest.raises(FileNotFoundError, match="folder: expected pictures"):
        picture_files(tmp_path / "nowhere")


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
