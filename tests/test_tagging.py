"""The control of the user study, driven by its widgets' events."""

from functools import partial

import pytest
import torch

from xai_utils.experiments.visual_summaries.answers import Answer, add_answer, read_answers
from xai_utils.widgets.tagging import tag_summaries

WIDGET = "application/vnd.jupyter.widget-view+json"


def grey(class_name, summary):
    return torch.full((3, 8, 8), 0.1 * (summary + 1))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "answers.csv"


@pytest.fixture
def make(file):
    return partial(tag_summaries, grey, {"robin": 2, "pickup": 1}, file, read=read_answers, add=add_answer)


def said(file):
    return {(answer.rater, answer.class_name, answer.summary): answer.tags for answer in read_answers(file)}


def test_a_rater_names_all_summaries(make, file):
    control = make()
    assert control.progress.value == 0
    assert not file.exists()
    control.rater.value = "ana"
    pictures = []
    for text in ("Head, beak", "tail", "wheel"):
        pictures.append(control.picture)
        control.tags.value = text
        control.next.click()
    assert said(file) == {("ana", "robin", 0): ("head", "beak"), ("ana", "robin", 1): ("tail",),
                          ("ana", "pickup", 0): ("wheel",)}  # fmt: skip
    assert len(set(pictures)) == 3
    assert "pickup, summary 1: 3 of 3" in pictures[-1]
    assert control.progress.value == control.progress.max == 3


def test_an_answer_is_in_the_file_as_soon_as_the_field_is_left(make, file):
    control = make()
    control.rater.value, control.tags.value = "ana", "head"
    assert said(file) == {("ana", "robin", 0): ("head",)}
    assert "Kept" in control.message


def test_back_shows_the_answer_and_a_change_replaces_it(make, file):
    control = make()
    control.rater.value, control.tags.value = "ana", "head"
    control.next.click()
    assert (control.tags.value, control.index, control.back.disabled) == ("", 1, False)
    control.back.click()
    assert (control.tags.value, control.back.disabled) == ("head", True)
    control.tags.value = "beak"
    control.back.click()
    assert said(file) == {("ana", "robin", 0): ("beak",)}


def test_an_emptied_field_does_not_take_an_answer_back(make, file):
    control = make()
    control.rater.value, control.tags.value = "ana", "head"
    control.tags.value = ""
    assert "not be taken back" in control.message
    control.next.click()
    control.back.click()
    assert control.tags.value == "head"
    assert said(file) == {("ana", "robin", 0): ("head",)}


def test_a_summary_may_be_left_out_and_is_the_first_one_asked_again(make, file):
    control = make()
    control.rater.value = "ana"
    control.next.click()
    control.tags.value = "tail"
    again = make()
    again.rater.value = "ana"
    assert (again.index, again.progress.value) == (0, 1)
    again.tags.value = "head"
    assert list(said(file)) == [("ana", "robin", 1), ("ana", "robin", 0)]
    third = make()
    third.rater.value = "ana"
    assert third.index == 2


def test_raters_do_not_see_each_others_answers(make, file):
    control = make()
    control.rater.value, control.tags.value = "ana", "head"
    control.rater.value = "ben"
    assert (control.tags.value, control.progress.value, control.index) == ("", 0, 0)
    control.tags.value = "beak"
    control.rater.value = "ana"
    assert (control.index, control.progress.value) == (1, 1)
    assert said(file) == {("ana", "robin", 0): ("head",), ("ben", "robin", 0): ("beak",)}


def test_nouns_written_before_the_name_are_signed_by_it(make, file):
    control = make()
    control.tags.value = "head"
    assert "Not kept: rater: expected letters first" in control.message
    control.next.click()
    assert (control.index, control.tags.value) == (0, "head")
    control.rater.value = "ana"
    assert said(file) == {("ana", "robin", 0): ("head",)}
    assert control.index == 1


def test_what_cannot_be_kept_stays_in_the_field(make, file):
    control = make()
    control.rater.value, control.tags.value = "ana", "=1+1<b>"
    assert "Not kept: tags" in control.message
    assert "<b>" not in control.message
    for button in (control.next, control.back):
        button.click()
        assert (control.index, control.tags.value) == (0, "=1+1<b>")
    control.rater.value = "ben"
    assert (control.rater.value, control.tags.value) == ("ana", "=1+1<b>")
    assert not file.exists()
    control.tags.value = "head"
    control.rater.value = "ben"
    assert said(file) == {("ana", "robin", 0): ("head",)}


def test_a_full_disk_loses_nothing(file):
    fails = [True]

    def add(*answer):
        if fails:
            raise OSError("no space left")
        return add_answer(*answer)

    control = tag_summaries(grey, {"robin": 2}, file, read=read_answers, add=add)
    control.rater.value, control.tags.value = "ana", "head"
    assert "no space left" in control.message
    fails.clear()
    control.next.click()
    assert said(file) == {("ana", "robin", 0): ("head",)}
    assert control.index == 1


def test_two_controls_share_a_file(make, file):
    one, other = make(), make()
    one.rater.value, other.rater.value = "ana", "ben"
    one.tags.value, other.tags.value = "head", "beak"
    one.next.click()
    one.tags.value = "tail"
    assert len(said(file)) == 3


def test_a_file_that_was_spoilt_in_between_is_left_alone(make, file):
    control = make()
    control.rater.value, control.tags.value = "ana", "head"
    file.write_text("spoilt")
    control.next.click()
    assert (control.index, control.tags.value) == (0, "head")
    assert "answers.csv, line 1: expected the columns" in control.message
    control.tags.value = "beak"
    assert "Not kept" in control.message
    assert file.read_text() == "spoilt"


def test_a_spoilt_file_and_nothing_to_name_are_refused(make, file):
    with pytest.raises(ValueError, match="summaries: expected at least one summary, got {'robin': 0}"):
        tag_summaries(grey, {"robin": 0}, file, read=read_answers, add=add_answer)
    file.write_text("a,b\n")
    with pytest.raises(ValueError, match=r"answers\.csv, line 1"):
        make()


def test_a_picture_that_fails_says_so(file):
    def draw(class_name, summary):
        raise RuntimeError("no <mask>")

    control = tag_summaries(draw, {"robin": 1}, file, read=read_answers, add=add_answer)
    assert "robin, summary 1: 1 of 1: RuntimeError: no &lt;mask&gt;" in control.picture
    control.rater.value, control.tags.value = "ana", "head"
    assert read_answers(file) == [Answer("ana", "robin", 0, ("head",))]


def test_pictures_are_drawn_once_and_only_when_shown(file):
    drawn = []

    def draw(class_name, summary):
        drawn.append(summary)
        return grey(class_name, summary)

    control = tag_summaries(draw, {"robin": 3}, file, read=read_answers, add=add_answer)
    control.next.click()
    control.back.click()
    assert drawn == [0, 1]


def test_a_book_build_gets_a_sentence_and_a_kernel_the_widgets(make, monkeypatch):
    assert WIDGET in make()._repr_mimebundle_()
    monkeypatch.setenv("XAI_BOOK", "1")
    bundle = make()._repr_mimebundle_()
    assert WIDGET not in bundle
    assert "Tagging of 3 summaries (robin: 2, pickup: 1)" in bundle["text/html"]
