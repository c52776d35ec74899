"""What predicting one file takes beside importing torch and reading the file, in processes of their own.

pytest tests/bench/test_bench_predict.py --benchmark-only -s
"""

from __future__ import annotations

import resource
import subprocess
import sys

import numpy as np
import soundfile

from tests.use.test_export import small, write_model

TURNS, MOST = 3, 1.5  # seconds


def seconds(code: str) -> float:
    """Return the processor time of a process and those it starts: a busy machine does not change it much."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_predicting_a_file_takes_little_more_than_importing_torch_and_reading_it(benchmark, tmp_path):
    folder = write_model(tmp_path / "model", small("cnn2d_lstm"))
    file = tmp_path / "song.wav"
    soundfile.write(file, 0.1 * np.random.default_rng(0).standard_normal(30 * 22_050), 22_050)
    least = f"import torch, soundfile; soundfile.read({str(file)!r})"
    command = f"import sys; sys.argv = ['genrelab', 'predict', {str(folder)!r}, {str(file)!r}]; "
    ours = command + "from genrelab.cli.main import main; main()"
    reference = min(seconds(least) for _ in range(TURNS))
    taken: list[float] = []
    benchmark.pedantic(lambda: taken.append(seconds(ours)), rounds=TURNS)
    benchmark.extra_info |= {"import torch and read, s": reference, "predict, s": min(taken)}
    assert min(taken) - reference < MOST
