"""Waveforms encoded and decoded again: clip by clip and on the CPU, as codecs work."""

from __future__ import annotations

import io

import soundfile
import torch
from torch import Tensor

from genrelab import InputError
from genrelab_plugins.augmentations._random import uniform
from genrelab_plugins.augmentations._tempo import fitted

FORMATS = {"mp3": ("MP3", "MPEG_LAYER_III"), "vorbis": ("OGG", "VORBIS")}
_SMALLEST = 0.99  # the highest level of compression that LAME takes
_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


def codec(x: Tensor, sample_rate: int, kind: str, worst: float, best: float) -> Tensor:
    """Encode and decode each waveform of (batch, samples) at a random quality between two, each in 0..1."""
    qualities = uniform(x, worst, best)[:, 0].tolist()
    clips = [encoded(clip, sample_rate, kind, q) for clip, q in zip(x.cpu(), qualities, strict=True)]
    return torch.stack(clips).to(x)


def encoded(clip: Tensor, sample_rate: int, kind: str, quality: float) -> Tensor:
    """Encode and decode a waveform (samples,) on the CPU."""
    container, coding = FORMATS[kind]
    file = io.BytesIO()
    # Not at a constant bit rate: at some of these libsndfile forgets to undo the encoder's delay.
    level = min(1 - quality, _SMALLEST)
    soundfile.write(file, clip.numpy(), sample_rate, coding, format=container, compression_level=level)
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    return fitted(torch.from_numpy(decoded)[None], len(clip))[0]


def check_rate(sample_rate: int, kind: str) -> None:
    """Refuse a sample rate that the codec does not know.

    Raises:
        InputError: it does not.
    """
    if kind == "mp3" and sample_rate not in _MP3_RATES:
        known = ", ".join(map(str, _MP3_RATES))
        raise InputError(f"codec: MP3 knows the sample rates {known}, not {sample_rate}; use format = 'vorbis'")
