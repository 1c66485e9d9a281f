"""Regions of crisp masks and object proposals: pictures whose answer is drawn into them."""

import pytest
import torch

from xai_utils.papers.visual_summaries import mask_regions, object_proposals


def picture_of(*boxes, size=(64, 64)):
    """A dark picture with bright rectangles: [1, 3, height, width]."""
    picture = torch.zeros(1, 3, *size)
    for shade, (left, top, right, bottom) in enumerate(boxes):
        picture[0, shade % 3, top:bottom, left:right] = 0.9
    return picture


def test_regions_are_separate_pieces_the_largest_first():
    maps = torch.zeros(1, 20, 20)
    maps[0, 1:4, 1:4] = 1
    maps[0, 8:18, 8:18] = 0.8
    (regions,) = mask_regions(maps)
    assert regions.dtype == torch.bool
    assert regions.sum(dim=(1, 2)).tolist() == [100, 9]
    assert torch.equal(regions.any(dim=0), maps[0] > 0.5)


def test_pixels_that_touch_at_a_corner_are_one_region():
    assert len(mask_regions(torch.eye(10)[None])[0]) == 1


def test_a_region_as_large_as_the_smallest_one_stays_and_a_smaller_one_goes():
    maps = torch.zeros(1, 10, 10)
    maps[0, 0, :4] = maps[0, 5, :3] = 1
    assert mask_regions(maps, smallest=0.04)[0].sum() == 4
    assert len(mask_regions(maps, smallest=0.05)[0]) == 0
    assert len(mask_regions(maps, smallest=0.0)[0]) == 2


def test_a_pixel_of_a_region_exceeds_the_threshold():
    maps = torch.full((2, 10, 10), 0.5)
    maps[1] = 0.6
    assert [len(regions) for regions in mask_regions(maps)] == [0, 1]
    assert [len(regions) for regions in mask_regions(maps, threshold=0.4)] == [1, 1]


def test_what_is_drawn_is_proposed():
    drawn = [[8, 6, 30, 24], [36, 34, 60, 58]]
    (boxes,) = object_proposals(picture_of(*drawn))
    assert boxes.dtype == torch.int64
    assert all(box in boxes.tolist() for box in drawn)


@pytest.mark.parametrize("mode", ["fast", "quality"])
def test_proposals_lie_in_the_picture_and_come_once(mode):
    picture = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(0))
    (boxes,) = object_proposals(picture, mode=mode)
    assert len(boxes) > 5
    assert len(boxes.unique(dim=0)) == len(boxes)
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= torch.tensor([60, 40])).all()
    assert ((boxes[:, 2:] - boxes[:, :2]) >= 8).all()


def test_proposals_do_not_depend_on_what_was_searched_before():
    pictures = torch.rand(3, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    together = object_proposals(pictures)
    assert all(torch.equal(*pair) for pair in zip(together, object_proposals(pictures), strict=True))
    alone = [object_proposals(picture[None])[0] for picture in pictures.flip(0)]
    assert all(torch.equal(*pair) for pair in zip(together, alone[::-1], strict=True))


def test_fewer_proposals_are_the_first_of_them():
    picture = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(2))
    assert torch.equal(object_proposals(picture, most=5)[0], object_proposals(picture)[0][:5])


def test_no_picture_is_dropped_for_having_few_proposals():
    pictures = torch.cat([torch.full((1, 3, 64, 64), 0.5), picture_of([8, 6, 30, 24])])
    few, more = object_proposals(pictures)
    assert len(few) <= 1 <= len(more) < 500
    assert object_proposals(pictures, smallest=65)[1].shape == (0, 4)


def test_progress_is_told_of_every_picture():
    seen = []
    object_proposals(torch.zeros(3, 3, 16, 16), progress=lambda pictures: [seen.append(1) or one for one in pictures])
    assert len(seen) == 3


IMAGES, MAPS = torch.zeros(2, 3, 16, 16), torch.zeros(2, 16, 16)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mask_regions(MAPS.bool()), "maps: expected a floating-point tensor"),
        (lambda: mask_regions(MAPS[0]), "maps: expected values in"),
        (lambda: mask_regions(MAPS + 2), "maps: expected values in"),
        (lambda: mask_regions(MAPS * float("nan")), "maps: expected values in"),
        (lambda: mask_regions(MAPS, threshold=1.0), "threshold: expected a share"),
        (lambda: mask_regions(MAPS, smallest=-0.1), "smallest: expected a share"),
        (lambda: object_proposals(IMAGES * 255 + 3), "images: expected RGB values"),
        (lambda: object_proposals([IMAGES[0], IMAGES[0, :, 1:]]), "images: .* one size .* 15 x 16 and 16 x 16"),
        (lambda: object_proposals(IMAGES, mode="best"), "mode: expected one of 'fast', 'quality'"),
        (lambda: object_proposals(IMAGES, most=0), "most: expected an int of at least 1"),
        (lambda: object_proposals(IMAGES, smallest=2.5), "smallest: expected an int"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
