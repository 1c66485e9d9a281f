"""What is advised, and where methods fail: tables whose answer is plain."""

import numpy as np
import pytest

from xai_utils.experiments.verdict import failures
from xai_utils.experiments.verdict.advice import QUESTIONS, advise, entries, is_control
from xai_utils.experiments.verdict.results import MEASURES


@pytest.fixture
def found():
    """LRP and the gradient are equally good, Grad-CAM is worse, and no better than the edges of the picture."""
    draw = np.random.default_rng(0)
    ground = draw.normal(size=(150, 2))
    ahead = {"LRP": 1.0, "gradient": 1.0, "Grad-CAM": 0.0, "edges": 0.0, "chance": -1.0}
    table = {name: ground + shift + draw.normal(0, 0.5, ground.shape) for name, shift in ahead.items()}
    return table | {"masking model": np.where([True, False], ground + 9, np.nan)}


def test_the_best_method_is_named_with_its_equals_and_the_best_control(found):
    advice = advise(found)
    assert {advice.best, *advice.equal} == {"LRP", "gradient"}
    assert advice.control == "edges"
    assert advice.ahead.decided
    assert advice.ahead.mean == pytest.approx(1, abs=0.15)
    assert advice.value[0] == pytest.approx(found[advice.best].mean())


def test_equals_come_in_the_order_of_their_means(found):
    draw = np.random.default_rng(1)
    ahead = {"cMWP": 0.99, "LRP": 0.98, "gradient": 1.0, "CNN Fixations": 0.97}
    near = {name: found["LRP"] + shift + draw.normal(0, 0.3, (150, 2)) for name, shift in ahead.items()}
    near["edges"] = found["edges"]
    advice, means = advise(near), {name: of.mean() for name, of in near.items()}
    named = [advice.best, *advice.equal]
    assert len(named) == 4
    assert named == sorted(named, key=means.get, reverse=True)


def test_entries_mark_the_best_and_what_is_ahead_of_every_control(found):
    column = entries(found)
    assert {name for name, entry in column.items() if entry.ahead} == {"LRP", "gradient"}
    assert [name for name, entry in column.items() if entry.best] in (["LRP"], ["gradient"])
    assert column["masking model"].mean == pytest.approx(np.nanmean(found["masking model"]))  # of its one network
    assert column["edges"] == (pytest.approx(found["edges"].mean()), False, False)


def test_where_less_is_better_the_worst_are_named(found):
    advice = advise(found, higher=False)
    assert advice.best == "Grad-CAM"
    assert advice.control == "chance"
    assert advice.ahead.mean < 0  # the control is better


def test_every_question_has_its_measure_and_controls_ask_no_network():
    assert set(QUESTIONS.values()) <= set(MEASURES)
    assert [name for name in ("edges", "part size", "LRP", "crisp mask") if is_control(name)] == ["edges", "part size"]


def test_the_worst_failure_is_where_the_named_part_costs_least_and_the_missed_one_most(monkeypatch):
    scene = {"parts": ["beak", "tail", "wing"], "drawn": [3.0, 0.0, 1.0]}
    truth = {4: scene, 7: scene | {"drawn": [5.0, -0.5, 1.0]}, 9: scene}
    mass = [[1.0, 2.0, 0.0], [0.0, 3.0, 1.0], [9.0, 0.0, 0.0]]
    monkeypatch.setattr(failures, "recorded_truth", lambda model: truth)
    monkeypatch.setattr(failures, "recorded_measures", lambda model: {"LRP": {"mass": mass}})
    found = failures.worst_failure("parts/alexnet", "LRP")
    assert found == (7, "tail", "beak", {"beak": 5.0, "tail": -0.5, "wing": 1.0})
    assert str(found) == "The map's favourite, tail, costs -0.5 nats; beak costs +5.0."
    with pytest.raises(ValueError, match="model, method: expected what is recorded, got 'parts/alexnet' and 'CAM'"):
        failures.worst_failure("parts/alexnet", "CAM")
