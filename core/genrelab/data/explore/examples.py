"""Single tracks to look at: waveform, log-mel spectrogram, augmentations."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor
from torchaudio.functional import amplitude_to_DB, melscale_fbanks

from genrelab.components import Track
from genrelab.data.audio import Waveform
from genrelab.data.explore.drawing import COLORS, new_figure, shortened

N_FFT, HOP_LENGTH, N_MELS = 2048, 512, 128
TOP_DB = 80.0
_TICKS = (250, 500, 1000, 2000, 4000, 8000, 16000)  # Hz


class Example(NamedTuple):
    """A track, decoded."""

    track: Track
    audio: Waveform
    """(samples,)"""


def power_spectrum(audio: Waveform) -> NDArray[np.float64]:
    """Return the mean power spectrum (n_fft / 2 + 1,) of a waveform, by Welch's method."""
    from scipy.signal import welch

    padded = np.pad(audio, (0, max(0, N_FFT - len(audio))))
    power: NDArray[np.float64] = welch(padded, nperseg=N_FFT)[1].astype(np.float64)
    return power


def log_mel(audio: Waveform, sample_rate: int) -> Tensor:
    """Return the mel spectrogram (bands, frames) in dB below its maximum."""
    padded = torch.nn.functional.pad(torch.from_numpy(audio), (N_FFT // 2, N_FFT // 2))
    window = torch.hann_window(N_FFT)
    power = torch.stft(padded, N_FFT, HOP_LENGTH, window=window, center=False, return_complex=True).abs().square()
    mel = _filters(sample_rate).T @ power
    decibels: Tensor = amplitude_to_DB(mel, 10.0, 1e-10, float(mel.max().clamp_min(1e-10).log10()), TOP_DB)
    return decibels


def draw_example(example: Example, sample_rate: int) -> Figure:
    """Draw waveform and log-mel spectrogram of a track."""
    track, audio = example
    figure = new_figure(4.2, 6.4)
    above, below = figure.subplots(2, sharex=True, height_ratios=(1, 2))
    above.plot(*envelope(audio, sample_rate), color=COLORS[0], linewidth=0.6)
    above.set_ylabel("amplitude")
    above.set_ylim(-1.05, 1.05)
    above.set_title(f"{shortened(track.label)}\n{_tail(track.id)}", fontsize=10, parse_math=False)
    image = below.imshow(
        log_mel(audio, sample_rate).numpy(),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-TOP_DB,
        vmax=0,
        extent=(0, len(audio) / sample_rate, 0, N_MELS),
    )
    below.set_yticks(*frequency_ticks(sample_rate), fontsize=8)
    below.set_ylabel("frequency (Hz)")
    below.set_xlabel("time (s)")
    figure.colorbar(image, ax=below, label="dB")
    return figure


def frequency_ticks(sample_rate: int) -> tuple[NDArray[np.float64], list[str]]:
    """Return where on an axis of mel bands some frequencies are, and what they are called in Hz."""
    ticks = [f for f in _TICKS if f < sample_rate / 2]
    places: NDArray[np.float64] = np.interp(ticks, _centres(sample_rate), np.arange(N_MELS) + 0.5)
    return places, [str(f) for f in ticks]


def draw_changes(
    clips: Mapping[str, Tensor], seconds: float, title: str, waveforms: Sequence[Waveform] = ()
) -> Figure:
    """Draw clips (bins, frames) side by side, on one scale of values: before and after an augmentation.

    Their waveforms (samples,), if given, are drawn above, on one scale as well.
    """
    figure = new_figure(4.2 if waveforms else 2.9, 3.4 * len(clips))
    *above, below = figure.subplots(
        2 if waveforms else 1, len(clips), squeeze=False, height_ratios=(1, 2) if waveforms else None
    )
    if waveforms:
        _draw_waveforms(above[0], waveforms, seconds)
    low = min(float(x.min()) for x in clips.values())
    high = max(float(x.max()) for x in clips.values())
    for i, (axes, clip) in enumerate(zip(below, clips.values(), strict=True)):
        extent = (0, seconds, 0, len(clip))
        image = axes.imshow(
            clip.numpy(),
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=low,
            vmax=high,
            extent=extent,
            interpolation="none",
        )
        axes.set_xlabel("time (s)")
        axes.set_ylabel("" if i else "bin")
    for axes, name in zip(figure.axes, clips, strict=False):
        axes.set_title(name, fontsize=10, parse_math=False)
    figure.colorbar(image, ax=list(below), label="feature")
    figure.suptitle(title, fontsize=11, parse_math=False)
    return figure


def _draw_waveforms(row: Sequence[Axes], waveforms: Sequence[Waveform], seconds: float) -> None:
    peak = max(float(np.abs(x).max()) for x in waveforms) or 1.0
    for axes, waveform in zip(row, waveforms, strict=True):
        axes.plot(*envelope(waveform, len(waveform) / seconds), color=COLORS[0], linewidth=0.6)
        axes.set_xlim(0, seconds)
        axes.set_ylim(-1.05 * peak, 1.05 * peak)
    row[0].set_ylabel("amplitude")


def envelope(audio: Waveform, sample_rate: float, points: int = 1200) -> tuple[Any, Any]:
    """Return (times, values) that trace the extremes of a waveform in so many pieces, none of which is lost."""
    size = max(1, len(audio) // points)
    pieces = audio[: len(audio) // size * size].reshape(-1, size)
    extremes = np.stack([pieces.min(1), pieces.max(1)], 1).ravel()
    return np.repeat(np.arange(len(pieces)) * (size / sample_rate), 2), extremes


def _filters(sample_rate: int) -> Tensor:
    """Return the mel filters (n_fft / 2 + 1, bands)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of bands without a bin, at high sample rates: black stripes
        bank: Tensor = melscale_fbanks(
            N_FFT // 2 + 1, 0.0, sample_rate / 2, N_MELS, sample_rate, "slaney", "slaney"
        )
    return bank


def _centres(sample_rate: int) -> NDArray[np.float64]:
    """Return the centre of each mel band, Hz."""
    bank = _filters(sample_rate).numpy().astype(np.float64)
    frequencies = np.linspace(0, sample_rate / 2, len(bank))
    weights = np.maximum(bank.sum(0), 1e-12)
    return np.maximum.accumulate(frequencies @ bank / weights)


def _tail(text: str) -> str:
    """Cut the front of a long id: the end tells more."""
    return text if len(text) <= 60 else "…" + text[-59:]
