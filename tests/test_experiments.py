"""Recorded results: every file follows the schema, and one small cell of each is computed again."""

from dataclasses import replace

import pytest
import torch

from xai_utils import ConditionalSampler, ConstantSampler, prediction_difference
from xai_utils.experiments import prediction_difference as tables
from xai_utils.experiments.classifiers import classifier, measure_classifier
from xai_utils.experiments.prediction_difference import boxes, claims, real, removal
from xai_utils.experiments.records import RESULTS, read_records
from xai_utils.experiments.shortcuts import measure_shortcut
from xai_utils.experiments.statistics import bootstrap_interval, wilson_interval
from xai_utils.networks import ARCHITECTURES
from xai_utils.parts import DIFFICULTY, draw_scene
from xai_utils.perturb import average_over_windows, window_corners

TABLES = {"part_relevance": tables.measure_parts, "fillings": tables.measure_fillings, "claims": tables.measure_claims}


def close(first, second):
    """Equal up to what another processor may change; small numbers are noise of the last digits."""
    if isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            close(first[key], second[key])
    else:
        assert first == pytest.approx(second, rel=0.05, abs=0.02 if abs(second) < 1 else 0.5)


def test_every_recorded_file_follows_the_schema():
    names = [file.stem for file in RESULTS.glob("*.jsonl")]
    assert set(names) >= {*TABLES, "classifiers", "shortcuts", "box_separation"}
    assert all(read_records(name) for name in names)


@pytest.mark.parametrize("name", ["part_relevance", "fillings"])
def test_a_cell_of_the_record_is_what_the_code_computes_today(name):
    row = read_records(name)[0]
    close(TABLES[name](**row["configuration"]), row["result"])


def test_a_cell_of_the_claims_is_what_the_code_computes_today():
    """All of a row but the maps of single pixels, which take longer than a test may."""
    row = read_records("claims")[0]
    network, samples = classifier(row["configuration"]["model"]), row["configuration"]["samples"]
    drawn = claims.Parts("test").scene(row["configuration"]["scene"])
    close(claims.channel_sparseness(drawn), {k: v for k, v in row["result"].items() if k.startswith("sparseness")})
    knobs = {"patch": 10, "stride": 5, "samples": samples, "generator": torch.Generator().manual_seed(0)}
    marginal = tables.parts_samplers()["marginal"]
    found = prediction_difference(network, drawn.image[None], drawn.label, sampler=marginal, **knobs)[0]
    close(tables.concentration(found), row["result"]["concentration, marginal"])


def test_the_accuracies_are_in_the_range_that_parts_was_made_for():
    rows = {row["configuration"]["model"]: row["result"] for row in read_records("classifiers")}
    assert set(rows) >= {f"parts/{name}" for name in ARCHITECTURES}
    best, worst = (
        choose((rows[f"parts/{n}"] for n in ARCHITECTURES), key=lambda r: r["accuracy"]) for choose in (max, min)
    )
    assert 0.94 <= best["accuracy"] <= 0.97
    assert 0.85 <= worst["accuracy"] <= 0.90
    assert best["low"] > worst["high"]


def test_a_recorded_accuracy_can_be_measured_again(monkeypatch):
    recorded = next(row for row in read_records("classifiers") if row["configuration"]["model"] == "parts/alexnet")
    import xai_utils.experiments.classifiers as module

    class Few(module.Parts):
        def tensors(self, **_):
            return super().tensors(indices=range(200))

    monkeypatch.setattr(module, "Parts", Few)
    result = measure_classifier(**recorded["configuration"])
    assert result["images"] == 200
    assert result["low"] <= recorded["result"]["accuracy"] <= result["high"]


def test_neither_the_silhouette_nor_the_colours_give_the_class_away():
    rows = {row["configuration"]["sees"]: row["result"] for row in read_records("shortcuts")}
    assert set(rows) == {"silhouette", "colours"}
    assert all(result["high"] <= 0.6 for result in rows.values())


def test_a_classifier_of_colours_learns_more_than_chance():
    result = measure_shortcut("colours", training=400, test=100, epochs=0)
    assert result["pair"] > 0.3  # five pairs, so chance is 0.2


def test_the_interval_of_a_share_holds_the_share():
    assert wilson_interval(0.5, 100)[0] == pytest.approx(0.404, abs=1e-3)  # the value of Wilson's formula
    assert bootstrap_interval([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0)


def test_agreement_is_perfect_for_relevance_that_equals_the_effect():
    effect = {"beak": 3.0, "wing": 1.0, "tail": -1.0}
    reverse = {part: -bits for part, bits in effect.items()}
    rows = [{"result": {"effect": effect, "relevance": {"same": effect, "reverse": reverse}}}]
    assert tables.agreement(rows, "same")["rank"] == pytest.approx(1)
    assert tables.agreement(rows, "same")["hit"] == 1
    assert tables.agreement(rows, "reverse")["rank"] == pytest.approx(-1)
    assert tables.agreement(rows, "reverse")["hit"] == 0


def test_a_part_whose_pixels_decide_has_the_whole_effect():
    """A network that only looks at one part loses all its evidence with it, and none with the others."""
    scene = draw_scene(5, label=0, difficulty=replace(DIFFICULTY, occlusion=0.0, blur=(0.0, 0.0)))

    class LooksAt(torch.nn.Module):
        training_images, classes = 8000, tuple(range(10))

        def __init__(self):
            super().__init__()
            self.register_buffer("part", scene.objects[0].amodal["beak"].float())
            self.register_buffer("seen", scene.image.clone())

        def forward(self, images):
            change = ((images - self.seen).abs() * self.part).flatten(1).sum(1)
            logits = torch.zeros(len(images), 10)
            logits[:, scene.label] = 4 - change
            return logits

    effects = removal.removal_effects(LooksAt().eval(), scene)
    assert max(effects, key=effects.get) == "beak"
    apart = [name for name in effects if not (scene.objects[0].amodal[name] & scene.objects[0].amodal["beak"]).any()]
    assert apart
    assert all(abs(effects[name]) < 1e-4 for name in apart)


def test_sign_agreement_is_not_made_by_the_overlap_of_windows(generator):
    assert claims.sign_agreement(torch.ones(20, 20)) == 1
    corners = window_corners((300, 300), 10, 5)
    tossed = average_over_windows(torch.randn(len(corners), generator=generator), corners, 10, (300, 300))
    assert claims.sign_agreement(tossed, apart=1) > 0.8
    assert abs(claims.sign_agreement(tossed)) < 0.1


def test_relevance_that_is_an_average_of_pixels_is_explained_by_averages(images, linear_model):
    """For a linear model a window's mean relevance is its pixels', up to its size, so nothing is left unexplained."""
    knobs = {"sampler": ConstantSampler(0.5), "samples": 1, "output": "activation"}
    fine = prediction_difference(linear_model, images, 0, patch=1, stride=1, **knobs)[0]
    coarse = prediction_difference(linear_model, images, 0, patch=10, stride=5, **knobs)[0]
    assert claims.correlation(coarse, claims.over_windows(fine)) == pytest.approx(1, abs=1e-4)


def test_concentration_is_the_share_of_the_strongest_pixels():
    spike = torch.full((10, 10), 1e-9)
    spike[0, 0] = 1
    assert claims.concentration(spike) == pytest.approx(1)
    assert claims.concentration(torch.ones(10, 10)) == pytest.approx(0.1)


def test_the_energy_distance_is_zero_between_samples_of_one_distribution(generator):
    x, y = (torch.randn(400, 5, generator=generator) for _ in range(2))
    assert abs(tables.energy_distance(x, y)) < 0.02
    assert tables.energy_distance(x, y + 1) > 0.3


def test_fillings_are_pasted_into_their_window_only():
    scene = draw_scene(4)
    fillings = tables.fillings_by_sampler(scene, (40, 50), 10, draws=2)
    for filling in fillings.values():
        images = tables.filled(scene, (40, 50), filling)
        outside = torch.ones(128, 128, dtype=torch.bool)
        outside[40:50, 50:60] = False
        assert torch.equal(images[..., outside], scene.image[:, outside].expand(2, -1, -1))
        assert torch.equal(images[..., 40:50, 50:60], filling)


def test_a_pixel_has_an_effect_only_if_the_network_looks_at_it(generator):
    image = torch.rand(1, 3, 8, 8, generator=generator)
    sampler = ConditionalSampler.fit(torch.rand(9, 3, 8, 8, generator=generator), outer=5, patches=200)

    class LooksAtOnePixel(torch.nn.Module):
        training_images, classes = 8000, (0, 1)

        def forward(self, images):
            return torch.stack([5 * images[:, 0, 3, 4], torch.zeros(len(images))], dim=1)

    said = torch.zeros(8, 8)
    said[3, 4] = torch.sign(image[0, 0, 3, 4] - 0.5)  # more than what else could stand there: evidence for
    network = LooksAtOnePixel().eval()
    right, wrong, elsewhere = (
        claims.pixel_evidence(network, image, 0, sampler, found) for found in (said, -said, said.roll(1, 0))
    )
    assert right > 0.1
    assert wrong == -right
    assert elsewhere == 0
    assert (claims.pixel_at_random(torch.ones(8, 8), seed=3) != 0).sum() == 1


def test_a_map_that_is_blind_to_the_box_does_not_separate(generator):
    region = torch.zeros(40, 40, dtype=torch.bool)
    region[5:20, 10:30] = True
    assert boxes.separation(region.float(), region) == 1
    assert boxes.separation(torch.ones(40, 40), region) == 0.5
    assert boxes.separation(torch.rand(40, 40, generator=generator), region) == pytest.approx(0.5, abs=0.05)


def test_the_table_of_boxes_is_about_many_pictures_that_the_samplers_did_not_see():
    rows = read_records("box_separation")
    assert len(rows) >= 40
    assert all(boxes.AREAS[0] <= row["result"]["area"] <= boxes.AREAS[1] for row in rows)
    for kind in ("sensitivity", "nearness to the centre"):  # maps without sign
        assert all(row["result"][kind]["evidence"] == row["result"][kind]["size"] for row in rows)


def test_the_recorded_maps_of_photographs_are_as_fine_as_the_chapter_says():
    maps, about = real._read(real.FILE)
    assert {"network", "versions", "command"} <= about["how"].keys()
    assert all(torch.isfinite(found).all() for found in maps.values())
    assert all(run.keys() == {"setting", "seconds", "code"} for run in about["runs"].values())
    for name, one in tables.read_real_maps().items():
        assert about["runs"][f"{name}/probability 1"]["setting"].items() >= real.KNOBS.items()
        assert one.probabilities == sorted(one.probabilities, reverse=True)
        assert {"sensitivity", "marginal", "grey occlusion", "probability 1", f"logit {real.TOP}"} <= one.maps.keys()
        assert all(run["forwards"] > 0 for run in one.runs.values())
    first = next(iter(tables.read_real_maps().values()))
    assert {f"{place} 1" for place in real.LAYERS} <= first.maps.keys()
    assert first.maps["k = 1"].shape == first.maps["probability 1"][tables.WINDOW].shape


@pytest.fixture
def small_runs(monkeypatch, images, linear_model):
    """Two runs of a linear model in place of SqueezeNet's, and the names of the maps that were really computed."""
    computed = []

    class Noted(real.Run):
        def maps(self, *_):
            computed.extend(self.names)
            return super().maps(*_)

    def runs(_, samples=1):
        knobs = {"patch": 4, "stride": 4, "samples": samples}
        for name in ("first", "second"):
            yield Noted((name,), linear_model, images[:1], torch.tensor([0]), "grey occlusion", "activation", knobs)

    monkeypatch.setattr(real, "CHOSEN", ("cat",))
    monkeypatch.setattr(real, "real_runs", runs)
    monkeypatch.setattr(real, "real_samplers", lambda _: {"grey occlusion": ConstantSampler(0.5)})
    monkeypatch.setattr(
        real, "_at_a_glance", lambda _: ({"classes": ["a"], "probabilities": [1.0]}, torch.zeros(16, 16))
    )
    return runs, computed


def test_killed_recording_of_maps_goes_on_with_what_is_missing(small_runs, tmp_path, monkeypatch):
    (runs, computed), file = small_runs, tmp_path / "maps.safetensors"

    def killed(name):
        yield next(runs(name))
        raise KeyboardInterrupt

    monkeypatch.setattr(real, "real_runs", killed)
    with pytest.raises(KeyboardInterrupt):
        real.record_real_maps(file)
    assert set(real.read_real_maps(file)["cat"].maps) == {"sensitivity", "first"}
    monkeypatch.setattr(real, "real_runs", runs)
    recorded = real.read_real_maps(real.record_real_maps(file))["cat"]
    assert computed == ["first", "second"]
    assert set(recorded.maps) == {"sensitivity", "first", "second"}
    assert [run["forwards"] for run in recorded.runs.values()] == [16, 16]
    monkeypatch.setattr(real, "real_runs", lambda name: runs(name, samples=2))
    real.record_real_maps(file)
    assert computed == ["first", "second"] * 2


def test_a_window_of_a_picture_is_asked_about_with_the_rest_in_place(images, linear_model):
    window = (slice(3, 9), slice(5, 15))
    within = real.Within(linear_model, images[:1], window)
    assert torch.equal(within(images[:1][..., *window]), linear_model(images[:1]))
    changed = images[:1].clone()
    changed[..., *window] = 0
    assert torch.equal(within(torch.zeros(1, 3, 6, 10)), linear_model(changed))
