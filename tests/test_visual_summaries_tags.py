"""Tags: what the machine tagger reads off a scene, coherence against random sets and its control, claims."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from xai_utils.experiments.records import read_records
from xai_utils.experiments.visual_summaries import answers, shuffled, tagger, tags
from xai_utils.experiments.visual_summaries.setting import class_pictures
from xai_utils.experiments.visual_summaries.verdicts.tags import tag_claims
from xai_utils.papers.visual_summaries import Summaries, Summary
from xai_utils.parts import CLASSES, DIFFICULTY, draw_scene, things

EMPTY = replace(DIFFICULTY, distractors=(0, 0), occlusion=0.0)

# The machine tagger


def test_every_pixel_has_at_most_one_noun_and_parts_have_their_own():
    scene = draw_scene(4, label=2)
    masks = tagger.noun_masks(scene)
    assert torch.stack(list(masks.values())).sum(dim=0).max() == 1
    assert all(torch.equal(masks[name], mask) for name, mask in scene.parts.items() if mask.any())
    assert torch.equal(masks[scene.background] & scene.region, torch.zeros(scene.size, dtype=torch.bool))


def test_a_part_that_is_not_seen_has_no_noun():
    assert "beak" in tagger.noun_masks(draw_scene(0, label=0))
    assert "beak" not in tagger.noun_masks(draw_scene(0, label=0).without("beak"))


@pytest.mark.parametrize("seed", range(6))
def test_things_are_called_what_they_were_drawn_as(seed, monkeypatch):
    drawn, kinds = [], tagger.THINGS

    def watched(kind):
        return lambda *place: (drawn.append(kind.__name__[1:]), kind(*place))[1]

    monkeypatch.setattr(things, "THINGS", tuple(watched(kind) for kind in kinds))
    scene = draw_scene(seed, label=0)
    layers = [one.layer for one in scene._visible if one.layer.owner < 0]
    assert [tagger._kind(seed, layer.owner, layer.name) for layer in layers] == drawn != []


def test_a_changed_scene_is_refused():
    scene = draw_scene(0, label=0)
    for changed in (draw_scene(0, label=0, objects=2), replace(scene, restyled=(0,), redraw=1)):
        with pytest.raises(ValueError, match="scene: expected one object and things as drawn from the seed"):
            tagger.noun_masks(changed)


def test_colours_are_counted_by_the_nearest():
    image = torch.cat([torch.tensor([0.8, 0.2, 0.1]).view(3, 1, 1).expand(3, 1, 3), torch.ones(3, 1, 1)], dim=2)
    shares = tagger.colour_shares(image)
    assert {name: share for name, share in shares.items() if share} == {"red": 0.75, "white": 0.25}


def test_a_picture_has_its_most_visible_nouns_first():
    scene = draw_scene(0, label=0, background="forest", difficulty=EMPTY)
    found = tagger.picture_tags(scene, 6)
    assert {"forest", "bird", "robin"} < set(found)
    parts = {name: int(mask.sum()) for name, mask in scene.parts.items()}
    named = [name for name in found if name in parts]
    assert named == sorted(parts, key=parts.get)[: -len(named) - 1 : -1]
    assert len(tagger.picture_tags(scene, 3)) <= 3


def test_another_place_is_another_tag():
    scene = draw_scene(0, label=0, background="forest", difficulty=EMPTY)
    assert "snow" in tagger.picture_tags(scene.on("snow"))
    assert "snow" not in tagger.picture_tags(scene)


def test_a_box_is_called_by_what_fills_it():
    scene = draw_scene(0, label=4, background="stage", difficulty=EMPTY)
    name = max(scene.parts, key=lambda part: scene.parts[part].sum())
    row, column = (scene.parts[name].nonzero().float().mean(dim=0)).int().tolist()
    assert scene.parts[name][row, column]
    assert tagger.region_tags(scene, (column, row, column + 1, row + 1)) == (name,)
    assert tagger.region_tags(scene, (0, 0, 4, 4)) == ("stage",)
    left, top, right, bottom = scene.box
    inside = {part: float(mask[top:bottom, left:right].float().mean()) for part, mask in scene.parts.items()}
    found = tagger.region_tags(scene, scene.box)
    assert {part for part, share in inside.items() if share >= tagger.FILLS} <= set(found)
    assert not {part for part, share in inside.items() if share < tagger.FILLS} & set(found[1:])


# Coherence


def made_up(units=12, seed=0):
    """Tags of pictures of which the first four are alike."""
    generator = np.random.default_rng(seed)
    others = [generator.choice(list("abcdef"), 3).tolist() for _ in range(units - 4)]
    return [["same", "thing", str(generator.integers(2))] for _ in range(4)] + others


def test_coherence_is_the_mean_over_pairs():
    table = answers.jaccard_distances(made_up())
    group = [0, 5, 7, 9]
    pairs = [table[i, j] for i in group for j in group if i < j]
    assert tags.coherence(table, np.array(group)) == pytest.approx(np.mean(pairs))


def test_random_sets_are_as_far_apart_as_the_class_on_average():
    table = answers.jaccard_distances(made_up())
    draws = tags.random_coherence(table, [3, 5], repeats=4000)
    assert draws.mean() == pytest.approx(table[np.triu_indices(len(table), 1)].mean(), abs=0.01)
    assert np.array_equal(draws[:5], tags.random_coherence(table, [3, 5], repeats=4000)[:5])
    everything = tags.random_coherence(table, [len(table)], repeats=3)
    assert everything == pytest.approx(draws.mean(), abs=0.01)


def test_a_planted_summary_is_found_and_a_random_one_is_not():
    planted = tags.compared(made_up(), [np.arange(4)], 400)
    assert planted["summaries"] < planted["range"][0]
    assert planted["as_coherent"] <= 0.01
    random = tags.compared(made_up(), [np.array([0, 5, 8]), np.array([3, 7, 10])], 400)
    assert random["as_coherent"] > 0.05
    assert random["range"][0] < random["summaries"] < random["range"][1] + 0.2
    assert planted["entries"] == len({tag for own in made_up() for tag in own})


def test_chance_is_as_often_below_a_level_as_the_level_says():
    generator, words = np.random.default_rng(1), made_up(16)
    found = [tags.compared(words, [generator.permutation(16)[:4]], 100)["as_coherent"] for _ in range(200)]
    assert np.mean(np.array(found) < 0.2) == pytest.approx(0.2, abs=0.09)


def test_a_class_without_summaries_has_none():
    assert tags.compared(made_up(), [], 10)["summaries"] is None


@pytest.fixture
def planted(monkeypatch):
    """A summary of the first robins, of which the fifth picture was not recognised."""
    boxes = torch.tensor([scene.box for scene in class_pictures("robin", 0, 8).scenes[:6]])
    members = torch.tensor([0, 1, 2, 3, 5])
    regions, scores = torch.ones(5, 128, 128).bool(), torch.ones(5).double()
    one = Summary(members, boxes[members], regions, 0, scores, 0.5)
    two = Summary(members[:2], boxes[:2], regions[:2], 0, scores[:2], 0.4)
    found = Summaries((one, two), 0.4, 0, 0, 0, 0, (), (), mistaken=(4,))
    monkeypatch.setattr(tags, "recorded_summaries", lambda network, class_name: found)
    return found


def test_only_random_sets_depend_on_what_is_compared_with(planted):
    rows = {each: tags.measure_tags("parts/alexnet", "robin", each, 8, 8, 50) for each in tags.TAGGED}
    whole, recognised, parts = rows.values()
    assert whole["within"] == recognised["within"] != parts["within"]
    assert whole["random"] != recognised["random"]
    assert all(row["sizes"] == [5, 2] for row in rows.values())
    words = [tagger.picture_tags(scene) for scene in class_pictures("robin", 0, 8).scenes[:2]]
    shared = len(set(words[0]) & set(words[1])) / len(set(words[0]) | set(words[1]))
    assert whole["within"][1] == pytest.approx(1 - shared, abs=1e-4)


def test_boxes_of_a_single_summary_have_nothing_to_be_compared_with(planted, monkeypatch):
    one = replace(planted, summaries=planted.summaries[:1])
    monkeypatch.setattr(tags, "recorded_summaries", lambda network, class_name: one)
    assert tags.measure_tags("parts/alexnet", "robin", "parts", 8, 8, 10)["summaries"] is None
    assert tags.measure_tags("parts/alexnet", "robin", "pictures", 8, 8, 10)["sizes"] == [5]


def test_machine_answers_go_through_the_study(planted, tmp_path):
    found = tags.machine_answers("parts/alexnet", "robin")
    assert [answer.rater for answer in found[-2:]] == ["machine on picture 0", "machine on picture 1"]
    answers.write_answers(tmp_path / "machine.csv", found)
    table = answers.study_table(answers.read_answers(tmp_path / "machine.csv"))
    row = tags.measure_tags("parts/alexnet", "robin", "parts", 8, 8, 10)
    assert table["robin"].distance == pytest.approx(row["summaries"], abs=1e-4)
    assert table["robin"].raters == 5


# The control


@pytest.fixture
def strange(monkeypatch):
    """Masks that say whose they are (picture 4 has none), and what becomes of them."""
    maps = torch.arange(1.0, 33).view(32, 1, 1).repeat(1, 128, 128)
    maps[4] = 0
    seen = []

    def keep(images, maps, grouping):
        seen.append(maps[:, 0, 0].int().tolist())
        return Summaries((), float("nan"), 0, 0, 0, 0, (), ())

    monkeypatch.setattr(shuffled, "recorded_maps", lambda network, class_name: maps)
    monkeypatch.setattr(shuffled, "mistaken", lambda network, class_name: (4,))
    monkeypatch.setattr(shuffled, "settled", keep)
    return seen


@pytest.mark.parametrize("seed", shuffled.SEEDS)
def test_every_recognised_picture_gets_the_mask_of_another(seed, strange):
    found = shuffled.shuffled_summaries("parts/alexnet", "robin", seed)
    given = strange[0]
    assert given[4] == 0
    assert sorted(given) == [0, *(number + 1 for number in range(32) if number != 4)]
    assert all(given[number] != number + 1 for number in range(32))
    assert found.mistaken == (4,)


def test_masks_that_match_nothing_give_no_summary_and_other_errors_stay(strange, monkeypatch):
    def refuse(text):
        def refused(images, maps, grouping):
            raise ValueError(text)

        monkeypatch.setattr(shuffled, "settled", refused)
        return shuffled.measure_shuffled("parts/alexnet", "robin", 4, 8, 10, 0)

    for text in (
        "regions: expected some, got none",
        "scores: expected those of at least two candidates",
        "steps: expected enough",
    ):
        assert (refuse(text)["sizes"], refuse(text)["refused"]) == ([], text)
    with pytest.raises(ValueError, match="maps"):
        refuse("maps: expected shape [1]")


def test_seeds_are_averaged_before_classes_are():
    rows = [
        {"configuration": {"network": "n", "class_name": name, "seed": seed},
         "result": {"sizes": [2], "summaries": 0.5, "random": 0.5 + value}}
        for name, values in {"robin": (0.1, 0.3), "oboe": (0.4,)}.items() for seed, value in enumerate(values)
    ]  # fmt: skip
    assert shuffled.shuffled_by_class(rows, "n") == pytest.approx({"robin": 0.2, "oboe": 0.4})
    assert shuffled.shuffled_closer(rows, "n")[0] == pytest.approx(0.3)


# Claims and record


def rows_of(closer, networks=("parts/alexnet", "parts/resnet")):
    """Rows in which the summaries of each class are closer by a little more or less than `closer`."""
    return [
        {
            "configuration": {"network": network, "class_name": name, "tagged": tagged, "repeats": 100,
                              "tags": count},
            "result": {"sizes": [3, 2], "summaries": 0.5, "random": 0.5 + closer + i / 1000,
                       "range": [0.45 + closer, 0.55 + closer]},
        }
        for network in networks for i, name in enumerate(CLASSES)
        for tagged, count in [*((each, 8) for each in tags.TAGGED), *(("pictures", each) for each in tags.OTHER_TAGS)]
    ]  # fmt: skip


def control_of(rows, closer=0.0):
    """Rows of the control for the same networks; one seed in two gives no summary."""
    return [
        {
            "configuration": row["configuration"] | {"seed": seed},
            "result": {"sizes": [2] if seed else [], "summaries": 0.5, "random": 0.5 + closer},
        }
        for row in rows for seed in (0, 1) if {"tagged": "pictures", "tags": 8}.items() <= row["configuration"].items()
    ]  # fmt: skip


@pytest.mark.parametrize(("closer", "expected"), [(0.1, "holds"), (-0.1, "does not hold"), (-0.0045, "undecided")])
def test_claims_follow_the_rows(closer, expected):
    found = tag_claims(rows_of(closer), control_of(rows_of(closer)))
    assert [claim.verdict for claim in found] == [expected] * 7 + ["not tried"]
    assert found[1].scale == "10 classes in all, 20 summaries"
    assert found[4].scale == "2 networks, 20 classes in all, 40 summaries"
    assert f"in {10 * (closer == 0.1)} of 10" in found[2].measured


def test_a_control_that_is_as_close_takes_the_credit():
    rows = rows_of(0.1)
    found = tag_claims(rows, control_of(rows, 0.2))
    assert [claim.verdict for claim in found[4:6]] == ["holds", "does not hold"]
    assert found[5].measured == (
        "closer by alexnet -0.10 [-0.10, -0.09], resnet -0.10 [-0.10, -0.09]; those summaries themselves are closer "
        "than random pictures by alexnet 0.20 [0.20, 0.20], resnet 0.20 [0.20, 0.20]"
    )


def test_claims_do_without_other_networks_but_not_without_the_papers():
    rows = rows_of(0.1, ["parts/alexnet"])
    assert len(tag_claims(rows, control_of(rows))) == 7
    with pytest.raises(ValueError, match="control: expected rows of 'parts/alexnet' with summaries"):
        tag_claims(rows, [])
    with pytest.raises(ValueError, match="rows: expected some of 'parts/alexnet' with summaries"):
        tag_claims(rows_of(0.1, ["parts/resnet"]), control_of(rows))


def test_a_class_without_summaries_is_left_out():
    rows = rows_of(0.1)
    rows[0]["result"]["sizes"] = []
    assert len(tags.by_class(rows, "parts/alexnet")) == 9


def test_a_row_of_the_record_is_what_the_code_computes_today():
    rows = [row for row in read_records(tags.RECORD) if row["configuration"]["class_name"] == "robin"]
    assert rows
    for row in rows[:1]:
        assert tags.measure_tags(**row["configuration"]) == row["result"]
