"""The control for a picture of one's own: what it shows, and what it says when something is wrong."""

import io
from datetime import UTC, datetime

import pytest
import torch
from PIL import Image

from xai_utils.experiments.verdict.own import (
    METHODS,
    explain_all,
    likely_classes,
    maps_of_answers,
    picture_for,
    problems_of,
    save_report,
)
from xai_utils.models import load_model
from xai_utils.plotting import show_maps
from xai_utils.widgets import Tools, explain_own_picture

QUICK = ["gradient", "Grad-CAM"]


def drawn(image, answers):
    return show_maps(image, maps_of_answers(answers)), problems_of(answers)


TOOLS = Tools(
    load_model,
    picture_for,
    likely_classes,
    lambda model, image, target, names, progress: explain_all(
        model, image, target, {name: METHODS[name] for name in names}, progress=progress
    ),
    drawn,
    save_report,
)


@pytest.fixture
def picture(tmp_path):
    file = tmp_path / "bird.png"
    levels = torch.randint(256, (90, 120, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    Image.fromarray(levels.numpy()).save(file)
    return file


def control(pictures, tools=TOOLS):
    return explain_own_picture(tools, ["parts/alexnet", "parts/resnet"], QUICK, pictures)


def uploaded(name, content, size=None):
    about = {"name": name, "type": "image/png", "size": size or len(content), "last_modified": datetime.now(UTC)}
    return (about | {"content": memoryview(content)},)


def test_a_stored_picture_is_explained_and_kept(picture, tmp_path):
    own = control({"bird": picture})
    assert own.go.disabled
    own.stored.value = "bird"
    assert not own.go.disabled
    assert len(own.target.options) == 10
    assert 'alt="bird, as the network sees it"' in own._shown.value
    own.go.click()
    assert "All methods have answered." in own.message
    assert ': the picture and what 2 methods say"' in own._shown.value
    own.file.value = str(tmp_path / "report.html")
    own.keep.click()
    assert "Kept as" in own.message
    assert "<table>" in (tmp_path / "report.html").read_text()


def test_the_picture_that_was_chosen_last_counts(picture):
    own = control({"bird": picture})
    own.stored.value = "bird"
    own.upload.value = uploaded("cat.png", picture.read_bytes())
    assert "cat.png" in own.message
    own.model.value = "parts/resnet"
    assert "cat.png" in own.message
    own.stored.value = ""
    own.stored.value = "bird"
    assert "bird" in own.message
    own.stored.value = ""
    assert "cat.png" in own.message
    assert not own.go.disabled


def test_what_is_kept_is_what_is_shown(picture, tmp_path):
    own = control({"bird": picture})
    own.stored.value = "bird"
    own.go.click()
    shown, said = own._title, own.target.label
    own.target.value = own.target.options[3][1]  # chosen, and not explained
    own.file.value = str(tmp_path / "report.html")
    own.keep.click()
    page = (tmp_path / "report.html").read_text()
    assert f"<h1>{shown}</h1>" in page
    assert said in shown
    own.keep.click()
    assert (tmp_path / "report-2.html").read_text().splitlines()[0][:50] == page.splitlines()[0][:50]
    own.methods.value = ()
    own.go.click()
    assert "methods: expected at least one" in own.message
    assert own.keep.disabled
    assert own._shown.value == ""


def test_an_interruption_keeps_what_was_answered_and_the_button(picture):
    def asked(names):
        yield names[0]
        raise KeyboardInterrupt

    stopping = TOOLS._replace(explain=lambda *asks: TOOLS.explain(*asks[:-1], asked))
    own = control({"bird": picture}, stopping)
    own.stored.value = "bird"
    own.go.click()
    assert [one.map is None for one in own.answers] == [False, True]
    assert "Grad-CAM: not asked, interrupted" in own.message
    assert not own.go.disabled
    assert not own.keep.disabled

    def stopped(*_):
        raise KeyboardInterrupt

    own = control({"bird": picture}, TOOLS._replace(draw=stopped))
    own.stored.value = "bird"
    own.go.click()
    assert "Interrupted." in own.message
    assert not own.go.disabled


def test_the_control_says_which_method_is_asked(picture):
    own, said = control({"bird": picture}), []
    own._message.observe(lambda change: said.append(change.new), names="value")
    own.stored.value = "bird"
    own.go.click()
    assert [says for says in said if "Asking" in says] == [
        f'<div role="status">Asking {name} ({number} of 2); to stop, interrupt the kernel.</div>'
        for number, name in enumerate(QUICK, start=1)
    ]


@pytest.mark.parametrize(
    ("content", "size", "says"),
    [
        (b"no picture", None, "expected a picture"),
        (None, None, "expected a whole picture"),
        (b"tiny", 60_000_000, "expected at most 50 MB, got 60"),
    ],
)
def test_files_that_cannot_be_read_are_named_in_a_sentence(picture, content, size, says):
    own = control({})
    own.upload.value = uploaded("odd.png", content or picture.read_bytes()[:400], size)
    assert "odd.png" in own.message
    assert says in own.message or says in own.message.replace("&#x27;", "'")
    assert own.go.disabled


def test_networks_that_are_not_there_are_named_and_another_can_be_chosen(picture):
    own = control({"bird": picture})
    own.stored.value = "bird"
    own.model.value = "parts/lenet"
    assert "expected" in own.message
    assert own.go.disabled
    own.model.value = "parts/alexnet"
    assert not own.go.disabled


def test_a_method_that_fails_leaves_the_control_alive(picture):
    def fails(*_):
        raise RuntimeError("out of memory\nand more")

    own = control({"bird": picture}, TOOLS._replace(explain=fails))
    own.stored.value = "bird"
    own.go.click()
    assert "out of memory" in own.message
    assert "and more" not in own.message
    assert not own.go.disabled
    assert own.keep.disabled


def test_a_wrong_name_of_the_report_is_said(picture):
    own = control({"bird": picture})
    own.stored.value = "bird"
    own.go.click()
    own.file.value = "report.pdf"
    own.keep.click()
    assert "ends in .png or .html" in own.message


def test_the_page_without_a_kernel_gets_a_sentence(monkeypatch):
    monkeypatch.setenv("XAI_BOOK", "1")
    bundle = control({})._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    with pytest.raises(ValueError, match="models, methods: expected at least one of each"):
        explain_own_picture(TOOLS, [], QUICK)


def test_bytes_of_a_picture_are_read_only_once(picture):
    own = control({})
    own.upload.value = uploaded("cat.png", picture.read_bytes())
    name, file = own._source()
    assert (name, isinstance(file, io.BytesIO)) == ("cat.png", True)
