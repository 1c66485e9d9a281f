"""People's answers to the user study: their files, Jaccard distances, and Table 1."""

import os

import numpy as np
import pytest

from xai_utils.experiments.visual_summaries import answers
from xai_utils.experiments.visual_summaries.answers import Answer


def test_jaccard_distance_is_what_is_not_shared():
    table = answers.jaccard_distances([["a", "b"], ["b", "c", "d"], ["b", "a"]])
    assert table == pytest.approx(np.array([[0, 0.75, 0], [0.75, 0, 0.75], [0, 0.75, 0]]))


@pytest.mark.parametrize("words", [[["a"]], [["a"], []]])
def test_sets_without_tags_have_no_distance(words):
    with pytest.raises(ValueError, match="tags: expected at least two sets with at least one tag"):
        answers.jaccard_distances(words)


def test_answers_come_back_as_they_were_written(tmp_path):
    file = tmp_path / "new" / "answers.csv"
    answers.add_answer(file, " Ana-2 ", "pickup", 1, "Front  wheel, Räder,wheel,, wheel")
    answers.add_answer(file, "Ben", "pickup", 1, "door")
    assert answers.read_answers(file) == [
        Answer("Ana-2", "pickup", 1, ("front wheel", "räder", "wheel")),
        Answer("Ben", "pickup", 1, ("door",)),
    ]
    answers.add_answer(file, "Ana-2", "pickup", 1, "rim")
    assert [answer.tags for answer in answers.read_answers(file)] == [("rim",), ("door",)]
    assert sorted(path.name for path in file.parent.iterdir()) == ["answers.csv"]


@pytest.mark.parametrize("text", ["=1+1", "head, @sum", "-2", "+a", "a|b", "", " , ", "a\nb;=c", '"head"'])
def test_what_is_no_noun_never_reaches_the_file(text, tmp_path):
    answers.add_answer(tmp_path / "a.csv", "ana", "robin", 0, "head")
    with pytest.raises(ValueError, match="tags: expected"):
        answers.add_answer(tmp_path / "a.csv", "ana", "robin", 1, text)
    with pytest.raises(ValueError, match="rater: expected|tags: expected"):
        answers.add_answer(tmp_path / "a.csv", text, "robin", 1, text)
    assert len(answers.read_answers(tmp_path / "a.csv")) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ana;robin;0;head", "line 3: expected 4 columns, got 1"),
        ("ana,robin,first,head", "line 3: summary: expected a number of at least 0, got 'first'"),
        ("ana,robin,-1,head", "line 3: summary: expected a number"),
        ("ana,robin,1,", "line 3: tags: expected nouns"),
        (",robin,1,head", "line 3: rater: expected letters first"),
        ("=cmd(),robin,1,head", "line 3: rater: expected letters first"),
        ("ana,robin,0,beak", "line 3: expected one answer of 'ana' to"),
        ('ana,robin,1,"head', "line 3: unexpected end of data"),
    ],
)
def test_a_bad_line_is_named(line, message, tmp_path):
    file = tmp_path / "study.csv"
    file.write_text(f"rater,class,summary,tags\nana,robin,0,head\n{line}\n")
    with pytest.raises(ValueError, match=f"study.csv, {message}"):
        answers.read_answers(file)
    before = file.read_bytes()
    with pytest.raises(ValueError, match=r"study\.csv, line 3"):
        answers.add_answer(file, "ben", "robin", 0, "head")
    assert file.read_bytes() == before


@pytest.mark.parametrize("text", ["", "rater;class;summary;tags\n", "name,class,summary,tags\n"])
def test_another_file_is_refused(text, tmp_path):
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(ValueError, match=r"other\.csv, line 1: expected the columns rater, class, summary, tags"):
        answers.read_answers(tmp_path / "other.csv")


def test_a_spreadsheets_file_is_read(tmp_path):
    (tmp_path / "a.csv").write_bytes('\ufeffrater,class,summary,tags\r\nana,robin,0,"head,beak"\r\n\r\n'.encode())
    assert answers.read_answers(tmp_path / "a.csv")[0].tags == ("head", "beak")


def test_a_killed_process_leaves_the_old_file(tmp_path, monkeypatch):
    answers.add_answer(tmp_path / "a.csv", "ana", "robin", 0, "head")

    def killed(*paths):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        answers.add_answer(tmp_path / "a.csv", "ana", "robin", 1, "beak")
    assert [answer.summary for answer in answers.read_answers(tmp_path / "a.csv")] == [0]


def test_the_table_by_hand():
    said = [
        Answer("a", "robin", 0, ("head", "beak")), Answer("b", "robin", 0, ("face",)),
        Answer("c", "robin", 0, ("bill",)),
        Answer("a", "robin", 1, ("tail",)), Answer("b", "robin", 1, ("tail",)),
        Answer("a", "oboe", 2, ("keys",)),
    ]  # fmt: skip
    table = answers.study_table(said)
    # robin 0: head beak, head, beak -> 1/2, 1/2, 1; robin 1: 0
    assert table["robin"] == answers.Named(3, pytest.approx((2 / 3 + 0) / 2, abs=1e-4), ("beak / head", "tail"))
    assert table["oboe"] == answers.Named(1, None, ("keys",))
    assert answers.study_table([]) == {}


def test_one_pseudonym_of_two_people_is_noticed():
    twice = [Answer("a", "robin", 0, ("head",)), Answer("a", "robin", 0, ("tail",))]
    with pytest.raises(ValueError, match="rater: expected one answer of each to robin 0, got two of 'a'"):
        answers.study_table(twice)
    assert answers.study_table([twice[0], twice[0]])["robin"].raters == 1  # the same file given twice


def test_synonyms_lead_to_words_that_stay():
    assert all(answers.SYNONYMS[first] == first for first in answers.SYNONYMS.values())
    assert answers.merged_words(["grass", "rust", "meadow", "head"]) == ("meadow", "brown", "head")
