"""Strange surroundings: no home, no user, no terminal, no UTF-8, a read-only checkout, a wheel elsewhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, TOY

SOURCES = f"{ROOT / 'core'}:{ROOT / 'plugins'}"
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "nothing is set": {},
    "C": {"LC_ALL": "C"},
    "C, and no UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ASCII": {"PYTHONIOENCODING": "ascii"},
    "Latin-1": {"PYTHONIOENCODING": "latin-1"},
    "no such home": {"HOME": "/nowhere/at/all"},
    "a home that cannot be written": {"HOME": "/proc"},
    "no temporary folder": {"TMPDIR": "/nowhere/at/all"},
    "a dumb terminal": {"TERM": "dumb", "COLUMNS": "1"},
}
STUDY = ["dataset={name='tones', clips=3, artists=3}", "split={train=0.4, validation=0.3, test=0.3}", "search={}"]
STUDY += ["candidate=[{name='one', model={name='linear'}}]", "final.seeds=[1]", "train.epochs=1"]
STUDY += ["reporter=[{name='console'}, {name='aim'}]"]


def call(
    folder: Path, command: list[str | Path], environment: dict[str, str], prefix: tuple[str | Path, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a command with nothing but these variables, and no terminal."""
    given = {"PYTHONPATH": SOURCES, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run(
        [*prefix, *command],
        cwd=folder,
        env=given,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
    )


def genrelab(*arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "genrelab.cli", *arguments]


def run(folder: Path) -> list[str | Path]:
    """Return the command for a study as small as it can be, all of which lies in a folder."""
    settings = [*STUDY, f"dataset.root='{folder}/tones'", f"reporter.aim.repo='{folder}/runs'"]
    plugin: list[str | Path] = ["--plugin", TOY / "toy.py", "--run-dir", folder / "runs/toy"]
    given = [a for text in settings for a in ("--set", text)]
    return genrelab("run", TOY / "toy.toml", "--store", folder / "store", *plugin, *given)


def assert_ran(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "fails in" not in done.stderr
    assert (folder / "runs/toy/results.md").is_file()
    assert (folder / "runs/.aim").is_dir()


FAST = ("nothing is set", "C, and no UTF-8")
LIGHT = [pytest.param(e, marks=() if n in FAST else pytest.mark.slow, id=n) for n, e in ENVIRONMENTS.items()]


@pytest.mark.parametrize("environment", LIGHT)
def test_commands_that_are_light_work(tmp_path: Path, environment: dict[str, str]) -> None:
    shutil.copy(ROOT / "experiments/quickstart.toml", tmp_path / "é.toml")
    done = call(tmp_path, genrelab("validate", "é.toml"), environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "36 trainings" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())
def test_a_study_runs(tmp_path: Path, environment: dict[str, str]) -> None:
    assert_ran(call(tmp_path, run(tmp_path), environment), tmp_path)


def test_a_name_that_the_terminal_has_no_letters_for_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text('[models]\n"日本" = "./net.py"\n', encoding="utf-8")
    done = call(tmp_path, genrelab("list", "model"), {"PYTHONIOENCODING": "latin-1"})
    assert (done.returncode, done.stderr) == (0, "")
    assert r"model/\u65e5\u672c" in done.stdout


def test_closed_streams_are_no_reason_to_fail(tmp_path: Path) -> None:
    closed = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh"]
    done = call(tmp_path, [*closed, *genrelab("validate", ROOT / "experiments/quickstart.toml")], {})
    assert done.returncode == 0


def unshared(*options: str) -> tuple[str, ...]:
    """Return a prefix that gives a command namespaces of its own; skip where the system does not allow it."""
    prefix = ("unshare", *options)
    if not shutil.which("unshare") or subprocess.run([*prefix, "true"], capture_output=True).returncode:
        pytest.skip("needs to unshare namespaces")
    return prefix


@pytest.mark.slow
def test_a_study_runs_for_a_user_whom_the_system_does_not_know(tmp_path: Path) -> None:
    prefix = unshared("--user", "--map-user=12345", "--map-group=12345")
    assert_ran(call(tmp_path, run(tmp_path), {}, prefix), tmp_path)


@pytest.mark.slow
def test_a_study_runs_in_a_checkout_that_cannot_be_written(tmp_path: Path) -> None:
    script = f'mount --bind {ROOT} {ROOT} && mount -o remount,bind,ro {ROOT} && cd {ROOT} && ! touch x && exec "$@"'
    prefix = (*unshared("--mount", "--map-root-user"), "sh", "-c", script, "sh")
    assert_ran(call(tmp_path, run(tmp_path), {"TMPDIR": str(tmp_path)}, prefix), tmp_path)


@pytest.mark.slow
def test_a_wheel_works_outside_the_repository(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    installed, work = tmp_path / "installed", tmp_path / "work"
    work.mkdir()
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "-q",
        "--target",
        installed,
        wheel,
    ]
    subprocess.run(install, check=True, timeout=120)
    environment = {"PYTHONPATH": str(installed)}
    where = call(work, [sys.executable, "-c", "import genrelab; print(genrelab.__file__)"], environment)
    assert where.stdout.startswith(str(installed))
    listed = call(work, genrelab("list"), environment)
    assert "model/cnn1d_gru" in listed.stdout
    assert call(work, genrelab("new", "model", "my_net"), environment).returncode == 0
    assert_ran(call(work, run(work), environment), work)
    report = call(work, genrelab("report", "runs/toy"), environment)
    assert report.returncode == 0, report.stderr
