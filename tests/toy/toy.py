"""A plugin for tests: everything as small as it can be, so that a whole study takes a second."""

import json
import math
from pathlib import Path

import attrs

from genrelab import (
    Dataset,
    Feature,
    Model,
    Reporter,
    Track,
    WorkError,
    hookimpl,
    one_of,
    setting,
    tunable,
)


@attrs.frozen
class TonesParams:
    root: str = setting("tones", help="folder to write to", place=True)
    clips: int = setting(12, low=1, help="clips of each genre")
    artists: int = setting(6, low=0, help="artists of each genre; 0: unknown")
    broken: int = setting(0, low=0, help="further files that are no audio")


def tones(params: TonesParams) -> list[Track]:
    """Three genres, each a pitch; an artist is a loudness."""
    import numpy as np
    import soundfile

    root = Path(params.root)
    root.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    tracks = []
    for genre, pitch in {"low": 200, "mid": 600, "high": 1800}.items():
        for i in range(params.clips):
            artist = f"{genre}-{i % params.artists}" if params.artists else ""
            path = root / f"{genre}-{i}.wav"
            if not path.exists():
                t = np.arange(8000) / 8000
                x = 0.3 * np.sin(
                    2 * np.pi * pitch * (1 + 0.2 * random.random()) * t
                ) + 0.1 * random.standard_normal(8000)
                soundfile.write(path, x.astype("float32"), 8000)
            tracks.append(Track(path.stem, path, genre, artist))
    for i in range(params.broken):
        path = root / f"broken-{i}.wav"
        path.write_bytes(b"no audio at all" * 100)
        tracks.append(Track(path.stem, path, "low", "low-0" if params.artists else ""))
    return tracks


@attrs.frozen
class SpectrumParams:
    n_fft: int = one_of(256, [128, 256], help="samples of a window")


def spectrum(params: SpectrumParams, sample_rate: int):
    import torch

    class Spectrum(torch.nn.Module):
        def forward(self, x):
            window = torch.hann_window(params.n_fft)
            return torch.stft(x, params.n_fft, window=window, return_complex=True).abs().log1p()

    return Spectrum()


@attrs.frozen
class LinearParams:
    width: int = tunable(8, low=1, high=64, log=True, help="hidden units")
    dropout: float = tunable(0.1, low=0.0, high=0.6, help="share of hidden units")
    fault: str = one_of("none", ["none", "raises", "diverges", "dies", "slow"], help="what goes wrong")


def linear(params: LinearParams, shape, classes):
    import os
    import time

    import torch
    from torch import nn

    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(shape[0], params.width)
            self.head = nn.Sequential(nn.Dropout(params.dropout), nn.Linear(params.width, classes))

        def embed(self, x):
            return torch.relu(self.hidden(x.mean(2)))

        def forward(self, x):
            if params.fault == "raises":
                raise WorkError("this model always fails")
            if params.fault == "dies":
                os._exit(7)
            if params.fault == "slow":
                time.sleep(0.05)
            return self.head(self.embed(x)) * (math.nan if params.fault == "diverges" else 1.0)

    return Linear()


@attrs.frozen
class RecorderParams:
    file: str = setting("events.jsonl", help="where events go")
    fails: str = setting("", help="hook in which it raises")


def recorder(params: RecorderParams):
    class Recorder:
        def _note(self, hook, event):
            with Path(params.file).open("a") as out:
                out.write(json.dumps([hook, attrs.asdict(event)], default=str) + "\n")
            if hook == params.fails:
                raise RuntimeError("the recorder is full")

        @hookimpl
        def on_study_start(self, event):
            self._note("on_study_start", event)

        @hookimpl
        def on_trial_start(self, event):
            self._note("on_trial_start", event)

        @hookimpl
        def on_epoch_end(self, event):
            self._note("on_epoch_end", event)

        @hookimpl
        def on_trial_end(self, event):
            self._note("on_trial_end", event)

        @hookimpl
        def on_study_end(self, event):
            self._note("on_study_end", event)

        @hookimpl
        def on_comparison(self, event):
            self._note("on_comparison", event)

        @hookimpl
        def on_explore_end(self, event):
            self._note("on_explore_end", event)

    return Recorder()


@hookimpl
def provide_datasets():
    return [Dataset("tones", TonesParams, tones)]


@hookimpl
def provide_features():
    return [Feature("spectrum", SpectrumParams, spectrum)]


@hookimpl
def provide_models():
    return [Model("linear", LinearParams, linear)]


@hookimpl
def provide_reporters():
    return [Reporter("recorder", RecorderParams, recorder)]
