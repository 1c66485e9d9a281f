"""From frames to frames with masks, one at a time: a clip of any length needs the memory of one frame."""

from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from operator import index
from pathlib import Path

import cv2
import numpy as np
import torch

from xai_utils.papers.realtime_saliency import MaskingModel, realtime_saliency
from xai_utils.tensors import check_model, check_target

CODECS = {".avi": "MJPG", ".mp4": "mp4v"}
DARK = 0.25  # how much light is left where nothing is kept


def saliency_of_frames(
    masking_model: MaskingModel, frames: Iterable[np.ndarray], target: int | Iterable[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The mask of every frame, one by one, as fast as the frames come.

    **Source**: section 6: "because our model can be run in real-time it can be used for video saliency detection".
    Each frame is asked about for itself; it is stretched to the masking model's size, and the mask back.

    Args:
        masking_model: in eval mode; frames go to its device.
        frames: RGB pictures, uint8 [height, width, 3], of any size and from anywhere: a list, a clip, a camera.
        target: the class asked about; or one for each frame, so that it can be changed while the clip goes on.

    Returns:
        An iterator of (frame, keep): the frame as it came, float32 [height, width] in [0, 1].

    Raises:
        TypeError, ValueError: a class that the masking model does not know, one in train mode; while iterating, a
            frame that is none.

    Example:
        >>> from xai_utils import load_model
        >>> from xai_utils.papers.realtime_saliency import LAYERS
        >>> masking_model = MaskingModel(load_model("parts/resnet"), layers=LAYERS["parts/resnet"]).eval()
        >>> [keep.shape for _, keep in saliency_of_frames(masking_model, [np.zeros((48, 64, 3), np.uint8)], 3)]
        [(48, 64)]
    """
    check_model(masking_model)
    try:
        targets = repeat(index(target))
    except TypeError:  # not a whole number: one for each, checked when its turn comes
        targets = iter(target)
    else:
        check_target(target, 1, len(masking_model.classes))
    return _masked(masking_model, frames, targets)


def _masked(
    masking_model: MaskingModel, frames: Iterable[np.ndarray], targets: Iterable[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    height, width = masking_model.input_size
    for number, (frame, target) in enumerate(zip(frames, targets, strict=False)):
        if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            kind = f"{frame.dtype} {list(frame.shape)}" if isinstance(frame, np.ndarray) else type(frame).__name__
            raise ValueError(f"frames: expected RGB, uint8 [height, width, 3], got {kind} as number {number}")
        small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        images = torch.from_numpy(small).to(masking_model.scale.device).permute(2, 0, 1)[None].float() / 255
        keep = realtime_saliency(masking_model, images, target)[0].cpu().numpy()
        yield frame, cv2.resize(keep, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def read_clip(clip: str | Path | int) -> Iterator[np.ndarray]:
    """The frames of a video file, or of a camera for as long as it runs; it is released when the iterator ends.

    Args:
        clip: a file that OpenCV can read, or a camera's number (0 is the first one).

    Returns:
        An iterator of RGB frames, uint8 [height, width, 3].

    Raises:
        ValueError: no such file or camera, or a file that is no video.
    """
    camera = isinstance(clip, int)
    if not camera and not Path(clip).is_file():
        raise ValueError(f"clip: expected a video file or a camera's number, got {str(clip)!r}, where no file is")
    capture = cv2.VideoCapture(clip if camera else str(clip))
    if not capture.isOpened():
        capture.release()
        raise ValueError(f"clip: expected a video file or a camera's number, got {clip!r}, which cannot be opened")
    return _frames(capture)


def _frames(capture: cv2.VideoCapture) -> Iterator[np.ndarray]:
    try:
        while True:
            there, frame = capture.read()
            if not there:
                return
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    finally:
        capture.release()


def drawn(frame: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """The frame, dark where the mask keeps nothing.

    Args:
        frame: uint8 [height, width, 3].
        keep: [height, width] in [0, 1].

    Example:
        >>> drawn(np.full((1, 2, 3), 100, np.uint8), np.array([[1.0, 0.0]]))[0, :, 0].tolist()
        [100, 25]
    """
    light = DARK + (1 - DARK) * keep
    return np.rint(frame * light[:, :, None]).astype(np.uint8)


def write_clip(file: str | Path, frames: Iterable[np.ndarray], *, rate: float = 25.0) -> int:
    """Writes RGB frames as a video or as an animated picture that a page can show.

    Args:
        file: ends in .avi or .mp4, which are written frame by frame, or in .webp, which is played in a loop and is put
            together in memory.
        frames: uint8 [height, width, 3], all of one size.
        rate: frames per second.

    Returns:
        How many frames there were.

    Raises:
        ValueError: another ending, or no frames.
    """
    file, frames = Path(file), iter(frames)
    if file.suffix not in {*CODECS, ".webp"}:
        raise ValueError(f"file: expected a name that ends in {', '.join([*CODECS, '.webp'])}, got {str(file)!r}")
    first = next(frames, None)
    if first is None:
        raise ValueError("frames: expected at least one, got none")
    write = _write_webp if file.suffix == ".webp" else _write_video
    return write(file, chain([first], frames), first.shape[1::-1], rate)


def _write_video(file: Path, frames: Iterable[np.ndarray], size: tuple[int, int], rate: float) -> int:
    writer, number = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*CODECS[file.suffix]), rate, size), 0
    try:
        for number, frame in enumerate(frames, start=1):  # noqa: B007
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    finally:  # what was written until then can be played
        writer.release()
    return number


def _write_webp(file: Path, frames: Iterable[np.ndarray], size: tuple[int, int], rate: float) -> int:
    from PIL import Image

    first, *rest = (Image.fromarray(frame) for frame in frames)
    first.save(file, save_all=True, append_images=rest, duration=round(1000 / rate), loop=0, quality=60)
    return 1 + len(rest)
