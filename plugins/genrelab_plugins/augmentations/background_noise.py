"""Background noise: from a folder of recordings, or generated in a colour."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, one_of, setting, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of background_noise."""

    folder: str = setting("", help="folder of audio files with noise; empty: generated")
    seconds: float = setting(600.0, low=0.1, help="of the folder's audio that are kept in memory at the most")
    color: str = one_of("pink", ["white", "pink", "brown"], help="generated noise falls by 0, 3 or 6 dB an octave")
    low_snr: float = tunable(3.0, low=-20.0, high=80.0, help="signal above the noise at the least, dB")
    high_snr: float = tunable(30.0, low=-20.0, high=80.0, help="signal above the noise at the most, dB")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> same shape, identity in eval().

    Raises:
        InputError: a folder that is not there, is empty, or holds a file that cannot be used.
    """
    from genrelab_plugins.augmentations import _noise
    from genrelab_plugins.augmentations._random import InTraining

    low, high = params.low_snr, params.high_snr
    if params.folder:
        return _noise.RecordedNoise(_noise.read_bank(params.folder, sample_rate, params.seconds), low, high)
    return InTraining(functools.partial(_noise.colored_noise, color=params.color, low_snr=low, high_snr=high))


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide background_noise."""
    return [Augmentation("background_noise", Params, build, domain="waveform")]
