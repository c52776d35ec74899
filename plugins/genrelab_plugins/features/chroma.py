"""Chroma: how much of each pitch class sounds, octaves folded into one.

Fujishima, Realtime chord recognition of musical sound, ICMC 1999; weights as by Ellis, Chroma feature analysis and
synthesis, 2007.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from genrelab import Feature, hookimpl, one_of, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Names and defaults of librosa.feature.chroma_stft; A is 440 Hz."""

    n_chroma: int = one_of(12, [12, 24, 36], help="pitch classes of an octave")
    n_fft: int = one_of(2048, [512, 1024, 2048, 4096, 8192], help="window and FFT length, in samples")
    hop_length: int = tunable(512, low=32, high=8192, log=True, help="samples from one frame to the next")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> (batch, n_chroma, 1 + samples // hop_length).

    From C upwards; the largest of each frame is 1, silence is 0.
    """
    from genrelab_plugins.features._chroma import Chroma

    return Chroma(sample_rate, **attrs.asdict(params))


@hookimpl
def provide_features() -> Iterable[Feature]:
    """Provide ``chroma``."""
    return [Feature("chroma", Params, build)]
