"""Learning from a network's own labels: what each arm adds, and what is asked of the pictures."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from xai_utils.experiments import records
from xai_utils.experiments.cifar.network import NETWORKS, cifar_classifier, cifar_network, load_classifier
from xai_utils.experiments.image_score import chains, intervals, runs, tables, tolerance
from xai_utils.experiments.image_score.pictures import class_of, split_of
from xai_utils.experiments.image_score.verdicts import claims_of_the_paper
from xai_utils.experiments.semi_supervised import (
    ARMS,
    RECIPE,
    SELECTED,
    WHOLE,
    Split,
    _choose,
    logits_of,
    pool_of,
    pretrain,
    retrain,
    scores_of,
)
from xai_utils.experiments.statistics import holm, paired_difference
from xai_utils.experiments.verdict import ledger
from xai_utils.papers.image_score import LayerReference, Reference

SHORT = replace(RECIPE, epochs=2, batch_size=8)
FIRST = 40  # labelled pictures


@pytest.fixture
def split(generator):
    """Three kinds of pictures, each of a colour; a fifth of the additional ones are of an unknown kind."""

    def some(count):
        labels = torch.arange(count) % 3
        light = torch.randint(60, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
        light[torch.arange(count), labels] += 150
        return light, labels

    labelled, additional, test = some(FIRST), some(30), some(21)
    additional[1][::5] = -1
    return Split(labelled, additional, test)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return cifar_classifier("abc", build=lambda classes: cifar_network(classes, (8, 8, 8, 8))).eval()


@pytest.fixture
def learned(model, split):
    for _ in pretrain(model, split.labelled, replace(SHORT, epochs=8, learning_rate=1e-2)):
        pass
    return model


def chosen(model, split, arm, share=0.5):
    target = None if arm in WHOLE else 1
    return _choose(model, split, arm, target, share, torch.Generator().manual_seed(0))


def test_softmax_adds_the_most_probable_pictures_of_the_pool(learned, split):
    pool, scores, probabilities = pool_of(learned, split, 1)
    choice, common = chosen(learned, split, "softmax")
    count = round(0.5 * len(pool))
    assert len(choice.numbers) == count > 0
    assert set(choice.numbers.tolist()) == {
        FIRST + int(pool[i]) for i in probabilities.argsort(descending=True)[:count]
    }
    assert (choice.labels == 1).all()
    best = {int(pool[i]) for i in scores.argsort(descending=True)[:count]}
    assert common == pytest.approx(len(best & {int(n) - FIRST for n in choice.numbers}) / count)


def test_score_adds_the_pictures_of_the_pool_with_the_highest_scores(learned, split):
    pool, scores, _ = pool_of(learned, split, 1)
    choice, _ = chosen(learned, split, "score")
    left = [i for i, number in enumerate(pool.tolist()) if FIRST + number not in choice.numbers]
    taken = [i for i in range(len(pool)) if i not in left]
    assert scores[taken].min() >= scores[left].max()


def test_random_stays_in_the_pool_and_repeat_among_the_labelled_pictures_of_the_class(learned, split):
    pool, _, _ = pool_of(learned, split, 1)
    by_chance, again = (chosen(learned, split, arm)[0] for arm in ("random", "repeat"))
    assert {int(n) - FIRST for n in by_chance.numbers} <= set(pool.tolist())
    assert len(by_chance.numbers.unique()) == len(by_chance.numbers) == len(again.numbers)
    assert (again.numbers < FIRST).all()
    assert (split.labelled[1][again.numbers] == 1).all()


def test_whole_arms_add_nothing_everything_as_predicted_or_what_is_known(learned, split):
    nothing, predicted, true = (chosen(learned, split, arm)[0] for arm in WHOLE)
    assert len(nothing.numbers) == 0
    assert torch.equal(predicted.labels, logits_of(learned, split.additional[0]).argmax(dim=1))
    known = split.additional[1] >= 0
    assert torch.equal(true.numbers - FIRST, known.nonzero().flatten())
    assert torch.equal(true.labels, split.additional[1][known])


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_trains_and_says_what_it_did(learned, split, arm):
    rounds = list(retrain(learned, split, arm, None if arm in WHOLE else 1, share=0.5, recipe=SHORT))
    assert len(rounds) == 2
    assert rounds[-1].predicted.shape == (21,)
    assert not learned.training
    assert torch.equal(rounds[-1].predicted, logits_of(learned, split.test[0]).argmax(dim=1))
    if arm == "truth":
        assert (rounds[0].chosen, rounds[0].right) == (24, 1.0)
    if arm == "naive":  # what the network does not know cannot be right
        assert rounds[0].chosen == 30
        assert 0 < rounds[0].right < 0.81


def test_an_empty_pool_adds_nothing(model, split):
    with torch.no_grad():
        model.network.linear.weight.zero_()
        model.network.linear.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    first = next(iter(retrain(model, split, "score", 1, recipe=SHORT)))
    assert first.chosen == 0
    assert np.isnan([first.right, first.loss, first.common]).all()
    assert scores_of(model, split.test[0][:0], split.test[0]).shape == (0,)


@pytest.mark.parametrize(
    ("arm", "target", "knobs", "says"),
    [
        ("best", 0, {}, "arm: expected one of"),
        ("score", None, {}, "target: expected a class"),
        ("naive", 1, {}, "target: expected a class"),
        ("score", 1, {"share": 1.5}, "share: expected"),
        ("score", 1, {"recipe": replace(SHORT, cycle=True)}, "recipe: expected one without a cycle"),
        ("score", 2, {}, "labelled pictures show"),
    ],
)
def test_wrong_arguments_are_refused(model, split, arm, target, knobs, says):
    known = split.labelled[1] != 2
    few = split._replace(labelled=tuple(part[known] for part in split.labelled))
    with pytest.raises(ValueError, match=says):
        next(iter(retrain(model, few, arm, target, **{"recipe": SHORT, **knobs})))


def test_an_interrupted_pretraining_goes_on_where_it_was(split, tmp_path):
    def fresh():
        torch.manual_seed(5)
        return cifar_classifier("abc", build=lambda classes: cifar_network(classes, (8, 8, 8, 8)))

    whole, broken, resumed = fresh(), fresh(), fresh()
    list(pretrain(whole, split.labelled, replace(SHORT, epochs=3)))
    halted = pretrain(broken, split.labelled, replace(SHORT, epochs=3), checkpoint=tmp_path / "state.pt")
    next(halted)
    halted.close()
    numbers = [
        n for n, _ in pretrain(resumed, split.labelled, replace(SHORT, epochs=3), checkpoint=tmp_path / "state.pt")
    ]
    assert numbers == [2, 3]
    for one, other in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other)


@pytest.fixture
def tiny(split, tmp_path, monkeypatch):
    """The whole study on the small pictures, in a folder of its own."""
    monkeypatch.setattr(runs, "split_of", lambda data, seed: split)
    monkeypatch.setattr(intervals, "split_of", lambda data, seed: split)
    monkeypatch.setattr(runs, "classes_of", lambda data: list("abc"))
    monkeypatch.setattr(runs, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(runs, "RECIPE", SHORT)
    monkeypatch.setattr(runs, "EPOCHS", {"parts": (3, 5)})
    monkeypatch.setitem(NETWORKS, "vgg", lambda classes: cifar_network(classes, (8, 8, 8, 8)))
    runs._trained_state.cache_clear()
    monkeypatch.setattr(records.record_all, "__kwdefaults__", records.record_all.__kwdefaults__ | {"folder": tmp_path})
    for room in (runs, tables, intervals):
        monkeypatch.setattr(room, "read_records", lambda name: records.read_records(name, tmp_path))
    yield tmp_path
    runs._trained_state.cache_clear()


def test_a_killed_study_goes_on_with_the_runs_that_are_missing(tiny, monkeypatch):
    arms, done = {"baseline": [], "score": [0, 1, 2], "softmax": [1]}, []

    def dies(**setting):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(setting["target"])
        return runs.measure_run(**setting)

    measure = runs.measure_run
    monkeypatch.setattr(runs, "measure_run", lambda **setting: (done.append(setting["target"]), measure(**setting))[1])
    original = runs.record_all
    monkeypatch.setattr(runs, "record_all", lambda name, wanted, _, **knobs: original(name, wanted, dies, **knobs))
    with pytest.raises(KeyboardInterrupt):
        runs.record_runs("parts", "vgg", 0, arms)
    assert len(records.read_records("semi_supervised_parts", tiny)) == 1
    done.clear()
    monkeypatch.setattr(runs, "record_all", original)
    runs.record_runs("parts", "vgg", 0, arms)
    assert len(done) == 4
    gains = tables.gains_of_run("parts", "vgg", "score")
    assert [gain.target for gain in gains] == [0, 1, 2]
    for gain in gains:
        assert gain.difference == pytest.approx(gain.trained - gain.baseline)
        assert 0 <= gain.p <= 1
    together = runs.record_assembly("parts", "vgg", 0)["result"]
    assert together["epochs"] == [1, 2, 3, 4, 5]
    found = tables.assembly("parts", "vgg")
    assert {name: {seed: of.shape for seed, of in seeds.items()} for name, seeds in found.items()} == {
        "baseline": {0: (5,)},
        "score": {0: (5,)},
    }
    assert tables.assembly_pairs("parts", "vgg", "score", "baseline") == (
        [found["score"][0].mean()],
        [found["baseline"][0].mean()],
    )
    assert tables.assembly_pairs("parts", "vgg", "score", "repeat") == ([], [])
    assert tables.assembly("parts", "resnet") == {}
    assert tables.arms_of("parts", "vgg") == ["score", "softmax"]
    assert tables.seeds_of("parts", "vgg", "score") == [0]
    assert tables.labelling_accuracy("parts", "vgg", 1)["score"].shape == (1, 5)
    low, high = tables.mean_gain("parts", "vgg", "score")[1:]
    assert low <= np.mean([gain.difference for gain in gains]) <= high


def test_the_baseline_without_pictures_of_others_equals_training_on(tiny, split):
    """The baseline arm is nothing but more epochs on the labelled pictures."""
    result = runs.measure_run("parts", "vgg", 0, 3, 5, "baseline", None, 1.0)
    assert result["chosen"] == [0] * 5
    assert result["right"] == [None] * 5
    assert np.sum(result["claimed"], axis=1).tolist() == [21] * 5
    assert result["of_class"] == [7, 7, 7]


def test_figures_of_a_class_are_recall_precision_and_their_mean():
    result = {"hits": [[3, 5]], "claimed": [[4, 16]], "of_class": [10, 10]}
    found = {value: float(tables.per_epoch(result, 0, value)[0]) for value in tables.VALUES}
    assert found == pytest.approx({"recall": 30, "precision": 75, "F1": 600 / 14, "overall": 40})
    with pytest.raises(ValueError, match="value: expected one of recall"):
        tables.per_epoch(result, 0, "accuracy")


def test_holm_multiplies_the_smallest_by_their_number_and_never_turns_the_order():
    assert holm([0.5, 0.01, 0.02]) == pytest.approx([0.5, 0.03, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_intervals_count_every_picture_once(tiny, split):
    rows = [intervals.measure_intervals("parts", "vgg", 0, 3)]
    for target in range(3):
        for name, pictures in (("labelled", split.labelled), ("test", split.test)):
            count, right = (np.array(rows[0][name][what][target]) for what in ("count", "right"))
            assert count.sum() == (pictures[1] == target).sum()
            assert (right <= count).all()
            shares = intervals.in_intervals(count, right)
            assert sum(one.share for one in shares) == pytest.approx(1)


def test_bins_hold_every_picture_of_both_kinds_once():
    seen = intervals.Scored(torch.tensor([-3.0, -1.0, 0.0, -2.9]).double(), torch.tensor([True, True, False, False]))
    new = intervals.Scored(torch.tensor([-1.4, -0.1]).double(), torch.tensor([True, True]))
    found = intervals.in_bins((seen, new), bins=3)
    assert [one.share for one in found["seen"]] == [0.5, 0.25, 0.25]
    assert [one.share for one in found["new"]] == [0, 0.5, 0.5]
    assert [one.accuracy for one in found["seen"]] == [0.5, 1, 0]
    assert found["seen"][0].low == -3
    assert found["new"][-1].high == 0


def test_chains_are_alike_by_the_units_in_common():
    layer = LayerReference("0", 0.5, torch.tensor([True, True, False]))
    answers = torch.tensor([[1.0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]])
    found = chains.alike(torch.nn.Sequential(torch.nn.Identity()).eval(), answers, Reference((layer,), (), 4))
    expected = [[1, 1 / 2, 0, 0], [1 / 2, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert torch.allclose(found, torch.tensor(expected, dtype=found.dtype))


def test_classes_with_few_mistakes_are_left_out_of_the_chains(tiny, monkeypatch):
    monkeypatch.setattr(chains, "FEWEST", 100)
    monkeypatch.setattr(chains, "split_of", runs.split_of)
    assert chains.measure_chains("parts", "vgg", 0, 3) == {kind: [None] * 3 for kind in chains.PAIRS}
    monkeypatch.setattr(chains, "FEWEST", 0)
    found = chains.measure_chains("parts", "vgg", 0, 3)
    assert all(0 <= value <= 1 for values in found.values() for value in values if value == value)


def test_a_reference_without_wrong_pictures_is_the_clean_one(tiny, monkeypatch):
    monkeypatch.setattr(tolerance, "split_of", runs.split_of)
    clean = tolerance.measure_tolerance("parts", "vgg", 0, 3, wrong=0.0)
    assert clean == {"important": [1.0] * 3, "scores": [1.0] * 3}
    wrong = tolerance.measure_tolerance("parts", "vgg", 0, 3, wrong=0.5)
    assert np.mean(wrong["important"]) < 1


def test_parts_are_split_by_the_seed_and_never_shared():
    first, second = (split_of("parts-few", seed) for seed in (0, 1))
    assert [len(part[1]) for part in first] == [600, 400, 400]
    assert first.labelled[0].shape == (600, 3, 32, 32)
    assert torch.equal(first.test[0], second.test[0])
    assert not torch.equal(first.labelled[0], second.labelled[0])


def test_a_class_of_parts_is_the_splits_own():
    few, own = split_of("parts-few", 0), class_of(0, 4, additional=20)
    known = few.labelled[0][few.labelled[1] == 4]
    assert torch.equal(own.labelled[0][: len(known)], known)
    assert set(own.labelled[1].tolist()) == set(own.test[1].tolist()) == {4}
    assert torch.equal(own.additional[0], few.additional[0][:20])


def test_the_papers_shares_are_read_from_their_one_home():
    assert set(SELECTED) | set(WHOLE) == set(ARMS)
    assert runs.alpha_of("cifar10-subset", "vgg", 1) > runs.alpha_of("cifar10-subset", "vgg", 0)
    assert runs.alpha_of("parts", "resnet", None) == 1


@pytest.mark.parametrize("arm", ["baseline", "score"])
def test_recorded_runs_are_those_of_this_code(arm):
    rows = [row for row in records.read_records("semi_supervised_parts-few") if row["configuration"]["arm"] == arm]
    again = runs.measure_run(**rows[0]["configuration"])
    assert np.abs(np.subtract(again["hits"], rows[0]["result"]["hits"])).sum(axis=1).max() <= 20  # of 400 pictures


def test_recorded_intervals_are_those_of_the_kept_weights():
    row = next(r for r in records.read_records("score_intervals") if r["configuration"]["epochs"] == 20)
    name = "small/{network}-{data}-{epochs}".format(**row["configuration"])
    pictures = intervals.scored(load_classifier(name), class_of(0, 3), 3)
    for kind, found in zip(intervals.PICTURES, pictures, strict=True):
        recorded = np.cumsum(row["result"][kind]["count"][3])
        assert np.abs(np.cumsum(intervals.counted(found)[0]) - recorded).max() <= 5  # kept in half precision
        assert found.right.sum() == pytest.approx(sum(row["result"][kind]["right"][3]), abs=3)


def test_recorded_chains_are_those_of_the_kept_weights():
    own, rows = class_of(0, 3), records.read_records("score_chains")
    wanted = {"data": "parts", "network": "vgg", "seed": 0, "epochs": 80}
    row = next(row for row in rows if row["configuration"] == wanted)
    found = chains.chains_of_class(load_classifier("small/vgg-parts-80"), 3, own.labelled[0], own.test[0])
    for kind, likeness in found.items():
        assert likeness == pytest.approx(row["result"][kind][3], abs=0.01)  # kept in half precision


def test_recorded_tolerance_is_that_of_the_kept_weights(monkeypatch):
    monkeypatch.setattr(tolerance, "pretrained", lambda *about: load_classifier("small/vgg-parts-80"))
    wanted = {"data": "parts", "network": "vgg", "seed": 0, "epochs": 80, "wrong": 0.3}
    row = next(row for row in records.read_records("score_tolerance") if row["configuration"] == wanted)
    again = tolerance.measure_tolerance(**wanted)
    for value, of_classes in again.items():
        assert np.mean(of_classes) == pytest.approx(np.mean(row["result"][value]), abs=0.02)


@pytest.fixture
def several(monkeypatch):
    """Runs of two seeds in which the baseline gets 4 of 10 right, the score 1 more in seed 0 and 3 more in seed 1."""

    def run(hits):
        return {"hits": [[hits, 5]] * 4, "claimed": [[8, 12]] * 4, "of_class": [10, 10]}

    known = {"baseline": {(0, None): run(4), (1, None): run(4)}, "random": {}}
    known["score"] = {(0, 0): run(5), (0, 1): run(4), (1, 0): run(7), (1, 1): run(4), (2, 0): run(9)}
    monkeypatch.setattr(tables, "recorded_runs", lambda data, network, arm: known.get(arm, {}))


def test_gains_are_paired_by_seed_and_half_recorded_seeds_do_not_count(several):
    assert tables.seeds_of("parts", "vgg", "score") == [0, 1]
    first, second = tables.gains_over_seeds("parts", "vgg", "score")
    assert (first.baseline, first.trained, first.difference) == pytest.approx((40, 60, 20))
    assert second.difference == pytest.approx(0)
    mean, low, high = tables.mean_gain("parts", "vgg", "score")
    assert (mean, low < mean < high) == (pytest.approx(10), True)
    alone = tables.gains_over_seeds("parts", "vgg", "score", correct=False)
    assert first.p == pytest.approx(2 * alone[0].p)
    assert list(tables.gains_by_arm("parts", "vgg")) == ["score"]
    text = tables.lines(["a", "b"], [first, second], [first, second])
    assert text.splitlines()[2].startswith("| a | 40.0 | 60.0 | +20.0 |")
    with pytest.raises(ValueError, match="expected recorded ones"):
        tables.mean_gain("parts", "vgg", "random")


def test_baselines_of_equal_runs_are_never_called_better_and_those_of_lucky_ones_are(several, monkeypatch):
    assert tables.called_better("parts", "vgg", 0.05) == (0, 4)  # two seeds, either way round, two classes
    known = tables.recorded_runs("parts", "vgg", "baseline")
    lucky = {key: run | {"hits": [[4 + key[0], 5]] * 4} for key, run in known.items()}
    monkeypatch.setattr(tables, "recorded_runs", lambda data, network, arm: lucky)
    assert tables.called_better("parts", "vgg", 0.05) == (1, 4)


def test_one_run_alone_decides_nothing(several, monkeypatch):
    from xai_utils.experiments.image_score.verdicts import learning

    assert learning._said("parts", "vgg", (2.0, 1.0, 3.0), "score") == "holds"
    one = {(0, 0): tables.recorded_runs("parts", "vgg", "score")[0, 0]}
    monkeypatch.setattr(tables, "recorded_runs", lambda data, network, arm: one)
    assert learning._said("parts", "vgg", (2.0, 1.0, 3.0), "score") == "undecided"


def test_every_claim_of_the_paper_is_measured_from_what_is_recorded():
    table = claims_of_the_paper()
    assert {claim.verdict for claim in table} <= set(ledger.VERDICTS)
    assert sum(claim.place in ("Table 1", "Table 2") for claim in table) >= 3
    assert all(claim.measured and claim.says for claim in table)
    counted = ledger.counts({"Image Score": table})["Image Score"]
    assert sum(counted.values()) == len(table)


def test_differences_without_spread_leave_no_doubt():
    assert paired_difference([2.0, 3.0], [1.0, 2.0]) == (1, 1, 1, 0)
    assert paired_difference([1.0, 1.0], [1.0, 1.0]) == (0, 0, 0, 1)
