"""The whole method on pictures of one class: what is kept on disk, what is left out, and what is refused."""

from dataclasses import replace

import pytest
import torch

from xai_utils.models import load_model
from xai_utils.papers.visual_summaries import MIXED, Grouping, Stages, pipeline, summarise, summarise_maps
from xai_utils.parts import CLASSES, Parts

QUICK = Stages(replace(MIXED.smooth, steps=10), replace(MIXED.crisp, steps=2))


@pytest.fixture(scope="module")
def eagles():
    """Five bald eagles and, in fourth place, a picture that is none."""
    split = Parts("validation")
    numbers = (split.labels == CLASSES.index("bald eagle")).nonzero()[:5, 0].tolist()
    pictures = [split.scene(number).image for number in numbers]
    return torch.stack([*pictures[:3], torch.zeros(3, 128, 128), *pictures[3:]])


@pytest.fixture(scope="module")
def alexnet():
    return load_model("parts/alexnet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder of stages for all tests that do not ask what is in it."""
    return tmp_path_factory.mktemp("stages")


def same(first, second):
    """Whether two results are equal in everything."""
    return len(first) == len(second) and all(
        torch.equal(a.images, b.images) and torch.equal(a.boxes, b.boxes) and torch.equal(a.regions, b.regions)
        for a, b in zip(first, second, strict=True)
    )


def test_summaries_say_what_was_left_out(alexnet, eagles, folder):
    found = summarise(alexnet, eagles, 1, stages=QUICK, cache=folder)
    assert 3 in found.mistaken
    assert 3 in found.without
    assert set(found.without) <= set(found.unused)
    assert found.uncovered > 0
    used = {image for summary in found for image in summary.images.tolist()}
    assert used.isdisjoint(found.unused)
    assert used | set(found.unused) == set(range(6))
    for summary in found:
        assert len(summary.images) == len(set(summary.images.tolist())) >= 2
        assert summary.exemplar == summary.images[0]
        for region, (left, top, right, bottom) in zip(summary.regions, summary.boxes.tolist(), strict=True):
            assert region[top:bottom, left:right].float().mean() > 0.75 * 0.99


def test_a_late_knob_repeats_no_early_stage_and_a_damaged_file_is_made_anew(
    alexnet, eagles, tmp_path, monkeypatch, caplog
):
    first = summarise(alexnet, eagles, 1, stages=QUICK, cache=tmp_path)
    searched, matched = pipeline.crisp_masks, pipeline.object_proposals
    monkeypatch.setattr(pipeline, "crisp_masks", None)
    monkeypatch.setattr(pipeline, "object_proposals", None)
    assert same(first, summarise(alexnet, eagles, 1, stages=QUICK, cache=tmp_path))
    summarise(alexnet, eagles, 1, stages=QUICK, cache=tmp_path, grouping=Grouping(consistency=0.5))

    monkeypatch.setattr(pipeline, "crisp_masks", searched)
    with pytest.raises(TypeError, match="NoneType"):  # another number of proposals has to be searched for
        summarise(alexnet, eagles, 1, stages=QUICK, cache=tmp_path, grouping=Grouping(proposals=20))
    monkeypatch.setattr(pipeline, "object_proposals", matched)
    for file in tmp_path.rglob("output.pkl"):
        file.write_bytes(file.read_bytes()[:100])
    assert same(first, summarise(alexnet, eagles, 1, stages=QUICK, cache=tmp_path))
    assert "Exception while loading" in caplog.text


def test_another_network_is_another_entry_of_the_cache(alexnet):
    other, answers = load_model("parts/alexnet"), torch.zeros(1, 10)
    assert pipeline._fingerprint(other, answers) == pipeline._fingerprint(alexnet, answers)
    assert pipeline._fingerprint(other, answers) != pipeline._fingerprint(alexnet, answers + 1)  # code no layer shows
    next(other.parameters()).data[0, 0, 0, 0] += 1e-3
    assert pipeline._fingerprint(other, answers) != pipeline._fingerprint(alexnet, answers)


def test_bad_input_is_refused(alexnet, eagles, folder):
    with pytest.raises(ValueError, match="two or more that the model gives to class 7, got 0"):
        summarise(alexnet, eagles, 7, stages=QUICK)
    with pytest.raises(ValueError, match="two or more .* got 1"):
        summarise(alexnet, eagles[:1], 1, stages=QUICK)
    with pytest.raises(ValueError, match="pictures of one size"):
        summarise(alexnet, [eagles[0], eagles[1, :, :64]], 1)
    with pytest.raises(TypeError, match="stages: expected Stages such as MIXED, got 'mixed'"):
        summarise(alexnet, eagles, 1, stages="mixed")
    with pytest.raises(TypeError, match="grouping: expected a Grouping, got dict"):
        summarise_maps(eagles, torch.zeros(6, 128, 128), grouping={"covered": 0.5})
    with pytest.raises(TypeError, match="maps: expected a tensor, got list"):
        summarise_maps(eagles, [])
    with pytest.raises(ValueError, match="target"):
        summarise(alexnet, eagles, 10)
    with pytest.raises(ValueError, match="maps: expected shape"):
        summarise_maps(eagles, torch.zeros(6, 64, 64))
    with pytest.raises(ValueError, match="regions: expected some that cover"):
        summarise_maps(eagles, torch.zeros(6, 128, 128), cache=folder)
