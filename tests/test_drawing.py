"""The drawing kit, and what every pair of classes promises."""

import numpy as np
import pytest

from xai_utils.parts import CLASSES, PAIRS
from xai_utils.parts.drawing import Part, coverage, paint
from xai_utils.parts.outlines import box, ellipse, polygon, smooth, stroke, turned
from xai_utils.parts.textures import TEXTURES, sampled, texture_tile

IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])
UNIT = np.array([[40.0, 0, 64], [0, 40, 64]])  # the object unit that parts are designed for
SIZE = (128, 128)


def drawn(pair, kind, pose, seed):
    """name -> Part of the pair's first or second class."""
    look, name_of_kind = pair.look(np.random.default_rng(seed)), pair.classes[kind]
    streams = ((name, draw, np.random.default_rng([seed, k])) for k, (name, draw) in enumerate(pair.parts))
    return {name: draw(name_of_kind, pose, look, rng) for name, draw, rng in streams}


def filled(outline, transform=IDENTITY, size=SIZE):
    """The share of every pixel of the canvas that an outline covers."""
    canvas = np.zeros(size, np.float32)
    (left, top, right, bottom), alpha = coverage(outline, transform, size)
    canvas[top:bottom, left:right] = alpha
    return canvas


def visible_masks(parts):
    free, masks = np.ones(SIZE, np.float32), {}
    for name, part in reversed(parts.items()):
        cover = filled(part.outline, UNIT)
        masks[name] = cover * free > 0.5
        free *= 1 - cover
    return masks


def test_coverage_of_a_box_is_its_area():
    cover = filled(box(10, 20, 30, 60))
    assert cover.sum() == pytest.approx(20 * 40, rel=0.02)
    assert cover[25:55, 15:25].min() == 1
    assert cover[:, 31:].max() == 0 == cover[:19].max()


def test_coverage_of_an_ellipse_is_its_area():
    assert filled(ellipse(64, 64, 30, 20, 0.4, points=80)).sum() == pytest.approx(np.pi * 600, rel=0.02)


def test_overlapping_outlines_cover_their_union():
    assert filled((box(10, 10, 50, 50), box(30, 10, 70, 50))).sum() == pytest.approx(60 * 40, rel=0.03)


def test_an_outline_outside_the_canvas_paints_nothing():
    canvas = np.zeros((*SIZE, 3), np.float32)
    assert paint(canvas, Part(box(200, 0, 220, 20), (1, 1, 1)), IDENTITY, (0, -1)) == (None, None)
    assert canvas.max() == 0


def test_an_outline_across_the_border_is_cut_there():
    window, alpha = coverage(box(-50, -50, 10, 10), IDENTITY, SIZE)
    assert window[:2] == (0, 0)
    assert alpha.sum() == pytest.approx(100, rel=0.06)


def test_paint_changes_only_what_its_outline_covers():
    canvas = np.full((*SIZE, 3), 0.5, np.float32)
    part = Part(ellipse(64, 64, 20, 20), (0.9, 0.1, 0.1), shine=0.3, details=(Part(box(0, 60, 128, 68), (0, 0, 1)),))
    paint(canvas, part, IDENTITY, (-0.5, -0.8))
    assert (canvas[filled(part.outline) == 0] == 0.5).all()
    assert canvas.min() >= 0
    assert canvas.max() <= 1


def test_a_round_part_is_brighter_on_the_side_of_the_light():
    canvas = np.zeros((*SIZE, 3), np.float32)
    paint(canvas, Part(ellipse(64, 64, 40, 40), (0.5, 0.5, 0.5), strength=0, volume=1), IDENTITY, (-1.0, 0.0))
    assert canvas[64, 30].mean() > canvas[64, 98].mean() + 0.05


def test_smooth_passes_through_its_points():
    points = [(0, 0), (10, 2), (8, 9), (1, 7)]
    assert smooth(*points, steps=5)[::5] == pytest.approx(np.array(points))


def test_a_stroke_has_the_width_it_is_given():
    assert filled(stroke((20, 64), (60, 64), (100, 64), width=8)).sum() == pytest.approx(640, rel=0.05)


def test_a_quarter_turn_is_clockwise_on_the_screen():
    assert turned(polygon((1, 0)), np.pi / 2) == pytest.approx(np.array([[0, 1]]), abs=1e-12)


@pytest.mark.parametrize("name", TEXTURES)
def test_a_texture_is_periodic_with_mean_zero_and_deviation_one(name):
    for level in (0, 2):
        tile = texture_tile(name, level)
        assert tile.mean() == pytest.approx(0, abs=1e-3)
        assert tile.std() == pytest.approx(1, abs=1e-3)
    once = sampled(name, np.array([[1.0, 0, 5], [0, 1, 7]]), (40, 40))
    again = sampled(name, np.array([[1.0, 0, 5 + 256], [0, 1, 7 - 256]]), (40, 40))
    assert once == pytest.approx(again, abs=1e-4)


def test_an_unknown_texture_is_refused_by_name():
    with pytest.raises(ValueError, match="texture: expected one of .*'fur'.*, got 'silk'"):
        texture_tile("silk")


def test_there_are_ten_classes_in_the_order_of_the_paper():
    assert CLASSES == (
        "robin", "bald eagle", "golden retriever", "german shepherd", "bullet train",
        "steam locomotive", "pickup", "police van", "oboe", "saxophone",
    )  # fmt: skip


pairs = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.classes[0])


@pairs
def test_a_pair_has_three_to_seven_parts_and_one_or_two_that_tell(pair):
    names = [name for name, _ in pair.parts]
    assert 3 <= len(names) <= 7
    assert len(set(names)) == len(names)
    assert 1 <= len(pair.telling) <= 2
    assert set(pair.telling) <= set(names)


@pairs
def test_shared_parts_are_the_same_in_both_classes(pair):
    for pose in (0, 1):
        one, other = drawn(pair, 0, pose, 3), drawn(pair, 1, pose, 3)
        for name in one.keys() - set(pair.telling):
            assert repr(one[name]) == repr(other[name]), name
        for name in pair.telling:
            assert repr(one[name]) != repr(other[name]), name


@pairs
def test_telling_parts_are_large_enough_and_never_hidden(pair):
    for kind in (0, 1):
        for pose in (0, 1):
            for seed in range(4):
                masks = visible_masks(drawn(pair, kind, pose, seed))
                for name in pair.telling:
                    columns = np.nonzero(masks[name])[1]
                    assert len(set(columns)) >= 12, (name, kind, pose, seed)


@pairs
def test_the_two_silhouettes_of_a_pair_are_almost_the_same(pair):
    for pose in (0, 1):
        for seed in range(4):
            one, other = (
                np.max([filled(part.outline, UNIT) for part in drawn(pair, kind, pose, seed).values()], axis=0) > 0.5
                for kind in (0, 1)
            )
            assert (one & other).sum() / (one | other).sum() > 0.95, (pose, seed)


@pairs
def test_the_two_poses_differ(pair):
    one, other = (
        np.max([filled(part.outline, UNIT) for part in drawn(pair, 0, pose, 0).values()], axis=0) > 0.5
        for pose in (0, 1)
    )
    assert (one & other).sum() / (one | other).sum() < 0.9


@pairs
def test_an_object_stays_within_its_units(pair):
    for kind in (0, 1):
        for pose in (0, 1):
            for name, part in drawn(pair, kind, pose, 5).items():
                outlines = part.outline if isinstance(part.outline, tuple) else (part.outline,)
                assert max(np.abs(outline).max() for outline in outlines) < 1.2, name
