import json
import re
from functools import partial
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
import torch
from matplotlib.figure import Figure

from xai_utils.plotting import show_maps
from xai_utils.widgets import explore, explore_figure

WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURES = {"dark": torch.full((1, 3, 12, 12), 0.2), "light": torch.full((1, 3, 12, 12), 0.8)}


def plain(images, maps):
    """A fast picture: the maps as grey values."""
    return maps[0].clamp(0, 1).expand(3, -1, -1)


class Recorder:
    """A method that remembers how it was asked."""

    def __init__(self):
        self.calls = []

    def __call__(self, images, target, *, patch=4, sampler="marginal"):
        self.calls.append((float(images.mean()), target, patch, sampler))
        if patch == 13:
            raise ValueError("patch: expected at most 12, got 13")
        return images.mean(1) * patch / 16


@pytest.fixture
def method():
    return Recorder()


@pytest.fixture
def explorer(method):
    return explore(
        method,
        PICTURES["dark"],
        3,
        draw=plain,
        patch=(4, 8, 13),
        sampler=("marginal", "conditional"),
        labels={"patch": "patch size (pixels)"},
        title="A <toy> method",
    )


@pytest.fixture
def ready(method):
    """An explorer without a failing setting, for the page."""
    return lambda **more: explore(
        method,
        PICTURES["dark"],
        3,
        draw=plain,
        patch=(4, 8, 12),
        sampler=("marginal", "</script>"),
        labels={"patch": "patch size (pixels)"},
        title="A <toy> method",
        precompute=True,
        **more,
    )


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def named(self, *names):
        return [attrs for tag, attrs in self.found if tag in names]


def page_data(text):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)[1])


# Settings


def test_settings_are_given_by_value_or_by_name(explorer):
    assert explorer.setting() == {"patch": 4, "sampler": "marginal"}
    assert explorer.setting(patch=8, sampler="conditional") == {"patch": 8, "sampler": "conditional"}
    assert explorer.setting(patch="8") == {"patch": 8, "sampler": "marginal"}


def test_the_extremes_are_the_corners_of_the_grid(explorer):
    corners = [tuple(setting.values()) for setting in explorer.extremes()]
    assert corners == [("4", "marginal"), ("4", "conditional"), ("13", "marginal"), ("13", "conditional")]


def test_an_unknown_setting_says_what_there_is(explorer):
    with pytest.raises(ValueError, match="patch: expected one of 4, 8, 13, got 5"):
        explorer.setting(patch=5)
    with pytest.raises(ValueError, match="setting: expected keywords patch, sampler, got stride"):
        explorer.picture(stride=1)


def test_a_picture_asks_the_method_with_its_values_and_only_once(explorer, method):
    for _ in range(2):
        pixels = explorer.picture(patch=8, sampler="conditional")
    assert method.calls == [(pytest.approx(0.2), 3, 8, "conditional")]
    assert pixels.shape == (480, 480, 3)
    assert pixels.unique().tolist() == [round(255 * 0.1)]


def test_what_goes_wrong_is_raised_with_the_setting(explorer):
    with pytest.raises(ValueError, match="patch: expected at most 12") as raised:
        explorer.picture(patch=13)
    assert "patch size (pixels): 13, sampler: marginal" in raised.value.__notes__[0]


def test_model_images_and_target_can_be_knobs():
    def ask(model, images, target, *, patch):
        return images.mean(1) * model * patch + target

    explorer = explore(
        ask,
        None,
        None,
        draw=plain,
        model={"half": 0.5, "whole": 1.0},
        images=PICTURES,
        target={"robin": 0, "eagle": 0.1},
        patch=(1, 2),
    )
    assert explorer.setting(images="light", model="whole")["images"] is PICTURES["light"]
    seen = explorer.picture(model="whole", images="light", target="eagle", patch=1)
    assert seen.unique().tolist() == [round(255 * 0.9)]


def test_a_bound_generator_is_rewound_so_that_a_setting_shows_the_same_draws():
    def noise(images, target, *, size, generator):
        return torch.rand(images[:, 0].shape, generator=generator)

    generator = torch.Generator().manual_seed(3)
    make = partial(explore, partial(noise, generator=generator), PICTURES["dark"], 0, draw=plain, size=(1, 2))
    first, again = make(), make()
    first.picture(size=1)
    torch.testing.assert_close(first.picture(size=2), again.picture(size=2))


@pytest.mark.parametrize(
    ("grid", "error", "message"),
    [
        ({}, ValueError, "grid: expected at least one keyword"),
        ({"patch": (4,)}, ValueError, "patch: expected two or more different choices, got 4"),
        ({"patch": (4, 4)}, ValueError, "patch: expected two or more"),
        ({"patch": 4}, TypeError, "patch: expected a tuple or a dict of choices, got int"),
        ({"patch": "48"}, TypeError, "patch: expected a tuple or a dict"),
        ({"model": (SimpleNamespace(), SimpleNamespace())}, TypeError, "model: expected numbers or strings, or a dict"),
        ({"patch": range(20), "stride": range(10)}, ValueError, r"at most 150 settings .* got 200 \(20 patch x 10 str"),
        ({"patch": (1, 2), "labels": {"size": "x"}}, ValueError, r"labels: expected keywords of the grid \(patch\)"),
    ],
)
def test_a_grid_that_makes_no_control_is_refused(grid, error, message):
    with pytest.raises(error, match=message):
        explore(Recorder(), PICTURES["dark"], 0, **grid)


def test_a_live_only_control_may_be_larger_than_a_page():
    explorer = explore(Recorder(), PICTURES["dark"], 0, precompute=False, patch=range(1, 400))
    assert len(explorer.knobs["patch"].names) == 399


def test_draw_must_return_a_picture():
    with pytest.raises(TypeError, match="draw: expected it to return a figure or RGB"):
        explore_figure(lambda size: size, size=(1, 2)).picture()


# With a kernel


def test_numbers_get_a_slider_and_strings_a_menu_that_wait_for_the_hand(explorer):
    patch, sampler = explorer.live.controls.values()
    assert type(patch).__name__ == "SelectionSlider"
    assert patch.continuous_update is False
    assert patch.description == "patch size (pixels)"
    assert type(sampler).__name__ == "Dropdown"


def test_moving_a_control_asks_the_method_once_per_setting(explorer, method):
    live = explorer.live
    first = live.picture
    live.controls["patch"].value = 1
    second = live.picture
    live.controls["patch"].value = 0
    assert live.picture == first != second
    assert [call[2] for call in method.calls] == [4, 8]
    assert "patch size (pixels): 4, sampler: marginal" in first
    assert "alt=" in first
    assert "<toy>" not in first


def test_every_extreme_of_the_live_controls_answers(explorer):
    for setting in explorer.extremes():
        for name, choice in setting.items():
            explorer.live.controls[name].value = explorer.knobs[name].index(choice)
        assert bool(explorer.live.message) == (setting["patch"] == "13")


def test_an_error_becomes_a_message_instead_of_the_old_picture_and_is_not_kept(explorer):
    live = explorer.live
    live.controls["patch"].value = 2
    assert "ValueError: patch: expected at most 12, got 13" in live.message
    assert "Traceback" in live.message
    assert live.picture == ""
    live.controls["patch"].value = 1
    assert live.message == ""
    assert "<img" in live.picture


def test_an_interrupt_stops_the_call_and_leaves_the_controls_alive():
    def slow(*, size):
        if size == 2:
            raise KeyboardInterrupt
        return torch.full((3, 4, 4), 0.5)

    live = explore_figure(slow, size=(1, 2, 3)).live
    live.controls["size"].value = 1
    assert "Stopped" in live.message
    live.controls["size"].value = 2
    assert live.message == ""


def test_a_method_that_takes_progress_moves_the_bar():
    seen = []

    def method(images, target, *, patch, progress):
        for _ in progress(range(patch)):
            seen.append(None)
        return images.mean(1)

    explorer = explore(method, PICTURES["dark"], 0, draw=plain, patch=(2, 5))
    bar = explorer.live._bar
    assert len(seen) == 2
    assert bar.max == 2
    assert bar.value >= 1
    assert bar.layout.visibility == "hidden"
    explorer.live.controls["patch"].value = 1
    assert len(seen) == 7


def test_a_session_with_a_kernel_computes_only_what_it_shows(explorer, method, monkeypatch):
    monkeypatch.delenv("XAI_BOOK", raising=False)
    bundle = explorer._repr_mimebundle_()
    assert bundle[WIDGET]["model_id"] == explorer.live.view.model_id
    assert "run this cell" in bundle["text/html"]
    assert "A &lt;toy&gt; method" in bundle["text/html"]
    assert len(method.calls) == 1


# Without a kernel


def test_precomputing_gives_both_lives_in_one_bundle(ready, method, monkeypatch):
    monkeypatch.delenv("XAI_BOOK", raising=False)
    bundle = ready()._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", WIDGET}
    assert len(method.calls) == 6


def test_a_book_build_gets_the_page_alone(method, monkeypatch):
    monkeypatch.setenv("XAI_BOOK", "1")
    bundle = explore(method, PICTURES["dark"], 3, draw=plain, patch=(4, 8))._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert "<img" in bundle["text/html"]


def test_the_page_is_the_same_for_the_same_grid_and_another_for_another(ready, method):
    assert ready().page() == ready().page()
    other = explore(method, PICTURES["dark"], 3, draw=plain, patch=(4, 8), precompute=True).page()
    ids = [re.search(r'<div id="(explore-[0-9a-f]+)"', text)[1] for text in (ready().page(), other)]
    assert ids[0] != ids[1]


def test_the_page_asks_nothing_of_the_network_and_leaves_no_globals(ready):
    text = ready().page()
    assert not re.search(r"https?:|//cdn|import\(|@import", re.sub(r"base64,[^\"]*", "", text))
    tags = Tags(text)
    assert all("src" not in script for script in tags.named("script"))
    assert all(image["src"].startswith("data:image/webp;base64,") for image in tags.named("img"))
    script = text.split("<script>")[1].strip()
    assert script.startswith("(function () {")
    assert script.split("</script>")[0].strip().endswith("})();")


def test_the_page_holds_a_frame_and_a_caption_for_every_setting(ready):
    explorer = ready()
    data = page_data(explorer.page())
    assert data["names"] == [["4", "8", "12"], ["marginal", "</script>"]]
    assert len(data["captions"]) == 6
    assert len(data["frames"]) == 5  # the first one is the image that is shown without a script
    assert data["captions"][3] == "patch size (pixels): 8, sampler: </script>"
    assert len(set(data["frames"])) == 3  # one for each patch: the toy ignores its sampler


def test_controls_are_native_labelled_and_hidden_until_the_script_runs(ready):
    tags = Tags(ready().page())
    controls = tags.named("input", "select")
    assert [control.get("type") for control in controls] == ["range", None]
    assert {label["for"] for label in tags.named("label")} == {control["id"] for control in controls}
    assert controls[0]["max"] == "2"
    assert controls[0]["aria-valuetext"] == "4"
    assert "hidden" in next(d for d in tags.named("div") if d.get("class") == "knobs")
    assert [c["aria-live"] for c in tags.named("figcaption")] == ["polite"]
    (image,) = tags.named("img")
    assert image["alt"] == "A <toy> method: patch size (pixels): 4, sampler: marginal"


def test_a_sentence_of_draw_stands_under_the_picture_and_in_the_alt_text():
    def draw(size):
        return torch.full((3, 4, 4), size / 10), f"The mean is {size / 10}."

    explorer = explore_figure(draw, size=(1, 5), title="A mean")
    text = explorer.page()
    assert 'alt="A mean: size: 1. The mean is 0.1."' in text
    assert page_data(text)["captions"][1] == "size: 5. The mean is 0.5."
    assert "The mean is 0.1." in explorer.live.picture


def test_frames_shrink_until_the_control_is_small_enough():
    def noise(seed):
        return torch.rand(3, 1600, 1600, generator=torch.Generator().manual_seed(seed)).sqrt()

    explorer = explore_figure(noise, seed=(1, 2))
    with pytest.raises(ValueError, match="draw: expected pictures of at most"):
        explorer.page()

    def smooth(seed):
        small = torch.rand(1, 3, 30, 30, generator=torch.Generator().manual_seed(seed))
        return torch.nn.functional.interpolate(small, 960, mode="bicubic").clamp(0, 1)[0]

    text = explore_figure(smooth, seed=tuple(range(4))).page()
    frames = page_data(text)["frames"]
    assert max(map(len, frames)) <= 40_000 * 4 / 3 + 64


def test_figures_become_frames_at_their_own_size(method):
    explorer = explore(method, PICTURES["dark"], 0, draw=partial(show_maps, unit="bits"), patch=(4, 8))
    figure = show_maps(PICTURES["dark"], torch.ones(1, 12, 12))
    height, width, _ = explorer.picture().shape
    assert isinstance(figure, Figure)
    assert (width, height) == pytest.approx(tuple(150 * figure.get_size_inches()), abs=1)
