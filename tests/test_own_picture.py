"""Somebody's picture and network: whole, broken, too large, too strange."""

import io
from functools import partial

import pytest
import torch
from PIL import Image
from torch import nn

from xai_utils.experiments.verdict import own
from xai_utils.experiments.verdict.own import (
    METHODS,
    Answer,
    explain_all,
    likely_classes,
    maps_of_answers,
    picture_for,
    problems_of,
    save_report,
)
from xai_utils.models import load_model
from xai_utils.parts import load_images
from xai_utils.pictures import load_picture
from xai_utils.plotting import show_maps

QUICK = ("gradient", "Grad-CAM", "CNN Fixations", "grey occlusion")


@pytest.fixture(scope="module")
def model():
    return load_model("parts/resnet")


@pytest.fixture(scope="module")
def image():
    return load_images("test", [0])[0]


def test_every_quick_method_answers_with_a_map_and_its_time(model, image):
    answers = explain_all(model, image, 0, {name: METHODS[name] for name in QUICK})
    assert [answer.method for answer in answers] == list(QUICK)
    for answer in answers:
        assert answer.problem == ""
        assert answer.map.shape == image.shape[2:]
        assert answer.seconds > 0


def test_a_method_that_cannot_answer_says_why_and_the_others_go_on(image):
    strange = load_model(nn.Sequential(nn.Flatten(), nn.Linear(3 * 128 * 128, 3)), classes="abc")
    answers = {one.method: one for one in explain_all(strange, image, 1, {name: METHODS[name] for name in QUICK})}
    assert answers["gradient"].map is not None
    assert answers["Grad-CAM"].map is None
    assert answers["Grad-CAM"].problem.startswith("ValueError: ")
    assert "\n" not in answers["Grad-CAM"].problem


def test_answers_are_titled_with_their_times_and_problems_make_one_line():
    answers = [
        Answer("LRP", torch.ones(2, 2), 0.26, ""),
        Answer("CAM", None, 0.1, "no head"),
        Answer("x", None, 0, "y"),
    ]
    assert {title: maps.shape for title, maps in maps_of_answers(answers).items()} == {"LRP\n0.3 s": (1, 2, 2)}
    assert problems_of(answers) == "CAM: no head; x: y"
    assert problems_of(answers[:1]) == ""


def test_likely_classes_are_in_their_order(model, image):
    found = likely_classes(model, image, 3)
    assert [p for *_, p in found] == sorted((p for *_, p in found), reverse=True)
    assert [name for _, name, _ in found] == [model.classes[c] for c, *_ in found]
    assert len(likely_classes(model, image, 100)) == len(likely_classes(model, image)) == len(model.classes)


class Answering(nn.Module):
    """A network that answers with what a function makes of its pictures."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, images):
        return self.answer(images)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda x: x[:, :2], r"expected logits \[1, 2\], one for each class name, got \[1, 2, 128, 128\]"),
        (lambda x: x.mean((1, 2, 3)), r"expected logits \[1, 2\], one for each class name, got \[1\]"),
        (lambda x: {"out": x}, "expected logits .* got dict"),
        (lambda x: x.mean((2, 3)), r"got \[1, 3\]"),
        (lambda x: x.mean((2, 3))[:, :2] / 0, "expected finite logits"),
        (lambda x: x.flatten(1) @ torch.ones(5, 2), "expected a network for pictures of 128 x 128 pixels"),
    ],
)
def test_networks_that_do_not_answer_with_logits_are_refused(image, answer, says):
    with pytest.raises(ValueError, match=says):
        likely_classes(load_model(Answering(answer), classes=["cat", "dog"]), image)


def test_networks_without_class_names_are_refused(image, tmp_path):
    with pytest.raises(TypeError, match="expected what load_model returns, got Flatten"):
        likely_classes(nn.Flatten(), image)
    with pytest.raises(TypeError, match="wrap it with load_model"):
        picture_for(tmp_path / "cat.png", nn.Flatten())
    with pytest.raises(ValueError, match="at least two classes"):
        likely_classes(load_model(Answering(lambda x: x), classes=["cat"]), image)


def test_a_map_that_is_none_is_its_methods_problem(model, image):
    maps = {
        "nan": lambda *_: torch.full((1, 128, 128), float("nan")),
        "small": lambda *_: torch.ones(1, 5, 5),
        "empty": lambda *_: torch.zeros(1, 128, 128),
        "whole": lambda *_: torch.ones(1, 128, 128),
    }
    answers = {one.method: one for one in explain_all(model, image, 0, maps)}
    assert [one.map is None for one in answers.values()] == [True, True, False, False]
    assert "finite" in answers["nan"].problem
    assert "shape" in answers["small"].problem
    assert answers["empty"].problem == "found nothing, the map is 0 everywhere"
    assert answers["whole"].problem == ""
    with pytest.raises(ValueError, match=r"expected at least one map, got none \(nan: "):
        maps_of_answers([answers["nan"]])


def test_a_search_says_the_same_twice(model, image, monkeypatch):
    monkeypatch.setattr(own, "iterative_mask", partial(own.iterative_mask, steps=3))
    search = {"searched mask": METHODS["searched mask"]}
    first, again = (explain_all(model, image, 0, search)[0].map for _ in range(2))
    assert torch.equal(first, again)


def test_an_interruption_keeps_the_answers_there_are(model, image):
    def stop(*_):
        raise KeyboardInterrupt

    methods = {"gradient": METHODS["gradient"], "stop": stop, "Grad-CAM": METHODS["Grad-CAM"]}
    answers = explain_all(model, image, 0, methods)
    assert [one.problem for one in answers] == ["", *["not asked, interrupted"] * 2]


def test_several_pictures_or_no_class_are_refused(model, image):
    with pytest.raises(ValueError, match="image: expected one picture"):
        explain_all(model, torch.cat([image, image]), 0)
    with pytest.raises(TypeError, match="target"):
        explain_all(model, image, "robin")


def test_a_report_is_one_file_that_needs_no_other(tmp_path, image):
    answers = [Answer("gradient", image[0, 0], 0.25, ""), Answer("<CAM>", None, 0.1, "ValueError: no & no")]
    figure = show_maps(image, {"gradient": image[:, 0]})
    page = save_report(tmp_path / "report.html", figure, answers, "A <robin>").read_text()
    assert "data:image/png;base64," in page
    assert "&lt;CAM&gt;" in page
    assert "no &amp; no" in page
    assert "<robin>" not in page
    assert "masking model" in page
    picture = save_report(tmp_path / "report.png", figure, answers, "A robin")
    bare = save_report(tmp_path / "bare.png", figure, [], "")
    assert Image.open(picture).format == "PNG"
    assert Image.open(picture).height > Image.open(bare).height  # title and problems stand below
    assert not figure.texts or all("A robin" not in text.get_text() for text in figure.texts)
    with pytest.raises(ValueError, match=r"ends in \.png or \.html"):
        save_report(tmp_path / "report.pdf", figure, answers, "A robin")


def test_an_uploaded_picture_is_read_from_its_bytes(image):
    levels = (image[0].permute(1, 2, 0) * 255).round().byte().numpy()
    file = io.BytesIO()
    Image.fromarray(levels).save(file, format="PNG")
    assert torch.equal(load_picture(io.BytesIO(file.getvalue()), (128, 128)), image)
    with pytest.raises(ValueError, match="file: expected a whole picture"):
        load_picture(io.BytesIO(file.getvalue()[:2000]), (128, 128))
    with pytest.raises(ValueError, match="file: expected a picture"):
        load_picture(io.BytesIO(b"no picture at all"), (128, 128))


def test_a_picture_too_large_to_unpack_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "huge.png"
    Image.new("L", (300, 300)).save(file)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match="reasonable size"):
        load_picture(file)
