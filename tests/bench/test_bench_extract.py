"""What the data path costs: from MP3 files to stored features, against decoding alone.

pytest tests/bench/test_bench_extract.py --benchmark-only -s
"""

from __future__ import annotations

import itertools
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from genrelab.data.extract import extract
from genrelab.data.store import FeatureStore
from genrelab.data.store_writer import StoreWriter
from genrelab_plugins.features.log_mel import Params, build

FILES, SECONDS, RATE = 8, 30, 44_100
AT_MOST = 1.9
"""Times the decoding: what extraction may take in all."""


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[Path]:
    """MP3 files, 44.1 kHz stereo, 30 s, 256 kbit/s: chords, beats and noise."""
    folder = tmp_path_factory.mktemp("clips")
    t = np.arange(SECONDS * RATE) / RATE
    paths = []
    for seed in range(FILES):
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal((len(t), 2))
        chord = sum(np.sin(2 * np.pi * hz * t) for hz in rng.uniform(80, 2_000, 6)) * np.exp(-3 * (t % 0.5))
        x = 0.08 * chord[:, None] + (0.1 * np.exp(-30 * (t % 0.25)) + 0.01)[:, None] * noise
        paths.append(folder / f"{seed}.mp3")
        soundfile.write(paths[-1], x, RATE, compression_level=0.1, bitrate_mode="CONSTANT")
    return paths


def decode_all(paths: list[Path]) -> None:
    for path in paths:
        soundfile.read(path, dtype="float32")


def extract_all(paths: list[Path], directory: Path) -> None:
    found = extract(
        paths,
        directory=directory,
        key={"name": "log_mel"},
        make_feature=partial(build, Params(), 22_050),
        sample_rate=22_050,
        seconds=SECONDS,
        normalization="minmax",
        workers=1,
    )
    assert not found.quarantined


@pytest.mark.benchmark(group="data path, 8 clips of 30 s")
def test_decode(benchmark, clips):
    benchmark.pedantic(decode_all, (clips,), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="data path, 8 clips of 30 s")
def test_extract(benchmark, clips, tmp_path):
    new = itertools.count()
    benchmark.pedantic(
        extract_all, setup=lambda: ((clips, tmp_path / str(next(new))), {}), rounds=5, warmup_rounds=1
    )


def test_extraction_takes_less_than_twice_the_decoding(benchmark, clips, tmp_path):
    """Taken in turns, in CPU time, and the best of each, so that a busy machine does not decide."""
    decoding, extracting = [], []
    for turn in range(6):
        decoding.append(cpu_seconds(decode_all, clips))
        extracting.append(cpu_seconds(extract_all, clips, tmp_path / str(turn)))
    ratio = min(extracting) / min(decoding)
    benchmark.extra_info["ratio"] = ratio
    benchmark.pedantic(decode_all, (clips,), rounds=1)
    print(f"\ndecode {1e3 * min(decoding) / FILES:.1f} ms, extract {1e3 * min(extracting) / FILES:.1f} ms a clip")
    print(f"extraction takes {ratio:.2f} times the decoding")
    assert ratio < AT_MOST


def cpu_seconds(function, *args: object) -> float:
    started = time.process_time()
    function(*args)
    return time.process_time() - started


@pytest.mark.benchmark(group="gather 32 clips of (128, 1292)")
def test_gather(benchmark, tmp_path):
    count = 512
    with StoreWriter(tmp_path, (128, 1292), {}) as writer:
        clip = np.random.default_rng(0).random((128, 1292)).astype(np.float16)
        for i in range(count):
            writer.add(i.to_bytes(16, "big"), clip)
    store, rng = FeatureStore(tmp_path), np.random.default_rng(0)
    benchmark.pedantic(store.gather, setup=lambda: ((rng.choice(count, 32),), {}), rounds=50, warmup_rounds=2)
