"""The polar bear: what each view shows, how relevance is shared out, and what pairing by scenes means."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from xai_utils.experiments.realtime_saliency import polar_bear, tables
from xai_utils.experiments.records import read_records
from xai_utils.models import load_model
from xai_utils.papers.realtime_saliency import LAYERS, MaskingModel
from xai_utils.parts import CLASSES, DIFFICULTY, HABITATS, draw_scene

CLEAR = replace(DIFFICULTY, blur=(0.0, 0.0), noise=(0.0, 0.0))


@pytest.fixture
def scene():
    return draw_scene(11, label=3, background="sky", difficulty=CLEAR)


def inner(region):
    """The pixels of a region that have none of its rim among their neighbours."""
    return torch.from_numpy(cv2.erode(region.numpy().astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool))


def test_on_grey_the_object_is_the_same_and_the_place_is_gone(scene):
    alone, elsewhere = (polar_bear.seen(each, "object only") for each in (scene, scene.on("forest")))
    assert torch.equal(alone.image, elsewhere.image)
    within = torch.stack([inner(part) for part in scene.parts.values()]).any(dim=0)  # between parts the place may show
    assert within.sum() > 300
    assert torch.equal(alone.image[:, within], scene.image[:, within])
    assert torch.equal(alone.region, scene.region)
    _, counts = alone.image.flatten(1).unique(dim=1, return_counts=True)
    assert counts.max() > 0.3 * 128 * 128  # one grey, as the light shows it


def test_place_only_is_the_scene_without_the_object_and_nothing_else(scene):
    empty = polar_bear.seen(scene, "place only")
    touched = torch.stack(list(scene.objects[0].amodal.values())).any(dim=0)
    assert torch.equal(empty.image[:, ~touched], scene.image[:, ~touched])
    assert not empty.region.any()


def test_a_neighbour_lives_elsewhere(scene):
    moved = polar_bear.seen(scene, "neighbour's place")
    assert moved.background == HABITATS[2] != HABITATS[3]
    assert moved.cast == scene.cast
    assert all(HABITATS[label] != HABITATS[label ^ 1] for label in range(len(CLASSES)))


def test_biased_pictures_are_at_home_and_all_views_show_the_same_objects():
    views = {view: polar_bear.scenes_of(view, 0, 20) for view in polar_bear.VIEWS}
    at_home = {view: sum(s.background == HABITATS[s.label] for s in shown) for view, shown in views.items()}
    assert at_home["biased"] >= 16 > 8 >= at_home["unbiased"]
    assert at_home["neighbour's place"] == 0
    for shown in views.values():
        assert [(s.seed, s.label) for s in shown] == [(s.seed, s.label) for s in views["biased"]]


def test_accuracy_and_whoever_lives_there_are_counted_apart(monkeypatch):
    class Robin(nn.Module):
        def forward(self, images):
            return torch.eye(len(CLASSES))[[0] * len(images)]

    monkeypatch.setattr(polar_bear, "load_model", lambda name: Robin().eval())
    found = polar_bear.measure_accuracy("robin", "biased", 30)
    places = [scene.background for scene in polar_bear.scenes_of("biased", 0, 30)]
    assert found["accuracy"][0] == pytest.approx(0.1)  # labels are balanced
    assert found["place"][0] == pytest.approx(np.mean([place == HABITATS[0] for place in places]), abs=1e-4)
    assert polar_bear.measure_accuracy("robin", "object only", 10)["place"] is None


def test_relevance_is_shared_between_object_and_place():
    regions = torch.zeros(4, 4, 4, dtype=torch.bool)
    regions[:3, :2] = True
    maps = torch.stack([torch.ones(4, 4), regions[0].float(), torch.zeros(4, 4), torch.ones(4, 4)])
    assert polar_bear.share_on(maps, regions) == [0.5, 1.0, None, None]  # no relevance; no object


def row(model, method, first, values):
    configuration = {"model": model, "method": method, "pictures": "biased", "scenes": [first, first + len(values)]}
    return {"configuration": configuration, "result": {"share": values, "area": [0.2] * len(values)}}


def test_differences_are_paired_by_scene_and_empty_maps_are_left_out():
    rows = [
        row("one", "sees it", 0, [0.3, 0.2]), row("one", "sees it", 2, [None, 0.4]),
        row("other", "sees it", 2, [0.9, 0.9]), row("other", "sees it", 0, [0.8, 0.7]),
        row("one", "blind", 0, [0.5, 0.7]), row("other", "blind", 0, [0.6, 0.6]),
    ]  # fmt: skip
    found = polar_bear.differences(rows, "biased", biased="one", unbiased="other")
    assert found["sees it"] == pytest.approx((-0.5, -0.5, -0.5))
    mean, low, high = found["blind"]
    assert mean == pytest.approx(0)
    assert low < 0 < high
    assert polar_bear.share_by_method(rows, "one", "biased")["sees it"][0] == pytest.approx(0.3)
    assert polar_bear.share_by_method(rows, "one", "biased")["area"] == pytest.approx((0.2, 0.2, 0.2))


@pytest.mark.parametrize("method", [*polar_bear.BACKWARD, "masking model"])
def test_every_method_shares_out_its_relevance(method, monkeypatch):
    encoder = load_model("parts/resnet")
    untrained = MaskingModel(encoder, layers=LAYERS["parts/resnet"], base=4).eval()
    monkeypatch.setattr(tables, "load_masking_model", lambda name: untrained)
    found = polar_bear.measure_shares("parts/resnet", method, "biased", [100, 102])
    assert len(found["share"]) == len(found["area"]) == 2
    assert all(share is None or 0 <= share <= 1 for share in found["share"])


def test_the_record_has_both_classifiers_in_every_view_and_every_method():
    rows, of_maps = read_records("polar_bear"), read_records("polar_bear_shares")
    for model in polar_bear.MODELS:
        assert polar_bear.accuracy_by_view(rows, model).keys() == set(polar_bear.VIEWS)
        for pictures in polar_bear.PICTURES:
            found = polar_bear.share_by_method(of_maps, model, pictures)
            assert found.keys() == {*polar_bear.METHODS, "area"}
    assert polar_bear.differences(of_maps, "biased").keys() == set(polar_bear.METHODS)


def test_a_cell_of_the_record_is_what_the_code_computes_today():
    for each in read_records("polar_bear_shares"):
        asked = each["configuration"]
        if asked["scenes"][0] == polar_bear.FIRST and asked["method"] in ("gradient", "masking model"):
            few = [polar_bear.FIRST, polar_bear.FIRST + 4]
            found = polar_bear.measure_shares(asked["model"], asked["method"], asked["pictures"], few)
            assert found["area"] == pytest.approx(each["result"]["area"][:4], abs=1e-3)
            assert found["share"] == pytest.approx(each["result"]["share"][:4], abs=0.02)
