"""A line drawing of a scene's objects."""

import cv2
import numpy as np
import torch

from .drawing import SUPERSAMPLING, Part


class Sketch:
    """Draws outlines as lines that later parts cover, at four times the resolution."""

    def __init__(self, size: tuple[int, int]):
        self.paper = np.full((size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING), 255, np.uint8)
        self.width = max(1, round(0.018 * min(size) * SUPERSAMPLING))

    def add(self, part: Part, transform: np.ndarray) -> None:
        """Covers the part's inside with white, then draws its rim and, thinner, its details."""
        polygons = self._pixels(part, transform)
        cv2.polylines(self.paper, polygons, True, 0, self.width, cv2.LINE_AA, shift=4)
        inside = np.zeros_like(self.paper)
        for one in polygons:
            cv2.fillPoly(inside, [one], 255, shift=4)
        drawn = np.full_like(self.paper, 255)
        for detail in part.details:
            cv2.polylines(
                drawn, self._pixels(detail, transform), True, 90, max(1, self.width // 3), cv2.LINE_AA, shift=4
            )
        np.copyto(self.paper, drawn, where=inside > 0)

    def finish(self) -> torch.Tensor:
        """The drawing at the picture's own resolution, float32 [1, height, width]."""
        size = (self.paper.shape[1] // SUPERSAMPLING, self.paper.shape[0] // SUPERSAMPLING)
        small = cv2.resize(self.paper, size, interpolation=cv2.INTER_AREA)
        return torch.from_numpy(small.astype(np.float32) / 255)[None]

    def _pixels(self, part: Part, transform: np.ndarray) -> list[np.ndarray]:
        outlines = part.outline if isinstance(part.outline, tuple) else (part.outline,)
        pixels = [(o @ transform[:, :2].T + transform[:, 2]) * SUPERSAMPLING for o in outlines]
        return [np.round((p - 0.5) * 16).astype(np.int32) for p in pixels]
