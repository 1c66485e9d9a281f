import ast
import math
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import pytest
import torch
from matplotlib.figure import Figure

import xai_utils.plotting
from xai_utils.papers.visual_summaries import Summary
from xai_utils.plotting import (
    branches,
    chart,
    contact_sheet,
    curves,
    cut_out,
    grouped_bars,
    interval_bars,
    matrix,
    outlined,
    overlay,
    ranking,
    red_parts,
    scatter,
    show_images,
    show_maps,
    show_summaries,
    style,
    summary_tiles,
)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(2, 3, 12, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def maps() -> torch.Tensor:
    return torch.randn(2, 12, 16, generator=torch.Generator().manual_seed(1))


def pixels(axis) -> torch.Tensor:
    return torch.as_tensor(axis.images[0].get_array().copy())


def test_a_map_of_zeros_leaves_the_grey_picture_at_half_strength(images):
    drawn = overlay(images, torch.zeros(2, 12, 16))
    grey = images.movedim(1, -1) @ torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(drawn, (0.5 + 0.5 * grey)[:, None].expand(-1, 3, -1, -1))


def test_evidence_for_is_red_and_evidence_against_blue(images):
    maps = torch.full((2, 12, 16), 2.0)
    maps[1] = -2.0
    red, _, blue = overlay(images, maps).mean((2, 3)).unbind(1)
    assert red[0] > blue[0] + 0.2
    assert blue[1] > red[1] + 0.2


def test_the_same_magnitude_is_equally_opaque_on_both_sides(images):
    white = torch.ones(1, 3, 1, 2)
    plus, minus = overlay(white, torch.tensor([[[0.1, -0.1]]]), limit=1.0)[0].unbind(-1)
    assert abs(float((1 - plus).norm() - (1 - minus).norm())) < 0.06


def test_values_beyond_the_limit_are_clipped(images, maps):
    big = maps.sign() * 5
    torch.testing.assert_close(overlay(images, big, limit=5.0), overlay(images, big * 9, limit=5.0))


def test_the_overlay_follows_the_maps_and_nothing_but_their_ratio_to_the_limit(images, maps):
    torch.testing.assert_close(overlay(images, maps), overlay(images, 1000 * maps))
    assert overlay(images, maps).shape == images.shape
    assert 0 <= overlay(images, maps).min() <= overlay(images, maps).max() <= 1


def test_maps_without_a_sign_use_one_hue(images):
    drawn = overlay(torch.ones(1, 3, 1, 3), torch.tensor([[[0.2, 0.6, 1.0]]]))[0]
    lightness = drawn.mean(0)[0]
    assert lightness[0] > lightness[1] > lightness[2]
    assert (drawn[2] > drawn[1]).all()  # purple throughout


def test_cut_out_keeps_the_regions_and_pales_the_rest(images):
    regions = torch.zeros(2, 12, 16, dtype=torch.bool)
    regions[:, :6] = True
    drawn = cut_out(images, regions)
    torch.testing.assert_close(drawn[:, :, :6], images[:, :, :6])
    assert drawn[:, :, 6:].min() >= 0.75


def test_show_maps_draws_pictures_then_rows_with_one_colour_bar(images, maps):
    figure = show_maps(images, {"first": maps, "second": -maps}, columns=["a", "b"], unit="bits")
    *panels, bar = figure.axes
    assert len(panels) == 6
    assert [axis.get_title() for axis in panels[:2]] == ["a", "b"]
    assert [axis.get_ylabel() for axis in panels[::2]] == ["", "first", "second"]
    torch.testing.assert_close(pixels(panels[0]), images[0].movedim(0, -1))
    assert bar.get_ylabel() == "bits"
    low, high = bar.get_ylim()
    assert low == -high == pytest.approx(-float(maps.abs().max()))


def test_show_maps_lays_a_single_picture_and_its_maps_in_one_row(images, maps):
    figure = show_maps(images[:1], {"marginal": maps[:1], "conditional": maps[:1]}, columns=["robin"])
    assert [axis.get_title() for axis in figure.axes[:3]] == ["robin", "marginal", "conditional"]
    assert len({round(axis.get_position().y0, 6) for axis in figure.axes}) == 1


@pytest.mark.parametrize(("maps_of_it", "lines"), [(3, [4]), (4, [3, 2]), (6, [4, 3])])
def test_many_maps_of_a_single_picture_go_on_in_even_lines_beside_one_colour_bar(images, maps, maps_of_it, lines):
    *panels, bar = show_maps(images[:1], {f"{i}": maps[:1] for i in range(maps_of_it)}).axes
    heights = [round(axis.get_position().y0, 6) for axis in panels]
    assert [heights.count(height) for height in dict.fromkeys(heights)] == lines
    assert [axis.get_title() for axis in panels] == ["", *map(str, range(maps_of_it))]
    assert bar.get_position().x0 > max(axis.get_position().x1 for axis in panels)


def test_colour_bars_above_one_another_name_their_unit_once(images, maps):
    figure = show_maps(images, {"small": maps, "large": 10 * maps}, limit="row", unit="activation difference")
    assert [axis.get_ylabel() for axis in figure.axes[6:]] == ["", ""]
    assert [text.get_text() for text in figure.texts] == ["activation difference"]


def test_limits_are_shared_or_per_row_or_per_map_or_given(images, maps):
    both = {"small": maps, "large": 10 * maps}
    largest = float(maps.abs().max())
    assert len(show_maps(images, both).axes) == 6 + 1
    assert [a.get_ylim()[1] for a in show_maps(images, both, limit="row").axes[6:]] == pytest.approx(
        [largest, 10 * largest]
    )
    assert [a.get_ylim()[1] for a in show_maps(images, both, limit="each").axes[6:]] == [1.0]
    assert show_maps(images, both, limit=3.0).axes[-1].get_ylim() == (-3.0, 3.0)
    with pytest.raises(ValueError, match="limit: expected one of 'shared', 'row', 'each', got 'mine'"):
        show_maps(images, both, limit="mine")


def test_maps_of_a_single_picture_with_a_scale_each_carry_it_underneath(images, maps):
    figure = show_maps(images[:1], {"small": maps[:1], "large": 10 * maps[:1]}, limit="row")
    panels, bars = figure.axes[1:3], figure.axes[3:]
    for panel, bar in zip(panels, bars, strict=True):
        assert bar.get_position().y1 < panel.get_position().y0
        assert bar.get_position().x0 == pytest.approx(panel.get_position().x0)
    assert bars[1].get_xlim()[1] == pytest.approx(10 * bars[0].get_xlim()[1])
    left, right = pixels(bars[0])[0, 0], pixels(bars[0])[0, -1]
    assert left[2] > left[0]  # blue on the negative side
    assert right[0] > right[2]


def test_each_map_on_its_own_scale_reaches_full_colour(images):
    maps = torch.zeros(2, 12, 16)
    maps[0, 0, 0], maps[1, 0, 0] = 1.0, 100.0
    axes = show_maps(images, maps, limit="each", over=False).axes
    torch.testing.assert_close(pixels(axes[2])[0, 0], pixels(axes[3])[0, 0])


def test_a_row_may_be_drawn_without_its_pictures(images):
    zeros = torch.zeros(2, 12, 16)
    axes = show_maps(images, {"plain": zeros, "laid over": zeros}, over=["laid over"]).axes
    assert pixels(axes[2]).min() == 1
    assert pixels(axes[4]).min() < 1


def test_a_mapping_of_signed_and_unsigned_rows_keeps_two_scales(images, maps):
    axes = show_maps(images, {"signed": maps, "unsigned": maps.abs()}, limit="row").axes
    assert [len(axis.get_yticks()) for axis in axes[6:]] == [3, 2]


def test_titles_stand_above_their_maps(images, maps):
    axes = show_maps(images, {"m": maps}, titles={"m": ["p = 0.9", "p = 0.1"]}).axes
    assert [axis.get_title() for axis in axes[2:4]] == ["p = 0.9", "p = 0.1"]


def test_maps_that_do_not_belong_to_the_images_are_refused(images, maps):
    with pytest.raises(ValueError, match="maps: expected shape"):
        show_maps(images, maps[:, :5])
    with pytest.raises(ValueError, match="images: expected RGB"):
        show_images(images * 255)


def test_show_images_wraps_after_its_columns(images):
    figure = show_images(torch.cat([images] * 3), columns=4, titles=["a", "b"])
    assert len(figure.axes) == 6
    assert len({round(axis.get_position().y0, 6) for axis in figure.axes}) == 2


def test_a_contact_sheet_places_pictures_in_reading_order(images):
    figure = contact_sheet(torch.cat([images] * 2)[:3], columns=2, rows=["one", "two"])
    sheet = pixels(figure.axes[0])
    torch.testing.assert_close(sheet[:12, :16], images[0].movedim(0, -1))
    torch.testing.assert_close(sheet[13:25, :16], images[0].movedim(0, -1))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["one", "two"]


def test_curves_begin_at_their_start_and_show_every_value():
    axis = curves({"a": [3.0, 2.0, 1.0], "b": [1.0, 1.0]}, xlabel="epoch", ylabel="loss", start=1).axes[0]
    assert [line.get_xdata().tolist() for line in axis.lines] == [[1, 2, 3], [1, 2]]
    assert axis.lines[0].get_ydata().tolist() == [3, 2, 1]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["a", "b"]


def test_grouped_bars_stand_at_their_labels_and_missing_ones_are_left_out():
    values = {
        "share": {"seen": [0.2, 0.8], "new": [0.4, 0.6]},
        "accuracy": {"seen": [float("nan"), 1.0], "new": [1, 0]},
    }
    first, second = grouped_bars(values, ["low", "high"], xlabel="score").axes
    assert [bar.get_height() for bar in first.patches] == [0.2, 0.8, 0.4, 0.6]
    assert [round(bar.get_x() + bar.get_width() / 2, 2) for bar in first.patches] == [-0.2, 0.8, 0.2, 1.2]
    assert sum(bar.get_height() == bar.get_height() for bar in second.patches) == 3
    with pytest.raises(ValueError, match="expected 1 values for 'seen', got 2"):
        grouped_bars(values, ["low"], xlabel="score")


def test_interval_bars_show_accuracy_beside_share():
    of = [
        SimpleNamespace(low=-math.inf, share=0.75, accuracy=0.5, sure=(0.4, 0.6)),
        SimpleNamespace(low=-0.7, share=0.25, accuracy=1.0, sure=(0.7, 1.0)),
    ]
    first, second = interval_bars({"seen": of}).axes
    assert [bar.get_height() for bar in first.patches] == [0.5, 1.0]
    assert [bar.get_height() for bar in second.patches] == [0.75, 0.25]
    assert [label.get_text() for label in second.get_xticklabels()] == ["lower", "-0.7"]
    assert [tuple(line.get_ydata()) for line in first.lines] == [(0.4, 0.6), (0.7, 1.0)]
    assert not second.lines


def test_a_matrix_says_its_numbers_on_a_symmetric_scale():
    axis = matrix(torch.tensor([[1.0, -0.5], [-0.5, 0.2]]), ["a", "b"], unit="cosine").axes[0]
    assert [text.get_text() for text in axis.texts] == ["1.0", "-0.5", "-0.5", "0.2"]
    assert axis.images[0].get_clim() == (-1, 1)


@pytest.mark.parametrize("bars", [False, True])
def test_a_chart_shows_every_series_with_its_interval(bars):
    table = {"alexnet": {"a": (0.5, 0.4, 0.7), "b": (0.2, 0.1, 0.3)}, "vgg": {"b": (0.6, 0.5, 0.8)}}
    figure = chart(table, xlabel="accuracy", reference=0.1, bars=bars)
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
    ends = [segment[:, 0].tolist() for c in axis.collections for segment in c.get_segments()]
    assert sorted(round(end, 6) for pair in ends for end in pair) == [0.1, 0.3, 0.4, 0.5, 0.7, 0.8]


def test_a_ranking_keeps_its_order_and_colours_by_kind():
    values = {"LRP": (0.6, 0.5, 0.8), "edges": (0.4, 0.3, 0.5), "CAM": (0.1, 0.0, 0.3)}
    kinds = {"LRP": "baseline", "CAM": "baseline", "edges": "control"}
    figure = ranking(values, kinds, xlabel="order", reference=0.2, title="all")
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == list(values)
    assert axis.yaxis_inverted()  # the first one is on top
    points = {point: line.get_color() for line in axis.lines[:-1] for point in zip(*line.get_data(), strict=True)}
    assert points[0.6, 0] == points[0.1, 2] != points[0.4, 1]
    ends = [segment[:, 0].tolist() for c in axis.collections for segment in c.get_segments()]
    assert sorted(round(end, 6) for pair in ends for end in pair) == [0.0, 0.3, 0.3, 0.5, 0.5, 0.8]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["baseline", "control"]


def test_branches_lead_from_the_first_question_to_every_answer():
    axis = branches("what?", {"which part?": "PDA", "where?": "none"}).axes[0]
    assert [text.get_text() for text in axis.texts] == ["what?", "which part?", "PDA", "where?", "none"]
    starts, ends = zip(*((line.get_ydata()[0], line.get_ydata()[-1]) for line in axis.lines), strict=True)
    assert (set(starts), ends) == ({0.5}, (0, 1))


def test_the_regression_line_of_a_line_is_the_line():
    x = torch.arange(5.0)
    axis = scatter({"net": (x, 3 - 2 * x)}, xlabel="x", ylabel="y").axes[0]
    line = axis.get_lines()[0]
    assert line.get_xdata().tolist() == [0, 4]
    assert line.get_ydata().tolist() == pytest.approx([3, -5])
    assert "r = -1.00" in axis.get_legend().get_texts()[0].get_text()


def test_figures_show_themselves_in_a_notebook_and_leave_no_global_state(images, maps):
    before = dict(matplotlib.rcParams)
    figure = show_maps(images, maps)
    assert isinstance(figure, Figure)
    assert figure._repr_jpeg_().startswith(b"\xff\xd8")
    assert figure._repr_png_() is None
    assert chart({"a": {"b": (1, 0, 2)}}, xlabel="x")._repr_png_().startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == before
    with style():
        assert matplotlib.rcParams["axes.spines.top"] is False
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("package", ["plotting", "widgets"])
def test_importing_plots_and_widgets_imports_neither_matplotlib_nor_ipywidgets(package):
    for file in Path(xai_utils.plotting.__file__).parents[1].joinpath(package).glob("*.py"):
        for node in ast.parse(file.read_text()).body:  # only what runs on import
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] in ("matplotlib", "ipywidgets", "PIL", "IPython")]


# --- summaries --------------------------------------------------------------------------------------------------


@pytest.fixture
def summary():
    """One part in three pictures, the last two in the same place."""
    boxes = torch.tensor([[0, 0, 4, 4], [2, 2, 6, 8], [2, 2, 6, 8]])
    regions = torch.zeros(3, 12, 12, dtype=torch.bool)
    regions[:, :6, :6] = True
    return Summary(torch.tensor([2, 0, 1]), boxes, regions, 2, torch.ones(3), 0.5)


def test_a_part_is_red_only_inside_its_region(summary):
    pictures = torch.full((3, 3, 12, 12), 0.5)
    drawn = red_parts(pictures, summary.regions, summary.boxes)
    red, region, outside = drawn[1, :, 3, 3], drawn[1, :, 0, 0], drawn[1, :, 7, 3]
    assert red[0] > red[1] + 0.3
    assert torch.equal(region, torch.full((3,), 0.5))
    assert outside[0] == outside[1] > 0.9  # in the box, but not in the region
    with pytest.raises(ValueError, match="regions, boxes: expected shapes"):
        red_parts(pictures[:2], summary.regions, summary.boxes)


def test_a_figure_of_summaries_has_a_row_for_each(summary):
    figure = show_summaries(torch.rand(3, 3, 12, 12), [summary, summary], members=2)
    assert len(figure.axes) == 4
    assert [axis.get_title(loc="left") for axis in figure.axes if axis.get_title(loc="left")] == [
        "summary 1 (3 images)",
        "summary 2 (3 images)",
    ]
    with pytest.raises(ValueError, match="summaries: expected at least one, got none"):
        show_summaries(torch.rand(3, 3, 12, 12), [])


def test_small_summaries_always_have_the_same_size(summary):
    pictures = torch.zeros(3, 3, 12, 12)
    none, one = (summary_tiles(pictures, some, rows=2, members=4, side=6) for some in ([], [summary]))
    assert none.shape == one.shape == (3, 12, 24)
    assert (none == 1).all()
    assert (one[:, 6:] == 1).all()  # the second row is empty
    assert (one[:, :6, 18:] == 1).all()  # as is the fourth place of the first
    assert (one[:, :3, :3] < 1).any()


def test_boxes_keep_their_colours_from_picture_to_picture():
    pictures = torch.ones(2, 3, 20, 20)
    boxes = [torch.tensor([[1, 1, 8, 8], [10, 10, 18, 18]]), torch.tensor([[2, 2, 9, 9]])]
    drawn = outlined(pictures, boxes, scale=1)
    assert torch.equal(drawn[0, :, 1, 1], drawn[1, :, 2, 2])
    assert not torch.equal(drawn[0, :, 1, 1], drawn[0, :, 10, 10])
    same = outlined(pictures, boxes, colours=[[0, 0], [1]], scale=1)
    assert torch.equal(same[0, :, 1, 1], same[0, :, 10, 10])
    assert not torch.equal(same[0, :, 1, 1], same[1, :, 2, 2])
    assert torch.equal(outlined(pictures, [boxes[0][:0]] * 2, scale=1), pictures)
