"""Streams of randomness: one for each thing in a scene, named by the scene's seed and by what it is."""

from zlib import crc32

import numpy as np
from numpy.random.bit_generator import ISeedSequence


def stream(seed: int, name: str) -> np.random.Generator:
    """The stream of randomness of one thing in one scene; streams of different names are independent."""
    return np.random.Generator(np.random.Philox(_Key(seed, name)))


class _Key(ISeedSequence):
    """The key of a stream; taken as it is, it is quicker than a seed that has to be mixed first."""

    def __init__(self, seed: int, name: str):
        self.words = np.array([seed, crc32(name.encode())], np.uint64)

    def generate_state(self, n_words: int, dtype=np.uint32) -> np.ndarray:
        """The two words that Philox asks for."""
        return self.words
