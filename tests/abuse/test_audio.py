"""Mutated audio files, by the thousand: each is used or quarantined, in bounded memory and time."""

from __future__ import annotations

import functools
import io
import resource
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console
from torch import nn

from genrelab.cli.predict import load_again
from genrelab.config.experiment import Audio
from genrelab.data.extract import extract
from genrelab.data.store import Rejected
from genrelab.use.many import predict_files
from tests.abuse.tiny import call, prepare, run_arguments

RATE = 16_000
FORMATS = {"wav": "PCM_16", "aiff": "FLOAT", "au": "ULAW", "w64": "PCM_24", "caf": "ALAC_16", "flac": "PCM_16"}
FORMATS |= {"mp3": "MPEG_LAYER_III", "ogg": "VORBIS", "opus": "OPUS"}
MOST_MEMORY = 1 << 30  # bytes a process
LONGEST = 10.0  # seconds a file
HOLE = 1 << 29  # bytes of a sparse giant; the giants of the long test are twice as large

Random = np.random.Generator


class Frames(nn.Module):
    """(batch, samples) -> (batch, 4, samples / 4)."""

    def forward(self, x):
        return x.reshape(len(x), 4, -1)


def sound(kind: str, seed: int) -> bytes:
    """One second of noise in a format."""
    file, x = io.BytesIO(), np.random.default_rng(seed).uniform(-0.5, 0.5, (RATE, 1 + seed % 2))
    container = {"opus": "OGG", "ogg": "OGG"}.get(kind, kind.upper())
    soundfile.write(file, x, RATE, format=container, subtype=FORMATS[kind])
    return file.getvalue()


def flip_bits(raw: bytearray, random: Random) -> None:
    for place in random.integers(0, len(raw), random.integers(1, 64)):
        raw[place] ^= 1 << random.integers(8)


def truncate(raw: bytearray, random: Random) -> None:
    del raw[random.integers(len(raw)) :]


def lie_in_the_header(raw: bytearray, random: Random) -> None:
    place, lie = random.integers(0, 96), random.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000])
    raw[place : place + 4] = int(lie).to_bytes(4, str(random.choice(["little", "big"])))


def zero_bytes(raw: bytearray, random: Random) -> None:
    start, length = random.integers(len(raw)), random.integers(1, len(raw))
    raw[start : start + length] = bytes(len(raw[start : start + length]))


def swap_parts(raw: bytearray, random: Random) -> None:
    a, b = sorted(random.integers(0, len(raw), 2))
    raw[:] = raw[:a] + raw[b:] + raw[a:b]


def random_bytes(raw: bytearray, random: Random) -> None:
    raw[random.integers(0, 64) :] = random.bytes(len(raw))


MUTATIONS = (flip_bits, truncate, lie_in_the_header, zero_bytes, swap_parts, random_bytes)


def mutated(folder: Path, count: int, giants: int, hole: int) -> Iterator[Path]:
    """Write files: each has one or several mutations, and one in eight another format's extension."""
    random = np.random.default_rng(0)
    kinds = list(FORMATS)
    originals = {kind: [sound(kind, seed) for seed in range(4)] for kind in kinds}
    for number in range(count):
        kind = kinds[number % len(kinds)]
        raw = bytearray(originals[kind][random.integers(4)])
        for _ in range(random.integers(1, 4)):
            if raw:
                MUTATIONS[random.integers(len(MUTATIONS))](raw, random)
        ending = kinds[random.integers(len(kinds))] if number % 8 == 0 else kind
        file = folder / f"{number:05d}.{ending}"
        file.write_bytes(raw)
        if number < giants:
            with file.open("r+b") as opened:
                opened.truncate(hole)
        yield file


def check_memory() -> None:
    most = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert most < MOST_MEMORY, f"a process has taken {most / 1e6:.0f} MB"


def through_extract(files: list[Path], folder: Path, workers: int) -> Counter[str]:
    """Extract; return how many files were used, and quarantined for which reason."""
    found = extract(
        files,
        directory=folder / "store",
        key={"name": "frames", "version": 1, "params": {}},
        make_feature=Frames,
        audio=Audio(sample_rate=RATE, seconds=1.0),
        normalization="none",
        workers=workers,
    )
    assert len(found.rows) == len(files)
    assert {q.path for q in found.quarantined} == {
        str(f) for f, row in zip(files, found.rows, strict=True) if row < 0
    }
    assert all(q.message for q in found.quarantined)
    assert np.isfinite(found.store.gather(found.rows[found.rows >= 0])).all()
    return Counter(["used"] * int((found.rows >= 0).sum()) + [q.reason for q in found.quarantined])


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file that takes too long be told as such."""
    monkeypatch.setattr("genrelab.data.fill.LIMIT", LONGEST - 2)  # twice the length of a clip is added
    monkeypatch.setattr("genrelab.use.many.LIMIT", LONGEST)
    monkeypatch.setattr("genrelab.use.many._SLOWEST", 1 << 60)


def test_mutated_audio_is_used_or_quarantined(limited, tmp_path, monkeypatch):
    monkeypatch.setattr("genrelab.data.fill.FEW", 1 << 30)  # features in this process: workers need no torch
    reasons = through_extract(list(mutated(tmp_path, 90, 9, HOLE)), tmp_path, 1)
    assert reasons["used"] > 10
    assert reasons.keys() >= {"used", "undecodable"}
    assert not reasons.keys() & {"timeout", "crashed", "failed"}


@pytest.mark.slow
def test_five_thousand_mutated_files_are_used_or_quarantined_by_extract_and_predict(limited, tmp_path, monkeypatch):
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert call(*run_arguments("study")).exit_code == 0
    folder = tmp_path / "audio"
    folder.mkdir()
    files = list(mutated(folder, 5_000, 18, 2 * HOLE))
    reasons = through_extract(files, tmp_path, 2)
    assert not reasons.keys() & {"timeout", "failed"}

    make = functools.partial(load_again, Path("study"), "wide", None, (), tmp_path)
    heard = list(predict_files([str(f) for f in files], make(), make, hop=0.0, console=Console(quiet=True)))
    assert [h.path for h in heard] == [str(f) for f in files]
    told = Counter(h.outcome.reason if isinstance(h.outcome, Rejected) else "used" for h in heard)
    print(f"extract: {reasons.most_common()}; predict: {told.most_common()}")
    assert not told.keys() & {"timeout", "failed"}
    check_memory()
