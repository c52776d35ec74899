"""Whole studies on the toy plugin, run through the command line as a user runs them."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import safetensors.numpy

from genrelab.data.tracks import read_tracks
from genrelab.events import Compared
from genrelab.study.replay import replay
from genrelab.times import TITLE, WORK
from tests.conftest import TOY, Command

# What two equal runs do not share.
MEASURED = ("seconds", "earlier_seconds", "epoch_seconds", "judging_seconds", "clips_per_second", "peak_memory")
NO_SEARCH = ("search={}", "candidate.wide.space={}")


def table(root: Path) -> list[dict[str, str]]:
    with (root / "results.csv").open(newline="") as lines:
        return [{k: v for k, v in r.items() if k != "epoch_seconds"} for r in csv.DictReader(lines)]


def results(root: Path) -> dict[str, Any]:
    """Everything that two equal runs must share, by path."""
    found: dict[str, Any] = {}
    for file in sorted(root.rglob("result.json")):
        result = json.loads(file.read_text())
        name = str(file.parent.relative_to(root))
        found[name] = {k: v for k, v in result.items() if k not in MEASURED}
        found[name]["weights"] = {
            k: v.tolist() for k, v in safetensors.numpy.load_file(file.parent / "best.safetensors").items()
        }
        lines = (file.parent / "metrics.jsonl").read_text().splitlines()
        found[name]["epochs of metrics.jsonl"] = [json.loads(line)["epoch"] for line in lines]
    for file in sorted(root.rglob("search.json")):
        found[str(file.relative_to(root))] = json.loads(file.read_text())["proposals"]
    return found


def events(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    return [tuple(json.loads(line)) for line in (folder / "events.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One toy study, run to its end with one worker; tests only read it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    source = Path(__file__).parents[1] / "toy"
    command = [sys.executable, "-m", "genrelab.cli", "run", source / "toy.toml", "--plugin", source / "toy.py"]
    done = subprocess.run(
        [*command, "--set", "executor.workers=1"], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    (folder / "stdout").write_text(done.stdout)
    return folder


def test_a_study_ends_with_a_table_in_the_terminal_as_csv_and_as_markdown(undisturbed: Path) -> None:
    root = undisturbed / "runs/toy"
    rows = table(root)
    assert [r["candidate"] for r in rows] == ["narrow", "wide"]
    assert [r["seeds"] for r in rows] == ["2", "2"]
    assert all(0 <= float(r["f1_macro"]) <= 1 for r in rows)
    assert rows[0]["parameters"] == str(129 * 4 + 4 + 4 * 3 + 3)
    printed = (undisturbed / "stdout").read_text()
    markdown = (root / "results.md").read_text()
    for row in rows:
        shown = f"{100 * float(row['accuracy']):.2f}"
        assert shown in printed
        assert shown in markdown
        assert row["settings"] in markdown


def test_a_study_ends_with_where_its_time_went(undisturbed: Path) -> None:
    total = json.loads((undisturbed / "runs/toy/times.json").read_text())
    assert [*total] == [*WORK, "wall"]
    assert min(total.values()) > 0
    printed = (undisturbed / "stdout").read_text()
    told = [line.split("│")[1].strip() for line in printed.partition(TITLE)[2].splitlines() if "│" in line]
    assert told == [*WORK, "all processes", "passed"]


def test_every_candidate_gets_the_same_number_of_trials_and_final_runs(undisturbed: Path) -> None:
    for name in ("narrow", "wide"):
        folder = undisturbed / "runs/toy/candidates" / name
        assert sorted(p.name for p in (folder / "trials").iterdir()) == ["000", "001", "002"]
        assert sorted(p.name for p in (folder / "final").iterdir()) == ["seed-1", "seed-2"]


def by_loss(trainings: Iterable[Path]) -> list[dict[str, Any]]:
    """Recipes of some trainings, the lowest validation loss first."""

    def loss(folder: Path) -> float:
        result = json.loads((folder / "result.json").read_text())
        return float(result["metrics"]["validation"]["loss"])

    return [json.loads((t / "job.json").read_text())["recipe"] for t in sorted(trainings, key=loss)]


def test_the_best_of_the_search_are_trained_again_and_the_best_of_these_is_tested(undisturbed: Path) -> None:
    for folder in (undisturbed / "runs/toy/candidates").iterdir():
        finalists = sorted((folder / "selection").iterdir())
        assert [f.name for f in finalists] == ["1-seed-101", "2-seed-101"]
        recipes = [json.loads((f / "job.json").read_text())["recipe"] for f in finalists]
        assert recipes == by_loss((folder / "trials").iterdir())[:2]
        seeds = {json.loads((f / "job.json").read_text())["seed"] for f in finalists}
        assert len(seeds) == 1
        for final in (folder / "final").iterdir():
            job = json.loads((final / "job.json").read_text())
            assert job["recipe"] == by_loss(finalists)[0]
            assert job["seed"] not in seeds


def test_only_final_runs_touch_the_test_set(undisturbed: Path) -> None:
    for name, result in results(undisturbed / "runs/toy").items():
        if name.endswith("search.json"):
            continue
        subsets = {"validation", "test"} if "final" in name else {"validation"}
        assert result["metrics"].keys() == subsets


def test_predictions_are_kept_for_each_test_track_and_give_the_reported_accuracy(undisturbed: Path) -> None:
    root = undisturbed / "runs/toy"
    with (root / "data/tracks.csv").open(newline="") as lines:
        tracks = [t for t in csv.DictReader(lines) if t["split"] == "test"]
    for file in root.rglob("predictions.npz"):
        arrays = np.load(file)
        assert arrays["probabilities"].shape == (len(tracks), 3)
        assert [["high", "low", "mid"][i] for i in arrays["true"]] == [t["label"] for t in tracks]
        accuracy = (arrays["probabilities"].argmax(1) == arrays["true"]).mean()
        reported = json.loads((file.parent / "result.json").read_text())["metrics"]["test"]["accuracy"]
        assert accuracy == pytest.approx(reported)


def test_no_artist_is_on_both_sides_of_the_split(undisturbed: Path) -> None:
    with (undisturbed / "runs/toy/data/tracks.csv").open(newline="") as lines:
        tracks = list(csv.DictReader(lines))
    for artist in {t["artist"] for t in tracks}:
        assert len({t["split"] for t in tracks if t["artist"] == artist}) == 1
    assert {t["split"] for t in tracks} == {"train", "validation", "test"}


def test_reporters_are_told_everything_in_order(undisturbed: Path) -> None:
    *told, compared = events(undisturbed)
    assert compared[0] == "on_comparison"
    assert told[0][0] == "on_study_start"
    assert told[0][1]["trials"] == 14
    assert told[-1][0] == "on_study_end"
    assert [r["candidate"] for r in told[-1][1]["rows"]] == ["narrow", "wide"]
    for trial in {json.dumps(e["trial"]) for _, e in told[1:-1]}:
        hooks = [hook for hook, e in told if json.dumps(e.get("trial")) == trial]
        epochs = [e["epoch"] for hook, e in told if json.dumps(e.get("trial")) == trial and hook == "on_epoch_end"]
        assert hooks == ["on_trial_start", *["on_epoch_end"] * len(epochs), "on_trial_end"]
        assert epochs == list(range(1, len(epochs) + 1))


def test_the_resolved_experiment_is_kept_and_runs_to_the_same_numbers_with_more_workers(
    undisturbed: Path, toy: Path, genrelab: Command
) -> None:
    resolved = undisturbed / "runs/toy/experiment.toml"
    assert tomllib.loads(resolved.read_text())["train"]["weight_decay"] == 1e-4
    done = genrelab("run", resolved, "--set", "executor.workers=3", timeout=300)
    assert done.returncode == 0, done.stderr
    assert results(toy / "runs/toy") == results(undisturbed / "runs/toy")
    assert table(toy / "runs/toy") == table(undisturbed / "runs/toy")


@pytest.mark.slow
def test_a_rule_ends_trials_early_the_same_ones_with_more_workers(toy: Path, genrelab: Command) -> None:
    rule = 'search.stopping={rule="percentile", min_epochs=2, min_trials=1}'
    settings = [rule, "train.epochs=6", "train.patience=0", "final.seeds=[1]", "final.finalists=1"]
    found = []
    for workers in (1, 3):
        arguments = [a for s in (*settings, f"executor.workers={workers}") for a in ("--set", s)]
        done = genrelab("run", "toy.toml", "--run-dir", f"with-{workers}", *arguments, timeout=300)
        assert done.returncode == 0, done.stderr
        found.append(results(toy / f"with-{workers}"))
    assert found[0] == found[1]
    stopped = [r for r in found[0].values() if isinstance(r, dict) and r["status"] == "stopped"]
    assert stopped
    assert all(2 <= r["epochs"] < r["epochs_at_most"] == 6 for r in stopped)
    assert sum(int(row["stopped"]) for row in table(toy / "with-1")) == len(stopped)
    assert "stopped)" in done.stdout


def test_a_study_that_is_done_is_not_done_again(undisturbed: Path) -> None:
    before = results(undisturbed / "runs/toy")
    stamps = {f: f.stat().st_mtime_ns for f in undisturbed.rglob("result.json")}
    source = Path(__file__).parents[1] / "toy"
    command = [sys.executable, "-m", "genrelab.cli", "run", source / "toy.toml", "--plugin", source / "toy.py"]
    done = subprocess.run(command, cwd=undisturbed, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert results(undisturbed / "runs/toy") == before
    assert {f: f.stat().st_mtime_ns for f in undisturbed.rglob("result.json")} == stamps


def kill_after(seconds: float, folder: Path, *arguments: str) -> bool:
    """Run a study and kill it with its workers after a while; tell whether it had ended before."""
    command = [sys.executable, "-m", "genrelab.cli", "run", "toy.toml", *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return False
        return True


def kill_when(reached: Callable[[], bool], folder: Path) -> None:
    """Run a study and kill it with its workers as soon as it has come so far."""
    command = [sys.executable, "-m", "genrelab.cli", "run", "toy.toml", "--set", "executor.workers=2"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not reached():
            assert process.poll() is None, "the study ended before"
            time.sleep(0.01)
        process.kill()


def test_a_study_that_is_killed_goes_on_to_the_numbers_of_one_that_was_not(
    undisturbed: Path, toy: Path, genrelab: Command
) -> None:
    for started in (2, 5, 8):
        kill_when(lambda n=started: len(list(toy.rglob("job.json"))) >= n, toy)
    done = genrelab("run", "toy.toml", "--set", "executor.workers=1", timeout=300)
    assert done.returncode == 0, done.stderr
    assert results(toy / "runs/toy") == results(undisturbed / "runs/toy")
    assert table(toy / "runs/toy") == table(undisturbed / "runs/toy")


@pytest.mark.slow
def test_a_study_that_is_killed_twenty_times_goes_on_to_the_same_numbers(toy: Path, genrelab: Command) -> None:
    """Epochs take long enough, and checkpoints within them come often enough, for kills to fall everywhere."""
    values = ["train.epochs=8", "train.batch_size=2", "train.patience=0", "train.checkpoint_minutes=1e-9"]
    values += ["candidate.wide.model.fault=slow", "candidate.narrow.model.fault=slow", "executor.workers=2"]
    slow = [argument for value in values for argument in ("--set", value)]
    other = toy / "other"
    shutil.copytree(toy, other)
    command = [sys.executable, "-m", "genrelab.cli", "run", "toy.toml", *slow]
    done = subprocess.run(command, cwd=other, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    random = np.random.default_rng(0)
    kills = ended = 0
    while not ended and kills < 60:
        ended = kill_after(7 + 4 * random.random(), toy, *slow)
        kills += not ended
    print(f"killed {kills} times; had {'' if ended else 'not '}ended before the last")
    assert kills >= 20
    assert genrelab("run", "toy.toml", *slow, timeout=900).returncode == 0
    assert results(toy / "runs/toy") == results(other / "runs/toy")
    assert table(toy / "runs/toy") == table(other / "runs/toy")


def test_workers_end_with_a_study_that_is_killed(toy: Path) -> None:
    command = [sys.executable, "-m", "genrelab.cli", "run", "toy.toml", "--set", "candidate.wide.model.fault=slow"]
    with subprocess.Popen(command, cwd=toy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not list(toy.rglob("metrics.jsonl")) and time.monotonic() < deadline:
            time.sleep(0.05)
        workers = [int(p) for p in _children(process.pid)]
        process.kill()
    assert workers
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{p}").exists() for p in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [p for p in workers if Path(f"/proc/{p}").exists()]


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_write_a_checkpoint_mark_the_trial_and_say_how_to_go_on(
    toy: Path, sent: signal.Signals, code: int
) -> None:
    command = [sys.executable, "-m", "genrelab.cli", "run", "toy.toml", "--set", "candidate.wide.model.fault=slow"]
    with subprocess.Popen(command, cwd=toy, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list(toy.rglob("metrics.jsonl")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(sent)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert "the same command goes on" in stderr
    assert "Traceback" not in stderr
    assert events(toy)[-1][0] == "on_study_end"
    assert events(toy)[-1][1]["status"] == "interrupted"
    started = [e["trial"] for hook, e in events(toy) if hook == "on_trial_start"]
    ended = {json.dumps(e["trial"]): e["status"] for hook, e in events(toy) if hook == "on_trial_end"}
    assert ended.keys() == {json.dumps(trial) for trial in started}
    assert "interrupted" in ended.values()
    left = [f.parent for f in toy.rglob("job.json") if not (f.parent / "result.json").exists()]
    assert left
    assert any((folder / "checkpoint.pt").exists() for folder in left)
    assert json.loads((toy / "runs/toy/times.json").read_text())["train"] > 0


@pytest.mark.slow
def test_a_second_ctrl_c_leaves_at_once(toy: Path) -> None:
    plugin = toy / "toy.py"
    plugin.write_text(plugin.read_text().replace("time.sleep(0.05)", "Path('step').touch() or time.sleep(50)"))
    faults = [f"candidate.{name}.model.fault=slow" for name in ("wide", "narrow")]
    command = [sys.executable, "-m", "genrelab.cli", "run", "toy.toml", *[a for f in faults for a in ("--set", f)]]
    with subprocess.Popen(command, cwd=toy, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not (toy / "step").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        workers = _children(process.pid)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(5)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=15)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert workers
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{p}").exists() for p in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [p for p in workers if Path(f"/proc/{p}").exists()]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raises", "this model always fails"),
        pytest.param("diverges", "the training loss is nan in epoch 1", marks=pytest.mark.slow),
        pytest.param("dies", "its process died twice: exit code 7", marks=pytest.mark.slow),
    ],
)
def test_a_candidate_whose_trainings_fail_does_not_stop_the_others(
    toy: Path, genrelab: Command, fault: str, said: str
) -> None:
    settings = ["search.trials=2", "final.seeds=[1]", f"candidate.wide.model.fault={fault}", "executor.workers=2"]
    done = genrelab("run", "toy.toml", *[a for s in settings for a in ("--set", s)], timeout=300)
    assert done.returncode == 0, done.stderr
    narrow, wide = table(toy / "runs/toy")
    assert narrow["seeds"] == "1"
    assert (wide["seeds"], wide["accuracy"]) == ("0", "")
    assert said in wide["message"]
    assert said in done.stdout
    ended = [e for hook, e in events(toy) if hook == "on_trial_end" and e["trial"]["candidate"] == "wide"]
    status = "diverged" if fault == "diverges" else "failed"
    assert [e["status"] for e in ended] == [status, status]


def test_a_study_in_which_everything_fails_exits_with_1(toy: Path, genrelab: Command) -> None:
    settings = [
        *NO_SEARCH,
        "final.seeds=[1]",
        "candidate.wide.model.fault=diverges",
        "candidate.narrow.model.fault=diverges",
    ]
    done = genrelab("run", "toy.toml", *[a for s in settings for a in ("--set", s)])
    assert done.returncode == 1
    assert "no candidate has a result" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reporter_that_fails_is_named_and_does_not_stop_the_study(toy: Path, genrelab: Command) -> None:
    settings = [*NO_SEARCH, "final.seeds=[1]", "reporter.recorder.fails=on_trial_start"]
    done = genrelab("run", "toy.toml", *[a for s in settings for a in ("--set", s)])
    assert done.returncode == 0, done.stderr
    warning = "warning: reporter 'recorder' fails in on_trial_start: RuntimeError: the recorder is full"
    assert done.stderr.count(warning) == 1
    assert [hook for hook, _ in events(toy)] == [
        "on_study_start",
        "on_trial_start",
        "on_study_end",
        "on_comparison",
    ]


def test_files_that_cannot_be_used_are_quarantined_and_counted(toy: Path, genrelab: Command) -> None:
    settings = [*NO_SEARCH, "final.seeds=[1]", "dataset.broken=3"]
    done = genrelab("run", "toy.toml", *[a for s in settings for a in ("--set", s)])
    assert done.returncode == 0, done.stderr
    with (toy / "runs/toy/data/quarantine.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [Path(r["path"]).name for r in rows] == ["broken-0.wav", "broken-1.wav", "broken-2.wav"]
    assert {r["reason"] for r in rows} == {"undecodable"}
    notes = next(e["notes"] for hook, e in events(toy) if hook == "on_study_start")
    assert any(note.startswith("3 of 39 files cannot be used (3 undecodable)") for note in notes)


def test_audio_that_changed_since_the_study_began_is_refused(toy: Path, genrelab: Command) -> None:
    settings = [*NO_SEARCH, "final.seeds=[1]", "candidate.wide.model.fault=diverges"]
    arguments = [a for s in settings for a in ("--set", s)]
    assert genrelab("run", "toy.toml", *arguments).returncode == 0
    (toy / "runs/toy/candidates/narrow/final/seed-1/result.json").unlink()
    changed, other = toy / "tones/low-0.wav", toy / "tones/low-1.wav"
    changed.write_bytes(other.read_bytes())
    os.utime(changed)
    done = genrelab("run", "toy.toml", *arguments)
    assert done.returncode == 1
    assert "1 audio files have changed since this study began" in done.stderr


def test_a_run_that_has_moved_goes_on_to_the_same_numbers_with_its_audio_where_it_is_now(
    undisturbed: Path, tmp_path: Path, genrelab: Command
) -> None:
    shutil.copytree(undisturbed / "runs/toy", tmp_path / "moved")
    shutil.copytree(undisturbed / "tones", tmp_path / "music")
    for undone in ("trials/002", "selection", "final"):
        shutil.rmtree(tmp_path / "moved/candidates/wide" / undone)
    arguments = ["moved", "--plugin", TOY / "toy.py", "--set", "dataset.root=music"]
    done = genrelab("run", *arguments, "--set", "executor.workers=1")
    assert done.returncode == 0, done.stderr
    assert results(tmp_path / "moved") == results(undisturbed / "runs/toy")
    assert table(tmp_path / "moved") == table(undisturbed / "runs/toy")
    assert {t.path.parent for t in read_tracks(tmp_path / "moved/data/tracks.csv").tracks} == {Path("music")}
    assert not (tmp_path / "tones").exists()


def test_a_study_ends_with_a_comparison_that_reporters_are_told_of(undisturbed: Path) -> None:
    _, compared = events(undisturbed)[-1]
    assert compared["directory"] == "runs/toy"
    assert compared["comparison"] == json.loads((undisturbed / "runs/toy/comparison.json").read_text())


def test_a_run_directory_tells_what_the_reporters_were_told(undisturbed: Path) -> None:
    told = [event for hook, event in events(undisturbed) if hook != "on_comparison"]
    again = [attrs.asdict(e) for e in replay(undisturbed / "runs/toy") if not isinstance(e, Compared)]
    again = json.loads(json.dumps(again, default=str).replace(f"{undisturbed}/", ""))
    for event in (*told, *again):
        event.pop("time")

    for start in (told[0], again[0]):  # another command may have gone on with this study since
        del start["environment"], start["experiment"]["executor"]
    assert again[0] == told[0]
    trainings = [json.dumps(e["trial"]) for e in told if "recipe" in e]
    for training in trainings:
        own = [[e for e in es if json.dumps(e.get("trial")) == training] for es in (told, again)]
        assert own[0] == own[1]
    assert again[-1] == told[-1]
