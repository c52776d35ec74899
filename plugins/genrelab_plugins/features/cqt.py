"""Constant-Q transform: a bin for each semitone (or part of one), with windows as long as pitch needs.

Brown, Calculation of a constant Q spectral transform, JASA 89, 1991. With gamma above 0 low bins get shorter
windows: the variable-Q transform of Schoerkhuber, Klapuri, Holighaus and Doerfler, AES 53rd conference on
semantic audio, 2014.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from genrelab import Feature, hookimpl, one_of, setting, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Names and defaults of librosa.cqt and librosa.vqt."""

    hop_length: int = tunable(512, low=32, high=8192, log=True, help="samples from one frame to the next")
    f_min: float = setting(32.703, low=10.0, help="frequency of the lowest bin, in Hz; the default is C1")
    n_octaves: int = tunable(7, low=1, high=9, help="octaves from f_min upwards")
    bins_per_octave: int = one_of(12, [12, 24, 36, 48], help="bins of an octave; 12: semitones")
    gamma: float = setting(0.0, low=0.0, high=100.0, help="Hz added to every bandwidth; 0: constant Q")
    top_db: float = setting(80.0, low=1.0, help="dB below the clip's maximum at which values are cut off")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> (batch, n_octaves * bins_per_octave, 1 + samples // hop_length).

    In dB below the clip's maximum.

    Raises:
        InputError: the highest bin is above half the sample rate.
    """
    from genrelab_plugins.features._cqt import ConstantQ

    return ConstantQ(sample_rate, **attrs.asdict(params))


@hookimpl
def provide_features() -> Iterable[Feature]:
    """Provide ``cqt``."""
    return [Feature("cqt", Params, build)]
