"""The verdict: every method answers, and what is removed is removed where it should be."""

import numpy as np
import pytest
import torch

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.prediction_difference.setting import parts_samplers, with_outer
from xai_utils.experiments.records import read_records
from xai_utils.experiments.verdict import adjacent, biased, measures, real, reality, stability, truth
from xai_utils.experiments.verdict import rows as rows_module
from xai_utils.experiments.verdict.methods import METHODS, maps_of, methods_for
from xai_utils.parts import Parts

NETWORK = "parts/alexnet"
SLOW = {"PDA, conditional", "PDA, marginal", "grey occlusion", "searched mask", "crisp mask", "masking model"}


@pytest.fixture(scope="module")
def seen():
    return truth.seen_scenes(classifier(NETWORK), 0, 3)


@pytest.mark.parametrize("method", sorted(set(METHODS) - SLOW))
def test_every_quick_method_gives_one_map_for_each_scene(seen, method):
    maps = maps_of(NETWORK, classifier(NETWORK), method, seen.images, seen.labels)
    assert maps.shape == seen.images[:, 0].shape
    assert torch.isfinite(maps).all()
    assert METHODS[method].signed or (maps >= 0).all()


def test_controls_know_nothing_of_the_network(seen):
    for name in (name for name, method in METHODS.items() if method.of == "control"):
        first, second = (maps_of(model, classifier(model), name, seen.images, seen.labels) for model in
                         (NETWORK, "parts/vgg"))  # fmt: skip
        assert torch.equal(first, second)


def test_a_masking_model_is_asked_only_where_there_is_one():
    assert "masking model" in methods_for("parts/resnet")
    assert set(methods_for("parts/alexnet-gap")) == set(METHODS) - {"masking model"}


def test_fillings_change_the_parts_pixels_and_no_others():
    scene = Parts("test").scene(0)
    sampler = with_outer(parts_samplers()["conditional"], truth.PATCH + 4)
    for part in list(truth.visible_parts(scene))[:2]:
        removed = truth.without_part(scene, part, sampler)
        hole = (scene.without(part).image != scene.image).any(dim=0)
        assert set(removed) == {"drawn", *truth.FILLINGS}
        for pictures in removed.values():
            assert torch.equal(pictures[:, :, ~hole], scene.image[:, ~hole].expand(len(pictures), -1, -1))
        assert len(removed["conditional"]) == truth.DRAWS
        assert not torch.equal(removed["conditional"][0], removed["conditional"][1])


def test_inpainting_an_even_picture_leaves_it_even():
    image, hole = torch.full((3, 32, 32), 0.4), torch.zeros(32, 32, dtype=torch.bool)
    hole[8:16, 8:16] = True
    assert (truth.inpainted(image, hole) - 0.4).abs().max() < 3 / 255


def test_what_is_lost_is_the_difference_of_log_odds(seen):
    network, scene = classifier(NETWORK), seen.scenes[0]
    changed = [scene.image[None], torch.stack([scene.image, torch.zeros_like(scene.image)])]
    same, other = truth.lost(network, scene, changed)
    with torch.no_grad():
        whole, black = (network(image[None]).double().softmax(1)[0, scene.label] for image in changed[1])
    assert same == pytest.approx(0, abs=1e-3)
    assert other == pytest.approx(float(whole.logit() - ((whole + black) / 2).logit()), abs=1e-3)


def test_exchanging_a_shared_part_changes_nothing(seen):
    scene = seen.scenes[0]
    assert truth.other_class(scene) != scene.class_name
    shared = [name for name in scene.parts if name not in scene.cast[0].pair.telling]
    changed = scene.with_part_of(truth.other_class(scene), shared[0])
    assert torch.equal(changed.image, scene.image)


def test_measures_have_a_value_for_each_scene_and_part(seen):
    found = measures.measure_maps(NETWORK, "gradient", [0, 3])
    assert [len(mass) for mass in found["mass"]] == [len(truth.visible_parts(scene)) for scene in seen.scenes]
    assert {len(values) for values in found.values()} == {len(seen.scenes)}
    assert {len(errors) for errors in found["localisation error"]} == {len(measures.THRESHOLDS)}
    assert all(0 <= value <= 1 for value in found["deletion"] + found["insertion"] + found["inside"])


def test_a_map_in_its_box_finds_it_and_one_beside_it_does_not():
    maps = torch.zeros(2, 20, 20)
    maps[0, 5:15, 5:15], maps[1, :, :3] = 2.0, 2.0
    boxes = [torch.tensor([[5, 5, 15, 15]]), torch.tensor([[5.0, 5.0, 15.0, 15.0], [5.0, 5.0, 10.0, 10.0]])]
    found = measures.against_boxes(maps, boxes)
    assert found["box share"] == pytest.approx([0.75, -0.25])  # less the boxes' share of the picture
    assert found["box hit"] == [1, 0]
    assert found["localisation error"] == [[0] * len(measures.THRESHOLDS), [1] * len(measures.THRESHOLDS)]


@pytest.mark.real
@pytest.mark.parametrize("method", ["gradient", "grey occlusion"])
def test_photographs_are_measured_where_the_network_recognises_them(method):
    found = real.measure_real("squeezenet1_1", method, [0, 6])
    assert 0 < len(found["picture"]) <= 6
    assert {len(values) for values in found.values()} == {len(found["picture"])}


def test_shuffling_moves_weights_and_keeps_their_values():
    network = classifier(NETWORK)
    before = [part.weight.clone() for part in network.modules() if isinstance(part, (torch.nn.Conv2d, torch.nn.Linear))]
    for share, count in ((0.0, 1), (0.5, 5), (1.0, len(before))):
        other = stability.shuffled(network, share, torch.Generator().manual_seed(0))
        after = [part.weight for part in other.modules() if isinstance(part, (torch.nn.Conv2d, torch.nn.Linear))]
        moved = [not torch.equal(*pair) for pair in zip(before, after, strict=True)]
        assert (sum(moved), moved[-1]) == (count, True)
        for one, another in zip(before, after, strict=True):
            assert torch.equal(one.flatten().sort().values, another.flatten().sort().values)
    own = [part.weight for part in network.modules() if isinstance(part, (torch.nn.Conv2d, torch.nn.Linear))]
    assert all(torch.equal(*pair) for pair in zip(before, own, strict=True))


def test_maps_are_alike_by_their_magnitudes_and_an_empty_one_is_like_none():
    some = torch.linspace(0, 1, 64 * 64).view(64, 64)
    assert stability.alike(some, -2 * some) == pytest.approx(1)
    assert stability.alike(some, some.flip(0, 1)) == pytest.approx(-1)
    assert stability.alike(some, torch.zeros(64, 64)) == 0


def test_an_attack_lowers_the_class_more_than_noise_of_its_size(seen):
    network = classifier(NETWORK)
    with torch.no_grad():
        logs = [
            network(pictures).log_softmax(1).gather(1, seen.labels[:, None]).mean()
            for pictures in (
                stability.attacked(network, seen.images, seen.labels),
                stability.noisy(seen.images),
            )
        ]
    assert logs[0] < logs[1]
    assert (stability.attacked(network, seen.images, seen.labels) - seen.images).abs().max() <= stability.LEVEL + 1e-6


def test_controls_do_not_notice_shuffled_weights_and_the_gradient_does():
    by_method = {method: stability.measure_stability(NETWORK, method, [0, 3]) for method in ("centre", "gradient")}
    assert set(by_method["centre"]) == set(stability.CHANGES)
    assert by_method["centre"]["all layers"] == pytest.approx([1.0] * len(by_method["centre"]["all layers"]))
    assert max(by_method["gradient"]["all layers"]) < 0.9
    assert np.mean(by_method["gradient"]["noise"]) > np.mean(by_method["gradient"]["all layers"])


def test_recorded_stability_stands_at_the_scenes_that_were_recognised(monkeypatch):
    rows = [
        {"configuration": {"model": NETWORK, "method": m, "scenes": [0, 20]}, "result": {"noise": [0.2, 0.4]}}
        for m in METHODS
    ]
    monkeypatch.setattr(rows_module, "read_records", lambda name: rows)
    monkeypatch.setattr(stability, "recorded_truth", lambda model: {1: {}, 3: {}, stability.SCENES[1]: {}})
    found = stability.stability("noise", [NETWORK])["LRP"]
    assert found[[1, 3], 0].tolist() == [0.2, 0.4]
    assert np.isnan(found).sum() == len(found) - 2
    assert stability.recorded_networks() == [NETWORK]
    rows.pop()
    assert stability.recorded_networks() == []


def test_the_biased_network_loses_its_class_elsewhere_and_the_fair_one_does_not():
    fair, leaning = (biased.measure_background(of[0], "centre", [0, 8]) for of in (biased.FAIR, biased.BIASED))
    assert len({len(values) for values in fair.values()}) == 1
    assert np.mean(leaning["moved"]) > np.mean(fair["moved"])
    shares = [dict(zip(of["scene"], of["background"], strict=True)) for of in (fair, leaning)]
    both = shares[0].keys() & shares[1].keys()
    assert [shares[0][n] for n in both] == [shares[1][n] for n in both]  # a control that asks no network


def test_a_map_on_the_telling_parts_has_all_its_mass_there(monkeypatch):
    def telling(model, network, method, images, asked):
        maps = torch.zeros(len(images), *images.shape[2:])
        for row, scene in enumerate(truth.seen_scenes(network, 0, 3).scenes):
            masks = [mask for name, mask in scene.parts.items() if name in scene.cast[0].pair.telling]
            if asked[row] == scene.label:  # nothing speaks for the neighbour
                maps[row][torch.stack(masks).any(dim=0)] = 1.0
        return maps

    monkeypatch.setattr(adjacent, "maps_of", telling)
    found = adjacent.measure_adjacent(NETWORK, "LRP", [0, 3])
    assert found["own"] == found["contrast"] == [1.0] * len(found["size"])
    assert all(0 < size < 1 for size in found["size"])


def test_a_study_of_a_recorded_method_compares_with_size(monkeypatch):
    values = {"size": [0.2, 0.4], "own": [0.5, 0.5], "contrast": [None, 0.9]}
    rows = [{"configuration": {"model": NETWORK, "method": m, "scenes": [0, 20]}, "result": values} for m in METHODS]
    rows.append({"configuration": {"model": NETWORK, "method": "CAM", "scenes": [0, 20]},
                 "result": values | {"contrast": [None, None]}})  # fmt: skip
    monkeypatch.setattr(rows_module, "read_records", lambda name: rows)
    monkeypatch.setattr(adjacent, "_telling_scenes", lambda model: [1, 3])
    assert adjacent.recorded_networks() == [NETWORK]
    own, contrast = (adjacent.excess(kind, [NETWORK]) for kind in ("own", "contrast"))
    assert own["LRP"][[1, 3], 0] == pytest.approx([0.3, 0.1])
    assert np.isnan(contrast["LRP"][:3]).all()
    assert contrast["LRP"][3, 0] == pytest.approx(0.5)
    assert set(own) - set(contrast) == {"CAM"}  # nothing more is said for the class than for its neighbour


def test_the_scenes_of_a_study_are_those_whose_telling_parts_are_seen(seen):
    measured = adjacent.measure_adjacent(NETWORK, "centre", [0, 20])
    assert len(measured["size"]) == len([number for number in adjacent._telling_scenes(NETWORK) if number < 20])


def test_more_on_the_background_is_a_difference_scene_by_scene(monkeypatch):
    def row(model, method, scenes, shares):
        result = {"scene": scenes, "background": shares, "moved": [1.0, 3.0]}
        return {"configuration": {"model": model, "method": method, "scenes": [0, 20]}, "result": result}

    rows = [row("fair", "LRP", [0, 2], [0.5, 0.25]), row("again", "LRP", [0, 1], [0.25, 0.5]),
            row("biased", "LRP", [0, 2], [0.75, 0.25]), row("biased", "CAM", [0, 2], [0.5, 0.5]),
            row("fair", "CAM", [0, 2], [0.25, 0.25])]  # fmt: skip
    monkeypatch.setattr(rows_module, "read_records", lambda name: rows)
    found = biased.more_on_background(["biased"], ["fair", "again"])
    assert found["LRP"].T == pytest.approx(np.array([[0.25, np.nan, 0.0], [0.5, np.nan, np.nan]]), nan_ok=True)
    assert found["CAM"][[0, 2], 0] == pytest.approx([0.25, 0.25])
    assert np.isnan(found["CAM"][:, 1]).all()  # the other network was not asked
    assert biased.lost_elsewhere(["again"])["again"][0] == 2.0
    with pytest.raises(ValueError, match="networks: expected recorded ones, got 'other'; run python -m"):
        biased.more_on_background(["other"], ["fair"])


@pytest.fixture
def ordered(monkeypatch):
    """Four methods that come in the same order on two kinds of pictures, by one measure, but for one on AlexNet; and in
    reverse by another.
    """
    draw = np.random.default_rng(0)
    names = ("gradient", "LRP", "Grad-CAM", "cMWP")

    def found(direction, last=3):
        of = {}
        for rank, name in zip((0, 1, 2, last), names, strict=True):
            hits = (draw.random(400) < 0.2 + 0.2 * rank).astype(int).tolist()
            share = (direction * rank + draw.normal(0, 0.5, 400)).tolist()
            of[name] = {"box hit": hits, "box share": share, "picture": list(range(400)), "mass": hits}
        return of

    few = {"picture": [0], "box hit": [1], "box share": [1.0]}
    monkeypatch.setattr(reality, "recorded_truth", lambda model: dict.fromkeys(range(400)))
    monkeypatch.setattr(reality, "recorded_measures", lambda model: found(1, -0.5 if model == "parts/alexnet" else 3))
    monkeypatch.setattr(reality, "recorded_networks", lambda methods: ["resnet18"])
    monkeypatch.setattr(reality, "recorded_real", lambda model: found(-1) | {"crisp mask": few})
    return names


def test_the_same_order_is_found_to_be_the_same_and_the_reverse_one_not(ordered):
    same, reverse = (reality.likeness(of, networks=["parts/vgg"]) for of in ("box hit", "box share"))
    assert same[:3] == pytest.approx((1, 1, 1))
    assert same.p == pytest.approx(1 / 24, abs=0.02)  # four methods have 24 orders
    assert reverse[:3] == pytest.approx((-1, -1, -1))
    assert reverse.p == 1


def test_a_method_out_of_place_is_found_by_leaving_it_out(ordered):
    found = reality.likeness("box hit", networks=["parts/alexnet"])
    assert found.correlation == pytest.approx(-0.2)  # the last of four comes first
    assert found.without["cMWP"] == pytest.approx(1)
    assert max(found.without[name] for name in ordered[:3]) < 0.6


def takes_larger_pictures(network):
    """As heads do that average over places, however many there are."""
    try:
        network(torch.rand(1, 3, 192, 192))
    except RuntimeError:
        return False
    return True


def test_heads_are_of_the_kind_that_their_group_says():
    kinds = reality.KINDS
    assert {*kinds["heads that flatten places"], *kinds["heads that average over places"]} == set(kinds["all"])
    for kind, networks in kinds.items():
        for name in networks if kind.startswith(("heads", "the first two")) else ():
            assert takes_larger_pictures(classifier(name).network) == ("average" in kind), name


def test_standings_on_both_kinds_of_pictures_are_in_the_order_on_parts(ordered):
    both = reality.both_standings("box share")
    assert [list(of) for of in both.values()] == [["cMWP", "Grad-CAM", "LRP", "gradient"]] * 2
    assert both["Parts"]["gradient"][0] == pytest.approx(0, abs=0.1)
    assert both["photographs"]["LRP"][0] == pytest.approx(-1, abs=0.1)


def test_a_network_counts_when_every_quick_method_has_seen_all_photographs(monkeypatch):
    rows = [{"configuration": {"model": model, "method": method, "pictures": block}}
            for model in ("resnet18", "resnet50") for method in real.QUICK for block in range(20)]  # fmt: skip
    monkeypatch.setattr(real, "read_records", lambda name: rows)
    assert real.recorded_networks() == ["resnet18", "resnet50"]
    assert real.recorded_networks(real.SLOW) == []
    rows.pop()
    assert real.recorded_networks() == ["resnet18"]


def test_methods_are_compared_on_the_photographs_that_all_were_asked_about(ordered):
    found = reality.on_photographs("box hit")
    assert set(found) == set(ordered)
    assert found["LRP"].shape == (400, 1)
    few = reality.on_photographs("box hit", [*ordered, "crisp mask"])
    assert set(few) == {*ordered, "crisp mask"}
    assert [int((~np.isnan(of)).sum()) for of in few.values()] == [1] * 5


def test_methods_that_were_not_asked_about_all_scenes_do_not_count(ordered, monkeypatch):
    whole = reality.recorded_measures("parts/alexnet")
    half = {name: of[:200] for name, of in whole["LRP"].items()}
    monkeypatch.setattr(reality, "recorded_measures", lambda model: whole | {"LRP": half})
    assert set(reality.on_parts("box hit")) == {"gradient", "Grad-CAM", "cMWP"}
    assert reality.on_parts("box hit", networks=["parts/vgg"])["gradient"].shape == (400, 1)


def test_recorded_truth_comes_out_again():
    row = next(row for row in read_records(truth.RECORD) if row["configuration"]["scenes"][0] == 0)
    found = truth.measure_truth(row["configuration"]["model"], [0, 3])
    for name, values in found.items():
        recorded = row["result"][name][: len(values)]
        if name in truth.WAYS:
            for scene, again in zip(values, recorded, strict=True):
                assert scene == pytest.approx(again, rel=0.02, abs=0.02)
        else:
            assert values == recorded
