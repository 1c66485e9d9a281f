"""Algorithm 1 of Zintgraf, Cohen and Welling, word by word: one window, one sample, one forward pass at a time."""

import math

import torch


def algorithm_1(probability, image, sample_window, patch, samples, instances, classes):
    """The weight of evidence of every pixel of one image.

    Args:
        probability: image [3, n, n] -> p(c | x), a float.
        image: float [3, n, n].
        sample_window: (row, column, sample) -> content of that window, [3, patch, patch].
        patch: k, side of a window.
        samples: S.
        instances: N of the Laplace correction.
        classes: K of the Laplace correction.
    """
    n = image.shape[-1]
    evidence, counts = torch.zeros(n, n), torch.zeros(n, n)
    for row in range(n - patch + 1):
        for column in range(n - patch + 1):
            total = 0.0
            for s in range(samples):
                changed = image.clone()
                changed[:, row : row + patch, column : column + patch] = sample_window(row, column, s)
                total += probability(changed)
            unknown = total / samples
            difference = _log_odds(probability(image), instances, classes) - _log_odds(unknown, instances, classes)
            evidence[row : row + patch, column : column + patch] += difference
            counts[row : row + patch, column : column + patch] += 1
    return evidence / counts


def _log_odds(p, instances, classes):
    p = (p * instances + 1) / (instances + classes)
    return math.log2(p / (1 - p))


def conditional_gaussian(mean, covariance, inside, ring, values):
    """Mean and covariance of some dimensions of a Gaussian given the values of others, by the textbook's formula."""
    inverse = torch.linalg.inv(covariance[ring][:, ring])
    gain = covariance[inside][:, ring] @ inverse
    return mean[inside] + gain @ (values - mean[ring]), covariance[inside][:, inside] - gain @ covariance[ring][
        :, inside
    ]
