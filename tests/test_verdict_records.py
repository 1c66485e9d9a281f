"""A cell of every recorded table of the verdict is computed again."""

import numpy as np
import pytest

from xai_utils.experiments.records import read_records
from xai_utils.experiments.verdict import adjacent, biased, measures, real, stability, truth
from xai_utils.experiments.verdict.methods import methods_for
from xai_utils.experiments.verdict.results import recorded_networks
from xai_utils.experiments.verdict.rows import recorded

METHOD = "guided backprop"  # quick, and different on every network


def row_of(name, **wanted):
    rows = [row for row in read_records(name) if wanted.items() <= row["configuration"].items()]
    return min(rows, key=lambda row: str(row["configuration"]))


def flat(values):
    """All numbers of nested lists; None becomes nan."""
    if isinstance(values, list):
        return [one for of in values for one in flat(of)]
    return [np.nan if values is None else float(values)]


def assert_alike(found, recorded):
    """Nearly all numbers are nearly the same: processors round differently, and a maximum may then lie elsewhere."""
    assert found.keys() == recorded.keys()
    for name, values in found.items():
        first, second = np.array(flat(values)), np.array(flat(recorded[name]))
        assert first.shape == second.shape, name
        assert np.isclose(first, second, rtol=0.02, atol=0.02, equal_nan=True).mean() >= 0.95, name


@pytest.mark.parametrize("model", truth.ASKED)
def test_recorded_measures_come_out_again(model):
    row = row_of(measures.record_of(model), method=METHOD, scenes=[0, 20])
    assert_alike(measures.measure_maps(**row["configuration"]), row["result"])


def test_recorded_stability_comes_out_again():
    row = row_of(stability.RECORD, method=METHOD)
    assert_alike(stability.measure_stability(**row["configuration"]), row["result"])


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        (biased.RECORD, biased.measure_background),
        (adjacent.RECORD, adjacent.measure_adjacent),
    ],
)
def test_recorded_studies_come_out_again(name, measure):
    row = row_of(name, method=METHOD, scenes=[0, 20])
    assert_alike(measure(**row["configuration"]), row["result"])


@pytest.mark.real
def test_recorded_photographs_come_out_again():
    row = row_of(real.RECORD, model="squeezenet1_1", method=METHOD, pictures=[0, 50])
    assert_alike(real.measure_real(**row["configuration"]), row["result"])


def test_every_network_was_asked_by_every_method_about_two_hundred_scenes():
    assert recorded_networks() == list(truth.NETWORKS)
    assert recorded_networks(truth.SEEDS) == list(truth.SEEDS)
    assert stability.recorded_networks() == list(truth.NETWORKS)
    assert adjacent.recorded_networks() == list(adjacent.NETWORKS)
    assert real.recorded_networks() == list(real.NETWORKS)
    assert "squeezenet1_1" in real.recorded_networks(real.SLOW)
    for model in biased.FAIR + biased.BIASED:
        assert set(recorded(biased.RECORD, model)) == set(methods_for(model))
    for model in truth.GAPS:
        assert set(measures.recorded_measures(model)) >= set(real.QUICK)
    assert min(len(truth.recorded_truth(model)) for model in truth.NETWORKS) >= 200
