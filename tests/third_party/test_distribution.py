"""A distribution of somebody else, built and installed: each of its faults has its message, all else works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from genrelab.cli.main import cli
from tests.conftest import Command

HERE = Path(__file__).parent
FAULTS = {
    "model/cnn1d_gru": "is offered twice, by ",
    "model/broken_import": "broken_import.py:3: OSError: libcudart.so.12: cannot open shared object file",
    "model/misspelt_hook": "misspelt_hook.py:6: unknown hook 'provide_model' (did you mean 'provide_models'?); the",
    "model/absent_package": "absent_package.py:3: ModuleNotFoundError: No module named 'a_package_that_is_absent'; "
    "install the package that has it",
    "model/not_returned": "good.py: provide_models returns no model called 'not_returned' (it returns: third_net)",
    "model/nowhere": "No module named 'third_party_net.no_such_module'",
}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the distribution, and one that `genrelab new` writes; install both into a folder of their own."""
    folder = tmp_path_factory.mktemp("site")
    written = tmp_path_factory.mktemp("written")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(written)
        cli.main(["new", "scheduler", "slow_fall", "--package", "their-schedules"], standalone_mode=False)
    for source in (HERE / "distribution", written / "their-schedules"):
        command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation"]
        done = subprocess.run([*command, "--target", folder, source], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch, genrelab: Command) -> Command:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(site)])))
    return genrelab


def test_all_are_listed_with_source_and_version(installed: Command) -> None:
    lines = installed("list").stdout.splitlines()
    theirs = [line.split()[0] for line in lines if line.endswith("third-party-net 2.1")]
    assert set(theirs) == {*FAULTS, "model/third_net", "reporter/failing"}
    [line] = [line for line in lines if line.startswith("scheduler/slow_fall ")]
    assert line.endswith("their-schedules 0.1.0")


def test_check_names_each_fault_and_nothing_else(installed: Command) -> None:
    done = installed("check")
    assert done.returncode == 1
    failed = {line.split()[1].rstrip(":"): line for line in done.stdout.splitlines() if line.startswith("FAILED")}
    assert failed.keys() == FAULTS.keys()
    for key, said in FAULTS.items():
        assert said in failed[key]
        assert "third-party-net 2.1" in failed[key]
    for key in ("model/third_net", "scheduler/slow_fall", "model/cnn2d_gru"):
        assert f"ok      {key}\n" in done.stdout
    assert "Traceback" not in done.stderr


def test_what_is_written_by_genrelab_keeps_its_promises_when_installed(installed: Command) -> None:
    done = installed("check", "scheduler/slow_fall", "--run")
    assert "ok      scheduler/slow_fall: 4 ok" in done.stdout


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("cnn1d_gru", 2, "disabled of registry.toml"),
        ("misspelt_hook", 2, "the hooks are listed in docs/hooks.md"),
        ("third_net", 0, ""),
        ("cnn1d_lstm", 0, ""),
    ],
)
def test_only_an_experiment_that_uses_a_fault_is_refused(
    installed: Command, toy: Path, name: str, code: int, said: str
) -> None:
    tables = ["--set", f'candidate=[{{name="a", model={{name="{name}"}}}}]', "--set", "search={}"]
    done = installed("validate", "toy.toml", *tables)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_duplicate_is_settled_by_disabling_one(installed: Command, tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text('disabled = ["model/cnn1d_gru@third-party-net"]\n')
    assert "ok      model/cnn1d_gru\n" in installed("check", "model/cnn1d_gru").stdout


def test_a_study_runs_on_it_and_a_failing_reporter_costs_others_nothing(installed: Command, toy: Path) -> None:
    tables = ['candidate=[{name="a", model={name="third_net"}}]', "search={}", "final.seeds=[1]"]
    reporters = 'reporter=[{name="failing"}, {name="recorder"}]'
    done = installed("run", "toy.toml", *[a for t in (*tables, reporters) for a in ("--set", t)])
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("reporter 'failing' fails in on_epoch_end: RuntimeError: the line is dead") == 1
    events = [json.loads(line)[0] for line in (toy / "events.jsonl").read_text().splitlines()]
    assert events.count("on_epoch_end") == 3
    assert "on_study_end" in events
