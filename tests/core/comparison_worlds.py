"""Invented worlds whose truth is known: what candidates make of test tracks by artists, with the luck of seeds."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@attrs.frozen
class World:
    """Artists play in one genre, more or less typically; so what a network makes of their tracks is alike."""

    classes: int = 4
    artists: int = 80
    tracks: int = 4
    """Tracks of an artist, on average."""
    artist: float = 1.0
    """Deviation of what all candidates share on an artist, in logits."""
    own: float = 0.5
    """Deviation of what one candidate alone makes of an artist."""
    track: float = 1.0
    """Deviation of what all candidates share on a track."""
    run: float = 0.7
    """Deviation of what one run alone makes of a track."""
    luck: float = 0.1
    """Deviation of the skill between seeds."""

    def draw(
        self, rng: np.random.Generator, skills: tuple[float, ...], seeds: int
    ) -> tuple[list[Array], NDArray[np.int64], NDArray[np.int64]]:
        """Return the probabilities (seeds, tracks, classes) of each candidate, true genres and artists."""
        sizes = 1 + rng.poisson(self.tracks - 1, self.artists)
        artists = np.repeat(np.arange(self.artists), sizes)
        true = rng.integers(self.classes, size=self.artists)[artists]
        n = len(true)

        def noise(deviation: float, *shape: int) -> Array:
            return deviation * rng.standard_normal((*shape, self.classes))

        shared = noise(self.artist, self.artists)[artists] + noise(self.track, n)
        found = []
        for skill in skills:
            levels = skill + self.luck * rng.standard_normal(seeds)
            logits = shared + noise(self.own, self.artists)[artists] + noise(self.run, seeds, n)
            logits[:, np.arange(n), true] += levels[:, None]
            powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
            found.append(powers / powers.sum(axis=-1, keepdims=True))
        return found, true, artists
