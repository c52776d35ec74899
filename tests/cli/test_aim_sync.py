"""`genrelab aim-sync`: Aim rebuilt from run directories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from filelock import FileLock

from genrelab.cli.aim_sync import aim_sync
from genrelab.cli.compare import conclude
from genrelab.errors import InputError, WorkError
from genrelab.plugins.registry import Registry
from genrelab.times import Times
from tests.written_study import BEGAN, write_study

PARAMS = ("study", "hparams", "search", "summary", "env", "results")


def sync(*arguments: object) -> Any:
    """Run the command; return its output, or raise what it raises."""
    return CliRunner().invoke(aim_sync, [str(a) for a in arguments], catch_exceptions=False).output


def content(folder: Path) -> dict[str, Any]:
    """Everything that Aim has of each run, by name; none may be there twice."""
    from aim.sdk.repo import Repo

    repo = Repo.from_path(str(folder))
    repo._recreate_index()
    found: dict[str, Any] = {}
    for run in repo.iter_runs():
        assert run.name not in found
        series = {
            (m.name, *m.context.to_dict().values()): [part.tolist() for part in m.data.numpy()[1]]
            for m in run.metrics()
        }
        kinds = ("images", "figures", "texts")
        objects = [info for kind in kinds for info in run.collect_sequence_info((kind,))[kind]]
        found[run.name] = {
            "params": {key: run[key] for key in PARAMS if run.get(key)},
            "times": (run.creation_time, run.end_time),
            "experiment and tags": (run.experiment, sorted(run.tags)),
            "series": series,
            "objects": {(info["name"], *info["context"].values()) for info in objects},
        }
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a study that is in Aim, and compared; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("runs")
    study = write_study(folder / "study", trials=2, seeds=(1, 2))
    sync(study)
    assert "F1-macro" in conclude(study, Registry.discover(), Times())
    sync(study, "--repo", folder / "synced")
    return folder


def test_every_training_is_there_with_its_true_times(runs: Path) -> None:
    found = content(runs / "synced")
    stages = (*(f"trial-{i:03d}" for i in range(2)), "seed-1", "seed-2")
    trainings = {f"{candidate}/{stage}" for candidate in ("gru", "lstm") for stage in stages}
    assert set(found) == trainings | {"study", "review"}
    assert found["gru/trial-000"]["times"] == (BEGAN + 100, BEGAN + 190)
    assert found["study"]["times"] == (BEGAN + 100, BEGAN + 890)
    _, _, times = found["gru/trial-000"]["series"]["loss", "validation"]
    assert times == [BEGAN + t for t in (130, 160, 190)]
    assert found["lstm/seed-2"]["experiment and tags"] == ("study", ["final", "lstm"])
    assert found["study"]["params"]["study"]["status"] == "COMPLETED"
    assert ("results",) in found["review"]["objects"]


def test_a_second_sync_changes_nothing(runs: Path) -> None:
    before = content(runs / "synced")
    assert "8 trainings are in Aim" in sync(runs / "study", "--repo", runs / "synced")
    assert content(runs / "synced") == before


def test_nothing_is_lost_with_the_repository(runs: Path) -> None:
    sync(runs / "study", "--repo", runs / "new")  # Aim would remember one that is deleted under this process
    assert content(runs / "new") == content(runs / "synced")


def test_what_a_comparison_writes_is_what_a_sync_writes(runs: Path) -> None:
    live, synced = content(runs)["review"], content(runs / "synced")["review"]
    assert live["objects"] == synced["objects"]
    assert live["params"] == synced["params"]


def test_several_studies_go_where_the_option_says(tmp_path: Path) -> None:
    studies = [write_study(tmp_path / n, trials=0, seeds=(1,), reporter="") for n in ("one", "two")]
    sync(*studies, "--repo", tmp_path / "elsewhere")
    from aim.sdk.repo import Repo

    repo = Repo.from_path(str(tmp_path / "elsewhere"))
    repo._recreate_index()
    assert sorted((r.experiment, r.name) for r in repo.iter_runs()) == [
        (study, run) for study in ("one", "two") for run in ("gru/seed-1", "lstm/seed-1", study)
    ]


def test_a_study_that_runs_is_left_to_its_reporter(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", trials=0, seeds=(1,))
    with FileLock(study / "lock"), pytest.raises(InputError, match="runs this study; wait until it has ended"):
        sync(study)


def test_what_is_no_run_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no run directory"):
        sync(tmp_path)


def test_a_failure_of_aim_is_one(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", trials=0, seeds=(1,))
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkError, match="Aim fails: FileExistsError"):
        sync(study, "--repo", tmp_path / "file")
