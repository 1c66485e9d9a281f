"""Proposal flow as the paper and its code say it, in plain loops over one cell, one pixel, one pair at a time."""

import math

import numpy as np


def oriented_gradients(patch):
    """Felzenszwalb's 31 values of each inner cell of a patch [80, 80, 3] of 0..255: array [8, 8, 31]."""
    side, cells = len(patch), len(patch) // 8
    votes = np.zeros((cells, cells, 18))
    for y in range(1, side - 1):
        for x in range(1, side - 1):
            dx, dy = max(
                ((patch[y, x + 1, c] - patch[y, x - 1, c], patch[y + 1, x, c] - patch[y - 1, x, c]) for c in range(3)),
                key=lambda d: d[0] ** 2 + d[1] ** 2,
            )
            best, direction = 0.0, 0
            for o in range(9):
                along = dx * math.cos(o * math.pi / 9) + dy * math.sin(o * math.pi / 9)
                if abs(along) > best:
                    best, direction = abs(along), o if along > 0 else o + 9
            row, column = (y + 0.5) / 8 - 0.5, (x + 0.5) / 8 - 0.5
            for i in (math.floor(row), math.floor(row) + 1):
                for j in (math.floor(column), math.floor(column) + 1):
                    if 0 <= i < cells and 0 <= j < cells:
                        weight = (1 - abs(row - i)) * (1 - abs(column - j))
                        votes[i, j, direction] += weight * math.hypot(dx, dy)
    energy = [[sum((v[o] + v[o + 9]) ** 2 for o in range(9)) for v in row] for row in votes]
    values = np.zeros((cells - 2, cells - 2, 31))
    for i in range(1, cells - 1):
        for j in range(1, cells - 1):
            for up, left in ((0, 0), (0, 1), (1, 0), (1, 1)):
                block = sum(energy[i - 1 + up + a][j - 1 + left + b] for a in (0, 1) for b in (0, 1))
                scale = 1 / math.sqrt(block + 0.0001)
                place = up * 2 + left
                for o in range(18):
                    share = min(votes[i, j, o] * scale, 0.2)
                    values[i - 1, j - 1, o] += share / 2
                    values[i - 1, j - 1, 27 + place] += 0.2357 * share
                for o in range(9):
                    values[i - 1, j - 1, 18 + o] += min((votes[i, j, o] + votes[i, j, o + 9]) * scale, 0.2) / 2
    return values


def stationary(features):
    """Mean [31] of all cells, and covariance of features [boxes, 8, 8, 31] by the cells' displacement (rows, columns).

    A sum over all pairs of cells in the box that lie in this way, divided by the number of cells, not of pairs.
    """
    mean = features.reshape(-1, 31).mean(axis=0)
    centred, table = features - mean, {}
    for down in range(-7, 8):
        for right in range(-7, 8):
            total = np.zeros((31, 31))
            for i in range(8):
                for j in range(8):
                    if 0 <= i + down < 8 and 0 <= j + right < 8:
                        total += centred[:, i, j].T @ centred[:, i + down, j + right] / len(features)
            table[down, right] = total / 64
    return mean, table


def local_offset_matching(boxes_a, boxes_b, features_a, features_b):
    """Scores [a, b] of two pictures' proposals: lists of (left, top, right, bottom) and of vectors."""

    def centre(box):
        return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2

    def area(box):
        return (box[2] - box[0]) * (box[3] - box[1])

    def aspect(box):
        return (box[2] - box[0]) / (box[3] - box[1])

    def overlap(one, other):
        width = min(one[2], other[2]) - max(one[0], other[0])
        height = min(one[3], other[3]) - max(one[1], other[1])
        return width > 0 and height > 0

    def way(one, other):
        return centre(one)[0] - centre(other)[0], centre(one)[1] - centre(other)[1], area(one) / area(other)

    alike = []
    for box, feature in zip(boxes_a, features_a, strict=True):
        row = []
        for other, values in zip(boxes_b, features_b, strict=True):
            valid = 1 / 2 < aspect(other) / aspect(box) < 2
            row.append(max(0.0, sum(v * w for v, w in zip(feature, values, strict=True))) if valid else 0.0)
        alike.append(row)
    confidences = [max(row) for row in alike]
    ways = [way(box, boxes_b[row.index(max(row))]) for box, row in zip(boxes_a, alike, strict=True)]
    scores = []
    for i, box in enumerate(boxes_a):
        near = [k for k, other in enumerate(boxes_a) if overlap(box, other) and confidences[k] > 0]
        median = [weighted_median([ways[k][axis] for k in near]) for axis in range(3)]
        support = sum(confidences[k] for k in near) / sum(confidences) if near else 0.0
        row = []
        for j, other in enumerate(boxes_b):
            x, y, quotient = way(box, other)
            distance = math.hypot(x - median[0], y - median[1])
            row.append(alike[i][j] * math.exp(-0.05 * distance - 0.3 * abs(quotient - median[2])) * support)
        scores.append(row)
    return scores


def weighted_median(values):
    """20 means, each weighted by the inverse distance from the mean before; from 1."""
    median = 1.0
    for _ in range(20):
        weights = [1 / (abs(value - median) + np.finfo(float).eps) for value in values]
        median = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights) if values else median
    return median
