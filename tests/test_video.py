"""Video saliency: scenes that move, clips that are read and written, and what steadiness means."""

import gc
import weakref
from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from xai_utils.experiments.realtime_saliency import video
from xai_utils.experiments.realtime_saliency.video import __main__ as command_line
from xai_utils.experiments.realtime_saliency.video import clips, measures
from xai_utils.experiments.records import read_records
from xai_utils.models import load_model
from xai_utils.papers.realtime_saliency import LAYERS, MaskingModel, realtime_saliency
from xai_utils.parts import CLASSES, Parts, draw_scene


@pytest.fixture(scope="module")
def masking_model():
    torch.manual_seed(0)
    return MaskingModel(load_model("parts/resnet"), layers=LAYERS["parts/resnet"], base=4).eval()


@pytest.fixture(scope="module")
def scene():
    return draw_scene(8, label=2)


@pytest.fixture
def clip(tmp_path):
    """Twelve frames in which a light square goes to the right over a ground that is more red than blue."""
    frames = np.full((12, 48, 64, 3), (120, 80, 40), np.uint8)
    for number, frame in enumerate(frames):
        frame[16:32, 3 * number : 3 * number + 16] = 240
    file = tmp_path / "clip.avi"
    assert video.write_clip(file, frames) == 12
    return file, frames


# --- scenes that move -------------------------------------------------------------------------------------------------


def test_an_animation_begins_with_the_scene_and_comes_back_to_it(scene):
    shown = list(video.animation(scene, 120))
    assert len(shown) == 120
    assert torch.equal(shown[0].image, scene.image)
    assert torch.equal(shown[0].region, scene.region)
    regions = torch.stack([one.region for one in shown[::10]])
    centres = [region.nonzero().float().mean(dim=0)[1].item() for region in regions]
    assert max(centres) - min(centres) > 20  # it really moves
    assert torch.equal(shown[60].region, scene.region)  # half of the round is the place where it began
    neighbours = measures.overlap(shown[-1].region[None], shown[0].region[None])
    assert neighbours > 0.85  # and so is its end: it can be played in a loop


def test_boxes_and_regions_go_with_the_object_and_the_place_stays(scene):
    moved = next(islice(video.animation(scene, 120), 20, None))
    left, top, right, bottom = moved.box
    outside = torch.ones(128, 128, dtype=torch.bool)
    outside[top:bottom, left:right] = False
    assert not (moved.region & outside).any()
    touched = torch.stack([*scene.objects[0].amodal.values(), *moved.objects[0].amodal.values()]).any(dim=0)
    far = torch.from_numpy(cv2.dilate(touched.numpy().astype(np.uint8), np.ones((13, 13), np.uint8)) == 0)
    difference = (moved.image - scene.image).abs().mean(dim=0)
    assert difference[far].mean() < 0.5 * difference[scene.region].mean()  # only the noise is another


def test_the_interventions_work_on_what_moved(scene):
    moved = next(islice(video.animation(scene, 120), 20, None))
    name = max(moved.parts, key=lambda part: moved.parts[part].sum())
    changed = (moved.without(name).image != moved.image).any(dim=0)
    assert changed[moved.parts[name]].float().mean() > 0.9


def test_a_clip_that_stands_still_has_other_noise_in_each_frame(scene):
    first, second, third = islice(video.animation(scene, 120, moving=False), 3)
    assert torch.equal(first.region, second.region)
    differences = [(one.image - other.image).std() for one, other in ((first, second), (second, third))]
    noise = scene.difficulty.noise[1]
    assert all(0 < difference < 2 * noise for difference in differences)


# --- from frames to frames --------------------------------------------------------------------------------------------


def test_each_frame_has_the_mask_that_it_has_as_a_picture(masking_model, scene):
    (frame, keep), *rest = video.saliency_of_frames(masking_model, [scene.pixels()] * 2, scene.label)
    assert len(rest) == 1
    alone = realtime_saliency(masking_model, scene.image[None], scene.label)[0]
    assert torch.allclose(torch.from_numpy(keep), alone, atol=1e-5)
    assert np.array_equal(frame, scene.pixels())


@pytest.mark.parametrize("size", [(48, 64), (480, 640), (128, 128), (31, 200)])
def test_frames_of_any_size_keep_it(masking_model, size):
    frame = np.zeros((*size, 3), np.uint8)
    ((same, keep),) = video.saliency_of_frames(masking_model, [frame], 0)
    assert same is frame
    assert keep.shape == size
    assert 0 <= keep.min() <= keep.max() <= 1


def test_the_class_can_change_from_frame_to_frame(masking_model, scene):
    frames = [scene.pixels()] * 3
    masks = [keep for _, keep in video.saliency_of_frames(masking_model, frames, [4, 7, 4])]
    assert np.array_equal(masks[0], masks[2])
    assert not np.array_equal(masks[0], masks[1])


def test_an_endless_clip_is_masked_one_frame_at_a_time(masking_model):
    """Memory stays: no frame outlives its turn."""
    seen = []

    class Frame(np.ndarray):
        pass

    def camera():
        while True:
            frame = np.zeros((32, 32, 3), np.uint8).view(Frame)
            seen.append(weakref.ref(frame))
            yield frame

    for _ in islice(video.saliency_of_frames(masking_model, camera(), 0), 20):
        assert sum(frame() is not None for frame in seen) <= 3


@pytest.mark.parametrize(
    ("frames", "target", "said"),
    [
        ([np.zeros((8, 8, 3), np.uint8)], 99, "target: expected classes in 0..9"),
        ([np.zeros((8, 8), np.uint8)], 0, r"frames: expected RGB.* got uint8 \[8, 8\] as number 0"),
        ([np.zeros((8, 8, 3))], 0, "got float64"),
        (["frame"], 0, "got str"),
        ([np.zeros((8, 8, 3), np.uint8)], [12], "target: expected classes in 0..9"),
    ],
)
def test_what_is_no_frame_or_no_class_is_refused(masking_model, frames, target, said):
    with pytest.raises(ValueError, match=said):
        list(video.saliency_of_frames(masking_model, frames, target))


def test_a_clip_is_read_in_rgb_frame_by_frame(clip):
    file, frames = clip
    read = list(video.read_clip(file))
    assert len(read) == len(frames)
    assert read[0].shape == (48, 64, 3)
    assert abs(read[5].astype(int) - frames[5]).mean() < 5  # MJPG loses a little; red and blue are 80 apart


class Capture:
    """Stands for a camera that never ends."""

    released = 0

    def __init__(self, source):
        self.source = source

    def isOpened(self):
        return self.source != 9

    def read(self):
        return True, np.zeros((8, 8, 3), np.uint8)

    def release(self):
        Capture.released += 1


def test_a_camera_is_released_at_an_early_end_and_after_an_error(monkeypatch, masking_model):
    monkeypatch.setattr(clips.cv2, "VideoCapture", Capture)
    Capture.released = 0
    frames = video.read_clip(0)
    assert len(list(islice(frames, 3))) == 3
    frames.close()
    assert Capture.released == 1
    with pytest.raises(ValueError, match="target"):
        list(video.saliency_of_frames(masking_model, video.read_clip(0), [0, 0, 10]))
    gc.collect()
    assert Capture.released == 2
    with pytest.raises(ValueError, match="clip: expected .* got 9, which cannot be opened"):
        video.read_clip(9)
    assert Capture.released == 3


def test_what_is_no_clip_is_refused(tmp_path):
    with pytest.raises(ValueError, match="clip: expected a video file"):
        video.read_clip(tmp_path / "nothing.avi")
    text = tmp_path / "text.avi"
    text.write_text("no video")
    with pytest.raises(ValueError, match="clip: .* cannot be opened"):
        video.read_clip(text)
    with pytest.raises(ValueError, match="file: expected a name that ends in"):
        video.write_clip(tmp_path / "clip.gif", [np.zeros((8, 8, 3), np.uint8)])
    with pytest.raises(ValueError, match="frames: expected at least one"):
        video.write_clip(tmp_path / "clip.avi", [])


@pytest.mark.parametrize("name", ["masked.webp", "masked.avi"])
def test_the_command_line_masks_a_users_clip(clip, tmp_path, masking_model, monkeypatch, name):
    monkeypatch.setattr(command_line, "load_masking_model", lambda black_box: masking_model)
    out = tmp_path / name
    words = ["--clip", str(clip[0]), "--class", CLASSES[3], "--black-box", "parts/resnet", "--out", str(out)]
    count, rate = command_line.mask_clip(command_line.parser().parse_args([*words, "--frames", "5"]))
    assert (count, out.exists()) == (5, True)
    assert rate > 1
    for wrong, said in ((words[:2], "class: expected the name"), ([*words, "--class", "zebra"], "got 'zebra'")):
        with pytest.raises(ValueError, match=said):
            command_line.mask_clip(command_line.parser().parse_args(wrong))


def test_the_command_line_moves_a_scene_when_there_is_no_clip():
    frames, name = command_line.chosen(command_line.parser().parse_args(["--scene", "3", "--frames", "4"]))
    scene = Parts("test").scene(3)
    assert name == scene.class_name
    assert np.array_equal(next(frames), scene.pixels())
    assert len(list(frames)) == 3


# --- steadiness -------------------------------------------------------------------------------------------------------


@pytest.fixture
def block():
    """A square of 16 x 16 that goes 4 pixels to the right in each of five frames."""
    regions = torch.zeros(5, 64, 64, dtype=torch.bool)
    for frame in range(5):
        regions[frame, 24:40, 4 * frame : 4 * frame + 16] = True
    return regions


def test_masks_that_are_the_object_are_as_steady_as_the_object(block):
    found = measures.steadiness_of(block.float(), block)
    moved = 16 * 12 / (16 * 20)  # of 16 columns 12 stay
    assert found["true"] == found["overlap"] == found["densest"] == pytest.approx(moved, abs=1e-4)
    assert found["flicker"] == found["restless"] == 0


def test_what_changes_far_from_the_object_is_flicker_and_what_changes_near_it_is_not(block):
    maps = block.float()
    maps[1::2, 60, :] = 0.4  # far: a row that comes and goes
    share = 64 / measures.still(block).sum(dim=(1, 2))
    found = measures.steadiness_of(maps, block)
    assert found["flicker"] == pytest.approx(float((0.4 * share).mean()), abs=1e-4)
    assert found["restless"] == pytest.approx(found["flicker"] / float(maps.mean()), rel=1e-3)
    assert found["overlap"] == measures.steadiness_of(block.float(), block)["overlap"]
    near = block.float()
    near[1::2, 24 - measures.MARGIN, :] = 0.4
    near[:, :, 40:] = 0
    assert measures.steadiness_of(near, block)["flicker"] < found["flicker"]


def test_nothing_above_one_half_is_nothing_to_compare(block):
    found = measures.steadiness_of(0.3 * block.float(), block)
    assert found["overlap"] is None
    assert found["densest"] == found["true"]


def test_still_pixels_are_a_margin_away_from_both_regions(block):
    still = measures.still(block)
    assert still.shape == (4, 64, 64)
    assert not still[0, 32, : 20 + measures.MARGIN].any()
    assert still[0, 32, 20 + measures.MARGIN :].all()


def test_scenes_are_resampled_and_those_without_a_value_left_out():
    def row(method, scene, moving, value):
        configuration = {"method": method, "scene": scene, "moving": moving, "frames": measures.BEGINNING}
        return {"configuration": configuration, "result": {"overlap": value, "true": 0.9}}

    rows = [row("masking model", 0, True, 0.5), row("masking model", 1, True, 0.5), row("gradient", 0, True, None),
            row("gradient", 1, True, 0.25), row("masking model", 0, False, 1.0)]  # fmt: skip
    found = measures.steadiness_by_method(rows, "overlap")
    assert found["masking model"] == pytest.approx((0.5, 0.5, 0.5))
    assert found["gradient"] == pytest.approx((0.25, 0.25, 0.25))
    assert found["true region"] == pytest.approx((0.9, 0.9, 0.9))


@pytest.mark.parametrize("method", ["masking model", "gradient"])
def test_a_row_from_frames_to_numbers(method, masking_model, monkeypatch):
    monkeypatch.setattr(measures, "load_masking_model", lambda name: masking_model)
    monkeypatch.setattr("xai_utils.experiments.realtime_saliency.tables.load_masking_model", lambda name: masking_model)
    found = measures.measure_steadiness(method, "parts/resnet", 100, 4, True)
    assert 0.5 < found["true"] < 1
    assert 0 <= found["densest"] <= 1
    speed = measures.measure_speed(method, "parts/resnet", 2, [64, 96], 1)
    assert speed["frames_per_second"] > 0
    assert speed["in_forwards"] > 0.5


def test_the_record_has_more_than_a_hundred_frames_and_all_methods():
    rows = read_records("video")
    assert measures.ROUND >= 100
    for moving in (True, False):
        found = video.steadiness_by_method(rows, "densest", moving=moving)
        assert found.keys() == {*measures.METHODS, "true region"}
        whole = video.steadiness_by_method(rows, "flicker", moving=moving, frames=measures.ROUND)
        assert whole.keys() == set(measures.METHODS) - {"iterative mask"}
    assert len(video.frame_rates(read_records("video_speed"))) == len(measures.METHODS) + 1


def test_a_cell_of_the_record_is_what_the_code_computes_today():
    beginning = {"frames": measures.BEGINNING, "moving": True, "scene": measures.SCENES[0]}
    rows = [row for row in read_records("video") if beginning.items() <= row["configuration"].items()]
    for row in rows:
        if row["configuration"]["method"] in ("masking model", "gradient"):
            found = measures.measure_steadiness(**row["configuration"])
            for name in ("densest", "true", "flicker"):
                assert found[name] == pytest.approx(row["result"][name], rel=0.05, abs=1e-3)
