"""Command line: masks for a clip, a camera or a moving scene; or the tables, with `--record`."""

import argparse
import time
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES
from xai_utils.experiments.realtime_saliency.video import clips, measures, moving
from xai_utils.papers.realtime_saliency import load_masking_model
from xai_utils.parts import Parts


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    asked = argparse.ArgumentParser(prog="python -m xai_utils.experiments.realtime_saliency.video", description=__doc__)
    asked.add_argument("--clip", help="a video file, or a camera's number such as 0; by default a scene that moves")
    asked.add_argument("--class", dest="name", help="the class asked about; by default that of the moving scene")
    asked.add_argument("--black-box", default=BLACK_BOXES[-1], help="whose masking model; %(default)s by default")
    asked.add_argument("--scene", type=int, default=measures.SCENES[0], help="of the test split, which is to move")
    asked.add_argument("--frames", type=int, default=120, help="at most so many; %(default)s by default")
    asked.add_argument("--out", type=Path, default=Path("saliency.avi"), help=".avi, .mp4, or .webp, which loops")
    asked.add_argument("--rate", type=float, default=25, help="frames per second of what is written")
    asked.add_argument("--record", action="store_true", help="record the tables of the chapter instead")
    return asked


def chosen(asked: argparse.Namespace) -> tuple[Iterator[np.ndarray], str]:
    """The frames asked for and the name of the class."""
    if asked.clip is None:
        scene = Parts("test").scene(asked.scene)
        return (shown.pixels() for shown in moving.animation(scene, asked.frames)), asked.name or scene.class_name
    if asked.name is None:
        raise ValueError("class: expected the name of one to ask a clip about, got none")
    return clips.read_clip(int(asked.clip) if asked.clip.isdigit() else asked.clip), asked.name


def mask_clip(asked: argparse.Namespace) -> tuple[int, float]:
    """Writes the frames with their masks; how many there were, and how many of them a second."""
    masking_model = load_masking_model(asked.black_box)
    frames, name = chosen(asked)
    if name not in masking_model.classes:
        raise ValueError(f"class: expected one of {', '.join(masking_model.classes)}, got {name!r}")
    pairs = clips.saliency_of_frames(masking_model, islice(frames, asked.frames), masking_model.classes.index(name))
    shown = (clips.drawn(*pair) for pair in pairs)
    start = time.perf_counter()
    count = clips.write_clip(asked.out, shown, rate=asked.rate)
    return count, count / (time.perf_counter() - start)


def record() -> None:
    """Records both tables and prints what they say."""
    rows, quick = measures.steadiness(progress=tqdm), measures.speeds(progress=tqdm)
    for frames, moves in product((measures.BEGINNING, measures.ROUND), (True, False)):
        for value in ("overlap", "densest", "flicker", "restless"):
            found = measures.steadiness_by_method(rows, value, moving=moves, frames=frames)
            ends = {method: [round(end, 4) for end in interval] for method, interval in found.items()}
            print(f"{frames} frames, {'moving' if moves else 'noise only'}, {value}: {ends}")
    print(measures.frame_rates(quick), measures.frame_rates(quick, "in_forwards"))


def main() -> None:
    """Command line: writes a clip with its masks, or records the tables."""
    asked = parser().parse_args()
    if asked.record:
        record()
        return
    count, rate = mask_clip(asked)
    print(f"{asked.out}: {count} frames, {rate:.1f} frames per second with reading, masks and writing")


if __name__ == "__main__":
    main()
