"""Object detection on chosen pictures: precision by arithmetic and by a slow twin, choices by hand, rows once more."""

import numpy as np
import pytest
import torch

from xai_utils.experiments.image_score.object_detection import choices, detector, precision, runs, scenes, tables
from xai_utils.experiments.image_score.object_detection.scenes import Objects, Pictures
from xai_utils.experiments.records import read_records
from xai_utils.parts import SceneObject

ROWS, CHOICES = read_records(runs.RECORD), read_records(runs.CHOICES)


def objects(*rows):
    """Objects from (left, top, right, bottom, label, score)."""
    values = torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)
    return Objects(values[:, :4], values[:, 4].long(), values[:, 5])


@pytest.fixture(scope="module")
def untrained():
    torch.manual_seed(0)
    return detector.build_detector("parts/vgg").eval()


def test_sets_have_scenes_of_their_own_and_hold_every_combination():
    pictures = scenes.pictures_of("labelled", 0, 9)
    seen = {(tuple(image.shape[1:]), n % 3) for n, image in enumerate(pictures.images)}
    assert seen == {(size, n) for size in scenes.SIZES for n in range(3)}
    assert all(len(objects.labels) <= 1 + n % 3 for n, objects in enumerate(pictures.objects))
    first = [scenes.pictures_of(*which, 1).images[0] for which in (("labelled", 0), ("labelled", 1), ("test", 0))]
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])
    with pytest.raises(ValueError, match="split: expected one of"):
        scenes.pictures_of("train", 0, 1)


def test_objects_that_are_hardly_seen_do_not_count():
    def one(*box):
        return SceneObject("robin", 3, box, torch.zeros(96, 96, dtype=torch.bool), {}, {})

    seen = scenes.seen_objects((one(0, 0, 12, 40), one(0, 0, 11, 40), one(0, 0, 0, 0), one(5, 5, 80, 17)))
    assert seen.boxes.tolist() == [[0, 0, 12, 40], [5, 5, 80, 17]]
    assert seen.labels.tolist() == [3, 3]
    assert [len(values) for values in scenes.seen_objects(())] == [0, 0, 0]


def test_a_mirrored_box_shows_what_it_showed(generator):
    image, inside = torch.rand(3, 96, 128, generator=generator), objects((10, 20, 50, 60, 1, 1))
    other, there = detector.mirrored(image, inside)
    assert there.boxes.tolist() == [[78, 20, 118, 60]]
    assert torch.equal(other[:, 20:60, 78:118].flip(2), image[:, 20:60, 10:50])
    assert torch.equal(detector.mirrored(other, there)[0], image)


def test_precision_is_arithmetic():
    truths = [objects((0, 0, 20, 20, 3, 1)), objects((0, 0, 20, 20, 3, 1))]
    found = [objects((0, 0, 20, 20, 3, 0.9), (50, 50, 70, 70, 3, 0.8)), objects((0, 0, 20, 20, 3, 0.7))]
    # precision is 1 up to a recall of one half, then two thirds
    voc, half, coco = precision.mean_average_precision(found, truths)
    assert voc == pytest.approx((6 + 5 * 2 / 3) / 11)
    assert [half, coco] == pytest.approx([(51 + 50 * 2 / 3) / 101] * 2)
    shifted = [objects((0, 0, 20, 32, 3, 0.9)), objects((0, 0, 32, 20, 3, 0.7))]  # IoU 0.625: a hit at 3 of 10 overlaps
    voc, half, coco = precision.mean_average_precision(shifted, truths)
    assert (voc, half, coco) == pytest.approx((1, 1, 0.3))
    other = [one._replace(labels=one.labels + 1) for one in found]
    assert precision.mean_average_precision(other, truths) == (0, 0, 0)
    with pytest.raises(ValueError, match="truths: expected some objects in 2 pictures, got 1"):
        precision.mean_average_precision(found, truths[:1])


def rows_of(one):
    """(box, label, score) of each object."""
    return [(tuple(box), label, score) for box, label, score in zip(*(v.tolist() for v in one), strict=True)]


def slow_voc(found, truths):
    """VOC2007's measure from its definition: the best precision at each of 11 recalls or above."""
    per_class = []
    for label in sorted({own for truth in truths for _, own, _ in rows_of(truth)}):
        free = [[box for box, own, _ in rows_of(truth) if own == label] for truth in truths]
        ranked = [(s, n, box) for n, one in enumerate(found) for box, own, s in rows_of(one) if own == label]
        total, hits, points = sum(map(len, free)), 0, []
        for rank, (_, picture, box) in enumerate(sorted(ranked, reverse=True), start=1):
            if box in free[picture]:  # boxes are exact or far off here
                free[picture].remove(box)
                hits += 1
            points.append((hits / total, hits / rank))
        at = [max((p for recall, p in points if recall >= tenth / 10 - 1e-9), default=0) for tenth in range(11)]
        per_class.append(sum(at) / 11)
    return sum(per_class) / len(per_class)


def test_precision_is_that_of_the_slow_twin():
    draw = np.random.default_rng(1)
    truths, found = [], []
    for _ in range(25):
        corners = [(x, y, x + 20, y + 20) for x in (0, 30, 60) for y in (0, 30, 60)]
        some = draw.permutation(9)[: draw.integers(0, 4)]
        truths.append(objects(*[(*corners[k], draw.integers(3), 1) for k in some]))
        exact = [(*box, own) for box, own, _ in rows_of(truths[-1]) if draw.uniform() < 0.7]
        wrong = [(*corners[k], draw.integers(3)) for k in draw.permutation(9)[:2] if k not in some]
        found.append(objects(*[(*row, draw.uniform()) for row in (*exact, *wrong, *exact[:1])]))
    assert precision.mean_average_precision(found, truths).voc == pytest.approx(slow_voc(found, truths), abs=1e-9)


def test_one_box_is_right_for_each_object():
    truth = objects((0, 0, 20, 20, 3, 1), (40, 40, 60, 60, 5, 1))
    twice = objects((0, 0, 20, 20, 3, 0.9), (0, 0, 20, 21, 3, 0.8), (40, 40, 60, 60, 4, 0.7), (0, 60, 20, 90, 5, 0.6))
    assert precision.rightness(twice, truth) == (2, 4, 1, 1)
    assert precision.rightness(truth, truth) == (2, 2, 2, 0)
    assert precision.rightness(objects(), truth) == (2, 0, 0, 0)
    assert precision.rightness(truth, objects()) == (0, 2, 0, 0)


def test_sizes_that_pass_together_change_nothing(untrained, generator):
    images = [(255 * torch.rand(3, *scenes.SIZES[n % 3], generator=generator)).byte() for n in range(5)]
    together = detector.detect(untrained, images)
    assert sum(len(one.labels) for one in together) > 0
    for image, one in zip(images, together, strict=True):
        (alone,) = detector.detect(untrained, [image], batch_size=1)
        for own, other in zip(one, alone, strict=True):
            torch.testing.assert_close(own, other, atol=1e-3, rtol=1e-4)
        assert 0 <= int(one.labels.min()) <= int(one.labels.max()) <= 9
    kept = detector.certain(together[0], float(together[0].scores[1]))
    assert torch.equal(kept.boxes, together[0].boxes[:2])


def test_every_weight_learns(untrained):
    pictures = scenes.pictures_of("labelled", 0, 4)
    untrained.train()
    loss = detector.loss_of(untrained, pictures)(torch.arange(4), torch.Generator().manual_seed(0))
    gradients = torch.autograd.grad(loss, list(untrained.parameters()))
    untrained.eval()
    assert loss.item() > 0
    assert all(bool(gradient.any()) for gradient in gradients)


def test_layers_of_the_trunk_begin_behind_the_first_pool(untrained):
    names = detector.trunk_layers(untrained)
    assert len(names) == 7
    assert names[0] == "backbone.1"
    assert names[-1] == "backbone.9.1"


@pytest.fixture
def labelled():
    """Ten pictures; in the last two nothing is found."""
    scores = -torch.arange(10.0, dtype=torch.float64)
    confidence = torch.tensor([0.6, 0.9, 0.7, 0.8, 0.65, 0.95, 0.5, 0.55, 0.0, 0.0])
    return choices.Labelled(scores, confidence, tuple(objects((n, 0, n + 20, 20, n % 3, 0.9)) for n in range(10)))


@pytest.mark.parametrize(
    ("arm", "wanted"),
    [
        ("score", {0, 1, 2}),
        ("lowest", {5, 6, 7}),
        ("confident", {1, 3, 5}),
        ("baseline", set()),
        ("score-truth", {0, 1, 2}),
        ("truth", set(range(10))),
    ],
)
def test_arms_choose_by_what_they_are_called(labelled, arm, wanted):
    assert set(choices.choose(arm, labelled, 0.3, torch.Generator()).tolist()) == wanted


def test_chance_chooses_as_many_and_nothing_unlabelled(labelled):
    drawn = [choices.choose("random", labelled, 0.3, torch.Generator().manual_seed(n)).tolist() for n in range(40)]
    assert {len(set(one)) for one in drawn} == {3}
    assert set().union(*drawn) == set(range(8))
    assert len(choices.choose("score", labelled, 1.0, torch.Generator())) == 8
    with pytest.raises(ValueError, match="arm: expected one of"):
        choices.choose("best", labelled, 0.3, torch.Generator())


@pytest.mark.parametrize("arm", ["score", "score-truth", "truth", "baseline"])
def test_what_is_added_is_what_was_found_or_what_is_true(untrained, labelled, arm, monkeypatch):
    learned = []

    def only_looked_at(_, known, moments, seed):
        learned.append((known, moments))
        yield from range(1, moments[0] + 1)

    monkeypatch.setattr(runs, "trained", lambda *_: untrained)
    monkeypatch.setattr(runs, "labelled_by", lambda *_: labelled)
    monkeypatch.setattr(runs, "train_on", only_looked_at)
    found = runs.measure_arm("parts/vgg", 0, arm, [6, 10, 4], epochs=12, moments=[2, 18], share=0.3, threshold=0.5)
    (known, moments), additional = learned[0], scenes.pictures_of("additional", 0, 10)
    told = {"score": labelled.found[:3], "score-truth": additional.objects[:3], "truth": additional.objects}.get(
        arm, ()
    )
    assert moments == (2, 18)
    assert found["added"] == len(told) == len(known.objects) - 6
    assert known.objects[:6] == scenes.pictures_of("labelled", 0, 6).objects
    assert all(own is other for own, other in zip(known.objects[6:], told, strict=True))
    assert [len(found[name]) for name in ("before", "glance", "voc", "half", "coco")] == [3, 3, 2, 2, 2]


def test_training_goes_on_with_so_many_pictures_and_the_same_again(untrained, monkeypatch):
    known, drawn = Pictures(tuple(range(40)), ()), []
    weight = next(iter(untrained.parameters()))

    def loss_of(*_):
        return lambda chosen, _: (drawn.append(chosen.tolist()), weight.sum() * 0)[1]

    monkeypatch.setattr(runs, "loss_of", loss_of)
    for _ in range(2):
        assert list(runs.train_on(untrained, known, moments=(3, 16), seed=5)) == [1, 2, 3]
        assert not untrained.training
    assert drawn[:6] == drawn[6:]
    assert [len(set(drawn[n] + drawn[n + 1])) for n in (0, 2, 4)] == [16, 16, 16]
    assert len({number for some in drawn[:6] for number in some}) > 16


@pytest.fixture
def recorded(monkeypatch):
    """Two seeds whose runs and choices are made up."""
    curves = {
        (0, "baseline"): [0.5, 0.6],
        (1, "baseline"): [0.4, 0.5],
        (0, "score"): [0.6, 0.6],
        (1, "score"): [0.5, 0.6],
    }
    made = {key: {"voc": curve, "before": [curve[0] - 0.1, 0, 0]} for key, curve in curves.items()}
    facts = {
        "score": [-float(n) for n in range(10)], "confidence": [0.5 + n / 20 for n in range(10)],
        "objects": [1, 1, 1, 1, 1, 2, 2, 2, 2, 2], "boxes": [1] * 10, "right": [1] * 8 + [0] * 2,
        "wrong class": [0] * 8 + [1, 0], "area": [0.1] * 10, "wide": [1.0, 1.3333] * 5,
    }  # fmt: skip
    monkeypatch.setattr(tables, "recorded_runs", lambda: made)
    monkeypatch.setattr(tables, "recorded_choices", lambda: {0: facts, 1: facts})


def test_tables_are_means_over_seeds_and_gains_are_paired(recorded):
    table = tables.table_4()
    assert list(table) == ["baseline", "score"]
    assert table["score"].tolist() == pytest.approx([0.55, 0.6])
    assert tables.precision_before()[0] == pytest.approx(0.35)
    assert tables.gain("score").mean == pytest.approx(0.075)
    assert tables.gain("score").low < 0.075 < tables.gain("score").high
    gains = tables.gains_of_runs("score")
    assert gains[0][0] == pytest.approx(0.05)
    assert gains[1] == pytest.approx((0.1, 0.0), abs=0.2)


def test_chosen_pictures_are_described(recorded):
    score, lowest = (tables.chosen_pictures(arm) for arm in ("score", "lowest"))
    means = {name: interval[0] for name, interval in score.items()}
    assert means == pytest.approx({
        "found": 1, "true boxes": 1, "false boxes": 0, "flawless": 1, "objects": 1, "confidence": 0.55, "area": 0.1,
        "square": 2 / 3, "chosen": 3, "of the confident": 0,
    })  # fmt: skip
    assert lowest["found"][0] == pytest.approx(1 / 6)
    assert lowest["false boxes"][0] == pytest.approx(2 / 3)
    assert lowest["of the confident"][0] == 1
    assert tables.score_follows("confidence")[0] == pytest.approx(-1)
    assert tables.score_follows("right share", objects=2)[0] > 0
    fifths = tables.rightness_by_score(parts=5)
    assert fifths["found"].tolist() == pytest.approx([0, 0.5, 2 / 3, 1, 1])
    assert tables.rightness_by_score(parts=2, by="confidence")["objects"].tolist() == [1, 2]


@pytest.mark.skipif(not ROWS, reason="not recorded yet")
def test_recorded_precision_and_choices_come_out_again():
    """By the detector that is kept, whose weights were rounded to half precision."""
    kept, seed = runs.kept_detector(), runs.SEEDS[0]
    test = scenes.pictures_of("test", 0, runs.GLANCE)
    recorded = runs.recorded_runs()[seed, "baseline"]["glance"]
    assert list(runs.measured(kept, test)) == pytest.approx(recorded, abs=0.01)
    images, truths = scenes.pictures_of("additional", seed, 30)
    facts = runs.recorded_choices()[seed]
    found = [detector.certain(one, runs.THRESHOLD) for one in detector.detect(kept, images)]
    right = [precision.rightness(*both).right for both in zip(found, truths, strict=True)]
    assert sum(own != other for own, other in zip(right, facts["right"], strict=False)) <= 1
    confidence = [float(one.scores.mean()) if len(one.scores) else 0.0 for one in found]
    assert np.median(np.abs(np.subtract(confidence, facts["confidence"][:30]))) < 0.01
    with pytest.raises(FileNotFoundError, match="name: expected a trained detector, got 'detection/none'"):
        detector.load_detector("detection/none")
