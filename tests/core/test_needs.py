"""What a job needs from elsewhere is all that it needs: it trains to the same numbers where nothing else is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from genrelab import InputError, job_inputs, run_job
from tests.conftest import Command


def test_a_job_trains_to_the_same_numbers_from_its_folder_and_its_inputs_alone(
    toy: Path, tmp_path: Path, genrelab: Command
) -> None:
    settings = ["search={}", "candidate.wide.space={}", "final.seeds=[1]", "train.epochs=2"]
    done = genrelab("run", "toy.toml", *[part for s in settings for part in ("--set", s)])
    assert done.returncode == 0, done.stderr
    root = toy / "runs/toy"
    job = root / "candidates/narrow/final/seed-1"
    inputs = job_inputs(job, root)
    assert sorted(Path(name).suffix for name in inputs) == [".csv", ".f16", ".json", ".npz"]
    other = tmp_path / "elsewhere"
    for name, file in inputs.items():
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, other / name)
    (other / job.relative_to(root)).mkdir(parents=True)
    shutil.copy(job / "job.json", other / job.relative_to(root))
    shutil.rmtree(toy / ".genrelab")
    shutil.rmtree(toy / "tones")
    run_job(other / job.relative_to(root))
    here, there = (json.loads((r / job.relative_to(root) / "result.json").read_text()) for r in (root, other))
    assert there["metrics"] == here["metrics"]


def test_plugin_files_of_one_machine_do_not_travel(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(json.dumps({"registry": {"plugins": ["/somewhere/net.py"], "start": "/"}}))
    with pytest.raises(InputError, match=r"/somewhere/net\.py is not on the other machines"):
        job_inputs(tmp_path, tmp_path)
