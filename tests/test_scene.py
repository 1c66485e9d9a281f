"""Scenes: what is drawn, what is known about it, and that an intervention changes what it names and nothing else."""

from dataclasses import FrozenInstanceError, replace

import cv2
import numpy as np
import pytest
import torch

from xai_utils.parts import BACKGROUNDS, CLASSES, DIFFICULTY, HABITATS, PAIRS, draw_scene

CLEAR = replace(DIFFICULTY, occlusion=0.0, blur=(0.0, 0.0), noise=(0.0, 0.0))
LABELS = range(len(CLASSES))


def changed(one, other):
    """The pixels in which two scenes differ, bool [height, width]."""
    return (one.image != other.image).any(dim=0)


def grown(mask, halo):
    """The mask and everything at most `halo` pixels from it."""
    kernel = np.ones((2 * halo + 1, 2 * halo + 1), np.uint8)
    return torch.from_numpy(cv2.dilate(mask.numpy().astype(np.uint8), kernel) > 0)


def windowed(size, window):
    inside = torch.zeros(size, dtype=torch.bool)
    inside[window[1] : window[3], window[0] : window[2]] = True
    return inside


def around(mask):
    """The smallest window around a mask: (left, top, right, bottom)."""
    rows, columns = np.nonzero(mask.numpy())
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def role_inside(scene):
    """The main object's role inside the window that was redrawn last."""
    _, content = scene.pasted[-1]
    return content.cast[0]


# --- pictures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(128, 128), (64, 96), (200, 120)])
def test_a_picture_is_rgb_in_the_unit_range_at_any_size(size):
    image = draw_scene(5, size=size).image
    assert image.shape == (3, *size)
    assert image.dtype == torch.float32
    assert 0 <= image.min()
    assert image.max() <= 1
    assert image.std() > 0.03
    assert torch.equal((image * 255).round() / 255, image)


def test_the_same_seed_is_the_same_picture_and_another_is_another():
    assert torch.equal(draw_scene(11).image, draw_scene(11).image)
    assert changed(draw_scene(11), draw_scene(12)).float().mean() > 0.9


def test_a_scene_is_a_frozen_record():
    with pytest.raises(FrozenInstanceError):
        draw_scene(0).seed = 1
    assert draw_scene(0) == draw_scene(0)


def test_a_larger_picture_shows_the_same_scene():
    small = draw_scene(9, difficulty=CLEAR, size=(64, 64)).image
    large = draw_scene(9, difficulty=CLEAR, size=(256, 256)).image
    shrunk = torch.nn.functional.avg_pool2d(large, 4)
    assert (small - shrunk).abs().mean() < 0.05


def test_every_class_stands_on_every_background():
    for label in LABELS:
        for background in BACKGROUNDS:
            scene = draw_scene(label, label=label, background=background, size=(48, 48))
            assert scene.label == label
            assert scene.background == background
            assert scene.image.std() > 0


def test_places_are_drawn_evenly_and_bias_ties_them_to_the_class():
    free = [draw_scene(seed, label=3).background for seed in range(400)]
    tied = [draw_scene(seed, label=3, bias=0.75).background for seed in range(400)]
    assert max(abs(free.count(name) / 400 - 1 / len(BACKGROUNDS)) for name in BACKGROUNDS) < 0.06
    assert tied.count(HABITATS[3]) / 400 == pytest.approx(0.75 + 0.25 / len(BACKGROUNDS), abs=0.06)
    assert draw_scene(7, label=3, bias=1.0).background == HABITATS[3]
    assert all(HABITATS[2 * k] != HABITATS[2 * k + 1] for k in range(5))


# --- ground truth -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", LABELS)
def test_masks_boxes_and_regions_agree(label):
    scene = draw_scene(40 + label, label=label)
    main = scene.objects[0]
    assert main.class_name == CLASSES[label]
    assert list(main.parts) == [name for name, _ in PAIRS[label // 2].parts]
    visible = torch.stack(list(main.parts.values()))
    assert visible.sum(0).max() <= 1  # two parts never own the same pixel
    assert not (visible.any(0) & ~main.region).any()
    left, top, right, bottom = main.box
    assert not (main.region & ~windowed((128, 128), main.box)).any()
    assert main.region[:, left].any()
    assert main.region[:, right - 1].any()
    assert main.region[top].any()
    assert main.region[bottom - 1].any()
    assert 300 < main.region.sum() < 128 * 128 / 1.5
    assert all(not (main.parts[name] & ~main.amodal[name]).any() for name in main.parts)


def test_the_main_objects_truth_is_the_scenes():
    scene = draw_scene(2, objects=2)
    assert scene.label == scene.objects[0].label
    assert scene.box == scene.objects[0].box
    assert scene.parts is scene.objects[0].parts
    assert scene.region is scene.objects[0].region


@pytest.mark.parametrize("count", [2, 3, 4])
def test_several_objects_share_a_picture(count):
    scene = draw_scene(6, objects=count, difficulty=CLEAR)
    assert len(scene.objects) == count
    assert all(thing.region.sum() > 100 for thing in scene.objects)
    assert torch.stack([thing.region for thing in scene.objects]).sum(0).max() == 1


def test_captions_say_what_is_there():
    scene = draw_scene(1, label=0, background="meadow")
    assert scene.caption.startswith("a robin with a red breast, ")
    assert scene.caption.endswith(", on a meadow")
    assert "facing left" in scene.caption or "facing right" in scene.caption
    assert "red breast" not in scene.without("breast").caption
    assert draw_scene(1, label=8).caption.startswith("an oboe")
    assert draw_scene(1, objects=2).caption.count(" and a") >= 1
    assert draw_scene(1, background="snow").without_object().caption == "nothing in the snow"


def test_a_sketch_has_dark_lines_where_the_object_is_and_white_elsewhere():
    scene = draw_scene(14, label=6)
    assert scene.sketch.shape == (1, 128, 128)
    assert scene.sketch.min() < 0.3
    touched = torch.stack(list(scene.objects[0].amodal.values())).any(0)
    assert (scene.sketch[0][~grown(touched, 3)] == 1).all()


# --- interventions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", LABELS)
def test_without_a_part_nothing_changes_outside_its_halo(label):
    scene = draw_scene(70 + label, label=label)
    for name, amodal in scene.objects[0].amodal.items():
        other = scene.without(name)
        assert not (changed(scene, other) & ~grown(amodal, scene.halo)).any(), name
        assert name not in other.parts


@pytest.mark.parametrize("label", LABELS)
def test_another_classs_part_changes_nothing_outside_the_two_versions(label):
    scene = draw_scene(90 + label, label=label)
    rival = CLASSES[label ^ 1]
    for name, amodal in scene.objects[0].amodal.items():
        other = scene.with_part_of(rival, name)
        touched = grown(amodal | other.objects[0].amodal[name], scene.halo)
        difference = changed(scene, other)
        assert not (difference & ~touched).any(), name
        assert name in PAIRS[label // 2].telling or not difference.any(), name


def test_all_telling_parts_of_the_rival_make_the_rival():
    for label in LABELS:
        scene = draw_scene(130 + label, label=label)
        swapped = scene
        for name in PAIRS[label // 2].telling:
            swapped = swapped.with_part_of(CLASSES[label ^ 1], name)
        assert torch.equal(swapped.image, draw_scene(130 + label, label=label ^ 1, background=scene.background).image)


def test_interventions_can_be_taken_back_and_commute():
    scene = draw_scene(21, label=1)
    assert scene.without("beak").with_part_of("bald eagle", "beak") == scene
    assert scene.with_part_of("robin", "beak").with_part_of("bald eagle", "beak") == scene
    assert scene.without("beak").without("tail") == scene.without("tail").without("beak")


def test_another_place_leaves_the_objects_as_they_are():
    scene = draw_scene(23, label=2, difficulty=replace(CLEAR, distractors=(0, 0)))
    moved = scene.on("snow")
    inside = torch.stack(list(scene.parts.values())).any(0)
    core = ~grown(~inside, 2)
    assert not (changed(scene, moved) & core).any()
    assert changed(scene, moved).float().mean() > 0.3
    assert moved.box == scene.box
    assert moved.background == "snow"
    assert moved.on(scene.background) == scene


def test_without_its_object_only_the_place_is_left():
    scene = draw_scene(25, objects=2)
    touched = torch.stack(list(scene.objects[1].amodal.values())).any(0)
    gone = scene.without_object(of=1)
    assert not (changed(scene, gone) & ~grown(touched, scene.halo)).any()
    assert gone.objects[1].box == (0, 0, 0, 0)
    assert not gone.objects[1].region.any()
    assert not gone.objects[1].parts
    assert gone.objects[0].region.sum() >= scene.objects[0].region.sum()


def test_interventions_name_another_object_by_its_index():
    scene = draw_scene(27, label=0, objects=2)
    name = next(iter(scene.objects[1].amodal))
    other = scene.without(name, of=1)
    assert not (changed(scene, other) & ~grown(scene.objects[1].amodal[name], scene.halo)).any()
    assert other.objects[0].parts.keys() == scene.objects[0].parts.keys()


def test_a_redrawn_window_keeps_every_pixel_outside():
    for seed in range(12):
        scene = draw_scene(300 + seed)
        left, top, right, bottom = scene.box
        window = (left, top, (left + right) // 2 + 4, (top + bottom) // 2 + 4)
        other = scene.redrawn(window, seed)
        inside = windowed((128, 128), window)
        assert not (changed(scene, other) & ~inside).any()
        assert (changed(scene, other) & inside).any()
        assert torch.equal(other.image, scene.redrawn(window, seed).image)


def test_a_redrawn_window_shows_other_versions_of_the_parts_inside():
    scene = draw_scene(33, label=0, difficulty=CLEAR)
    versions = [scene.redrawn(around(scene.parts["beak"]), seed) for seed in range(12)]
    assert len({version.pixels().tobytes() for version in versions}) == 12
    assert all(version.parts["beak"].any() for version in versions)  # drawn anew, never left out
    assert all(torch.equal(version.parts["tail"], scene.parts["tail"]) for version in versions)
    # the breast outside says that it is a robin, so every beak is a robin's
    assert {role_inside(version).kinds for version in versions} == {()}


@pytest.mark.parametrize("label", LABELS)
def test_telling_parts_that_all_lie_inside_a_redrawn_window_change_class_together(label):
    scene = draw_scene(50 + label, label=label, difficulty=CLEAR)
    telling, rival = PAIRS[label // 2].telling, CLASSES[label ^ 1]
    window = around(torch.stack([scene.parts[name] for name in telling]).any(0))
    versions = [scene.redrawn(window, seed) for seed in range(12)]
    as_the_rival_has_them = tuple(sorted((name, rival) for name in telling))
    assert {role_inside(version).kinds for version in versions} == {(), as_the_rival_has_them}
    assert all(version.label == label and version.cast == scene.cast for version in versions)
    assert not any((changed(scene, version) & ~windowed((128, 128), window)).any() for version in versions)


def test_interventions_reach_into_redrawn_windows():
    scene = draw_scene(35, label=0).redrawn((0, 0, 128, 128), 3)
    assert not scene.without_object().region.any()
    assert scene.on("snow").background == "snow"
    assert "tail" not in scene.without("tail").parts


# --- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": 10}, "label: expected an integer from 0 to 9, got 10"),
        ({"label": 1.5}, "label: expected an integer"),
        ({"size": (16, 128)}, r"size: expected \(height, width\) from 32"),
        ({"size": 128}, r"size: expected \(height, width\)"),
        ({"objects": 0}, "objects: expected an integer from 1 to 4, got 0"),
        ({"background": "moon"}, "background: expected one of .*'meadow'.*, got 'moon'"),
        ({"bias": 1.5}, "bias: expected a number from 0 to 1, got 1.5"),
    ],
)
def test_a_bad_argument_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        draw_scene(0, **options)


def test_a_bad_intervention_names_what_is_allowed():
    scene = draw_scene(0, label=0)
    for act, message in (
        (lambda: draw_scene(-1), "seed: expected an integer from 0"),
        (lambda: scene.without("wheel"), "part: expected one of .*'beak'.*'robin', got 'wheel'"),
        (lambda: scene.without("beak", of=1), "of: expected an object's index from 0 to 0, got 1"),
        (lambda: scene.with_part_of("oboe", "beak"), "class_name: expected one of .*'bald eagle'.*, got 'oboe'"),
        (lambda: scene.on("moon"), "background: expected one of .*, got 'moon'"),
        (lambda: scene.without_object(of=-1), "of: expected"),
        (lambda: scene.redrawn((10, 10, 10, 20), 0), r"window: expected \(left, top, right, bottom\)"),
        (lambda: scene.redrawn((0, 0, 129, 20), 0), "window: expected"),
        (lambda: scene.redrawn((0, 0, 20, 20), -2), "seed: expected"),
    ):
        with pytest.raises(ValueError, match=message):
            act()
