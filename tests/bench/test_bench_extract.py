"""What the data path costs: from MP3 files to stored features, against decoding alone and against the usual way.

pytest tests/bench/test_bench_extract.py --benchmark-only -s

Costs of a clip are those of a further one: start-up, the same however many there are, is left out of both sides.
Times are CPU times of all processes, and ratios are the median over turns, so that a busy machine does not decide.
What a second process brings, and what the usual way takes on the same cores, is measured by the clock, and needs an
idle machine.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import librosa
import numpy as np
import pytest
import soundfile
import torch
from joblib import cpu_count

from genrelab.config.experiment import Audio
from genrelab.data.extract import extract
from genrelab.data.store import FeatureStore
from genrelab.data.store_writer import StoreWriter
from genrelab_plugins.features.log_mel import Params, build
from tests.conftest import ROOT

FILES, SECONDS, RATE = 8, 30, 44_100
SOME, MANY, TURNS = 40, 120, 3
"""Numbers of clips whose difference is measured; both are too many to be computed in one process."""


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[Path]:
    """MP3 files, 44.1 kHz stereo, 30 s, 256 kbit/s: chords, beats and noise; the same 8 with other tags."""
    folder = tmp_path_factory.mktemp("clips")
    t = np.arange(SECONDS * RATE) / RATE
    contents = []
    for seed in range(FILES):
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal((len(t), 2))
        chord = sum(np.sin(2 * np.pi * hz * t) for hz in rng.uniform(80, 2_000, 6)) * np.exp(-3 * (t % 0.5))
        x = 0.08 * chord[:, None] + (0.1 * np.exp(-30 * (t % 0.25)) + 0.01)[:, None] * noise
        soundfile.write(folder / "new.mp3", x, RATE, compression_level=0.1, bitrate_mode="CONSTANT")
        contents.append((folder / "new.mp3").read_bytes())
    paths = [folder / f"{i:03d}.mp3" for i in range(MANY)]
    for i, path in enumerate(paths):
        path.write_bytes(contents[i % FILES] + b"TAG" + str(i).encode().ljust(125, b"\0"))  # ID3v1
    return paths


def decode_all(paths: list[Path]) -> None:
    for path in paths:
        soundfile.read(path, dtype="float32")


def extract_all(paths: list[Path], directory: Path, workers: int = 1) -> None:
    found = extract(
        paths,
        directory=directory,
        key={"name": "log_mel"},
        make_feature=partial(build, Params(), 22_050),
        audio=Audio(seconds=SECONDS),
        normalization="minmax",
        workers=workers,
    )
    assert not found.quarantined
    shutil.rmtree(directory)


def usual_way(paths: list[Path], file: Path) -> None:
    """What scripts do: librosa for everything, one HDF5 file, compressed."""
    with h5py.File(file, "w") as out:
        for path in paths:
            x, rate = librosa.load(path, sr=22_050)
            mel = librosa.feature.melspectrogram(y=x, sr=rate, n_fft=2048, hop_length=512, n_mels=128)
            out.create_dataset(path.name, data=librosa.power_to_db(mel, ref=np.max), compression="lzf")


def cpu_seconds(function: Callable[..., object], *args: object) -> float:
    def used() -> float:
        spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(s.ru_utime + s.ru_stime for s in spent)

    before = used()
    function(*args)
    return used() - before


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of modules that librosa.load imports
def test_extraction_costs_little_more_than_decoding_and_less_than_the_usual_way(benchmark, clips, tmp_path):
    usual_way(clips[:1], tmp_path / "warm.h5")
    turns = []
    for turn in range(TURNS):
        decoding = cpu_seconds(decode_all, clips[:SOME]) / SOME
        some = cpu_seconds(extract_all, clips[:SOME], tmp_path / f"some-{turn}")
        many = cpu_seconds(extract_all, clips, tmp_path / f"many-{turn}")
        usual = cpu_seconds(usual_way, clips[:SOME], tmp_path / f"{turn}.h5") / SOME
        extracting = (many - some) / (MANY - SOME)
        turns.append((extracting / decoding, usual / extracting))
        print(
            f"\nms a clip: decode {1e3 * decoding:.1f}, extract {1e3 * extracting:.1f}, usual {1e3 * usual:.1f}; ",
            end="",
        )
        print(f"start-up {some - SOME * extracting:.1f} s of CPU time", end="")
    above, faster = (statistics.median(ratios) for ratios in zip(*turns, strict=True))
    benchmark.extra_info.update({"of decoding": above, "usual way": faster})
    benchmark.pedantic(decode_all, (clips[:1],), rounds=1)
    print(f"\nextraction takes {above:.2f} x decoding; the usual way, on one thread, {faster:.2f} x extraction")
    assert above <= 1.6
    assert faster >= 1.5  # decoding, which both must do, is 0.65 of the extraction and 0.38 of the usual way


def clock(function: Callable[..., object], *args: object) -> float:
    started = time.perf_counter()
    function(*args)
    return time.perf_counter() - started


def clock_of_a_further_clip(clips: list[Path], directory: Path, workers: int) -> float:
    """Return the least of some turns, seconds."""
    least = [min(clock(extract_all, clips[:n], directory, workers) for _ in range(TURNS)) for n in (SOME, MANY)]
    return (least[1] - least[0]) / (MANY - SOME)


def test_two_processes_are_nearly_twice_as_fast_as_one(benchmark, clips, tmp_path):
    one, two = (clock_of_a_further_clip(clips, tmp_path / "store", workers) for workers in (1, 2))
    benchmark.extra_info["ratio"] = one / two
    benchmark.pedantic(decode_all, (clips[:1],), rounds=1)
    print(f"\nms a clip: {1e3 * one:.1f} by one process, {1e3 * two:.1f} by two: {one / two:.2f} x")
    assert one / two >= 1.8


USUAL = """
import sys, time
from pathlib import Path
from tests.bench.test_bench_extract import usual_way
clips, file = sorted(Path(sys.argv[1]).glob("*.mp3"))[: int(sys.argv[2])], Path(sys.argv[3])
usual_way(clips[:1], file)
started = time.perf_counter()
usual_way(clips, file)
print((time.perf_counter() - started) / len(clips))
"""


def test_extraction_is_more_than_twice_as_fast_as_the_usual_way_on_the_same_cores(benchmark, clips, tmp_path):
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    command = [sys.executable, "-W", "ignore", "-c", USUAL, clips[0].parent, str(SOME), tmp_path / "usual.h5"]
    usual = min(
        float(subprocess.run(command, env=free, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
        for _ in range(TURNS)
    )
    ours = clock_of_a_further_clip(clips, tmp_path / "store", cpu_count())
    benchmark.extra_info["ratio"] = usual / ours
    benchmark.pedantic(decode_all, (clips[:1],), rounds=1)
    times = f"usual {1e3 * usual:.1f}, extraction {1e3 * ours:.1f}: {usual / ours:.2f} x"
    print(f"\nms a clip by the clock, on {cpu_count()} cores: {times}")
    assert usual / ours >= 2


MEMORY = """
if __name__ == "__main__":
    import sys, threading, time
    from functools import partial
    from pathlib import Path
    from genrelab.config.experiment import Audio
    from genrelab.data.extract import extract
    from genrelab_plugins.features.log_mel import Params, build

    peaks = {}  # pid -> VmHWM in KiB; ru_maxrss would be that of the process which started this one, if higher

    def watch():
        while True:
            children = Path("/proc/self/task").glob("*/children")
            for pid in ["self", *(pid for file in children for pid in file.read_text().split())]:
                try:
                    lines = Path("/proc", pid, "status").read_text().splitlines()
                    peaks[pid] = max(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
                except (OSError, ValueError):  # it has ended
                    pass
            time.sleep(0.05)

    threading.Thread(target=watch, daemon=True).start()
    root, count = Path(sys.argv[1]), int(sys.argv[2])
    found = extract(sorted(root.glob("*.wav"))[:count], directory=root / sys.argv[2], key={"name": "log_mel"},
                    make_feature=partial(build, Params(), 22050), audio=Audio(seconds=1.0), normalization="minmax",
                    workers=1)
    assert len(found.store) == count
    time.sleep(0.1)
    print(peaks.pop("self"), max(peaks.values()))
"""


def test_memory_does_not_grow_with_the_number_of_clips(benchmark, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(5_000):
        soundfile.write(tmp_path / f"{i:04d}.wav", rng.uniform(-0.5, 0.5, 22_050), 22_050)
    script = tmp_path / "extract_some.py"
    script.write_text(MEMORY)
    peaks = {}
    for count in (500, 5_000):
        command = [sys.executable, script, tmp_path, str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks[count] = [int(number) / 1024 for number in done.stdout.split()]
        main, worker = peaks[count]
        print(f"\n{count} clips: peak of the main process {main:.1f} MiB, of its largest worker {worker:.1f} MiB")
    benchmark.pedantic(len, (peaks,), rounds=1)
    for few, many in zip(peaks[500], peaks[5_000], strict=True):
        assert many <= 1.05 * few


@pytest.mark.benchmark(group="gather 32 clips of (128, 1292)")
def test_gather(benchmark, tmp_path):
    count = 512
    with StoreWriter(tmp_path, (128, 1292), {}) as writer:
        clip = np.random.default_rng(0).random((128, 1292)).astype(np.float16)
        for i in range(count):
            writer.add(i.to_bytes(16, "big"), clip)
    store, rng = FeatureStore(tmp_path), np.random.default_rng(0)
    benchmark.pedantic(store.gather, setup=lambda: ((rng.choice(count, 32),), {}), rounds=50, warmup_rounds=2)
