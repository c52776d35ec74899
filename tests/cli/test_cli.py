"""The command line as a user meets it: what it prints, and one clear line with exit code 2 for wrong input."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT, Command

SHIPPED = ROOT / "experiments"


def test_list_shows_every_kind_with_what_it_is_and_where_from(genrelab: Command) -> None:
    done = genrelab("list")
    assert done.returncode == 0
    line = next(line for line in done.stdout.splitlines() if line.startswith("model/cnn2d_gru "))
    assert "GRU" in line
    assert "registry.toml" in line
    assert {line.split("/")[0] for line in done.stdout.splitlines()} == {
        "dataset", "feature", "augmentation", "model", "scheduler", "reporter", "executor",
    }  # fmt: skip
    only = genrelab("list", "model").stdout.splitlines()
    assert only
    assert all(line.startswith("model/") for line in only)


def test_list_long_adds_parameters_with_default_and_range(genrelab: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import no_such_package")
    (tmp_path / "registry.toml").write_text('[models]\nbad = "./bad.py"\n')
    done = genrelab("list", "model", "--long")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("model/cnn2d_gru "))
    assert lines[start + 1] == "    hidden_dim = 64  4..512 (log)"
    assert any(line.startswith("    (does not load: ") and "no_such_package" in line for line in lines)


def test_show_gives_the_parameters_of_a_component(genrelab: Command) -> None:
    done = genrelab("show", "model/cnn1d_gru")
    assert done.returncode == 0
    line = next(line for line in done.stdout.splitlines() if line.startswith("dropout"))
    assert line.split()[:4] == ["dropout", "float", "0.3", "0.0..0.6"]


def test_show_draws_the_learning_rate_of_an_experiment_without_training(genrelab: Command, tmp_path: Path) -> None:
    text = (SHIPPED / "quickstart.toml").read_text().replace("reduce_on_plateau", 'step_lr"\nstep_size = 5\n#')
    (tmp_path / "steps.toml").write_text(text)
    done = genrelab("show", "steps.toml", "--learning-rate", "--steps", "3", "--output", "rate.png")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[1:16]]
    assert [float(rate) for _, rate in rows] == [1e-3] * 5 + [5e-4] * 5 + [2.5e-4] * 5
    assert (tmp_path / "rate.png").read_bytes().startswith(b"\x89PNG")


def test_show_resolves_an_experiment_to_one_that_is_valid(genrelab: Command, tmp_path: Path) -> None:
    done = genrelab("show", SHIPPED / "quickstart.toml")
    (tmp_path / "resolved.toml").write_text(done.stdout)
    assert "weight_decay" in done.stdout
    assert genrelab("validate", "resolved.toml").returncode == 0


def test_check_finds_nothing_wrong_with_what_ships(genrelab: Command) -> None:
    done = genrelab("check")
    assert done.returncode == 0, done.stdout
    assert "ok      model/cnn1d_gru" in done.stdout


def test_check_names_the_plugin_that_does_not_load_and_goes_on(genrelab: Command, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("\nimport no_such_package\n")
    (tmp_path / "registry.toml").write_text('[models]\nnet = "./net.py"\n')
    done = genrelab("check")
    assert done.returncode == 1
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 1
    assert "model/net" in failed[0]
    assert "net.py:2: ModuleNotFoundError" in failed[0]
    assert "ok      model/cnn2d_lstm" in done.stdout
    assert "1 of " in done.stderr


def test_check_run_does_the_conformance_checks(genrelab: Command, tmp_path: Path) -> None:
    assert "ok      scheduler/cosine: 4 ok" in genrelab("check", "scheduler/cosine", "--run").stdout
    source = (ROOT / "core/genrelab/templates/scheduler.py").read_text()
    (tmp_path / "bad.py").write_text(source.replace("min(step / steps.total, 1.0)", "step"))
    done = genrelab("check", "scheduler/my_scheduler", "--run", "--plugin", "bad.py")
    assert done.returncode == 1
    assert "FAILED  scheduler/my_scheduler: 2 ok, 2 failed" in done.stdout
    assert f"rates: {tmp_path / 'bad.py'}:" in done.stdout
    assert "fix: keep rates at 0 or above" in done.stdout
    assert done.stderr == "error: 1 of 1 components are not as they should be\n"


@pytest.mark.parametrize("name", [f.name for f in sorted(SHIPPED.glob("*.toml"))])
def test_every_shipped_experiment_is_valid_and_says_what_it_costs(genrelab: Command, name: str) -> None:
    done = genrelab("validate", SHIPPED / name)
    assert done.returncode == 0, done.stderr
    assert "ok: " in done.stdout
    assert "# Costs: " in (SHIPPED / name).read_text()


def folder_experiment(tmp_path: Path, **tracks: int) -> list[str]:
    """Make a folder with so many one-second WAV files a genre; give the arguments that run on it."""
    import numpy as np
    import soundfile

    random = np.random.default_rng(0)
    (tmp_path / "music").mkdir()
    for genre, count in tracks.items():
        (tmp_path / "music" / genre).mkdir()
        for i in range(count):
            soundfile.write(tmp_path / "music" / genre / f"{i}.wav", random.uniform(-0.5, 0.5, 8000), 8000)
    return ["run", str(SHIPPED / "folder.toml"), "--set", f"dataset.root={tmp_path / 'music'}"]


def assert_one_clear_line(done, *said: str) -> None:  # type: ignore[no-untyped-def]
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    for text in said:
        assert text in lines[0], lines[0]


class TestWrongInput:
    def test_missing_root(self, genrelab: Command, tmp_path: Path) -> None:
        done = genrelab("run", SHIPPED / "folder.toml", "--set", "dataset.root=/no/such/place")
        assert_one_clear_line(done, "/no/such/place")
        assert not (tmp_path / "runs/folder").exists()

    def test_folder_without_audio(self, genrelab: Command, tmp_path: Path) -> None:
        assert_one_clear_line(genrelab(*folder_experiment(tmp_path)), str(tmp_path / "music"))

    def test_genre_with_too_few_tracks(self, genrelab: Command, tmp_path: Path) -> None:
        done = genrelab(*folder_experiment(tmp_path, rock=5, jazz=2), "--set", "audio.seconds=1.0")
        assert_one_clear_line(done, "jazz", "2")
        assert not (tmp_path / "runs/folder").exists()

    @pytest.mark.parametrize(
        ("setting", "said"),
        [
            ("feature.n_mel=64", "feature.n_mel: unknown key (did you mean 'n_mels'?)"),
            ("feature.name=log_mell", "no feature is called 'log_mell' (did you mean 'log_mel'?)"),
            ("train.epochs=many", "train.epochs: expected integer, got 'many' (string)"),
            ("train.epochs=0", "train.epochs: 0 is outside 1..1000"),
            ("device=cuda:99", "there is no cuda:99 on this machine"),
            ("device=abacus", "'abacus' is not one of auto, cpu, cuda"),
        ],
    )
    def test_wrong_values(self, genrelab: Command, tmp_path: Path, setting: str, said: str) -> None:
        assert_one_clear_line(genrelab("run", SHIPPED / "quickstart.toml", "--set", setting), said)
        assert not (tmp_path / "runs").exists()
        assert not (tmp_path / ".genrelab").exists()

    def test_several_problems_are_listed_below_one_line(self, genrelab: Command) -> None:
        done = genrelab("validate", SHIPPED / "quickstart.toml", "--set", "train.epochs=0", "--set", "nmae=3")
        assert done.returncode == 2
        first, *rest = done.stderr.splitlines()
        assert first.endswith("quickstart.toml: 2 problems")
        assert len(rest) == 2

    def test_experiment_file_that_is_missing_or_no_toml(self, genrelab: Command, tmp_path: Path) -> None:
        assert_one_clear_line(genrelab("run", "nowhere.toml"), "nowhere.toml: cannot be read")
        (tmp_path / "x.toml").write_text("\nname = = 3")
        assert_one_clear_line(genrelab("run", "x.toml"), "x.toml: cannot be read", "line 2")

    @pytest.mark.parametrize("command", ["validate", "run"])
    def test_a_run_to_start_from_that_is_not_there(self, genrelab: Command, tmp_path: Path, command: str) -> None:
        done = genrelab(command, SHIPPED / "quickstart.toml", "--set", 'search.warm_start=["runs/a", "runs/b"]')
        assert_one_clear_line(done, "search.warm_start: runs/a, runs/b: no run directory there")
        assert not (tmp_path / ".genrelab").exists()

    def test_two_plugins_of_one_name(self, genrelab: Command, tmp_path: Path) -> None:
        (tmp_path / "registry.toml").write_text('[models]\ncnn1d_gru = "./mine.py"\n')
        done = genrelab("run", SHIPPED / "quickstart.toml")
        assert_one_clear_line(done, "'cnn1d_gru' is offered twice", str(tmp_path / "registry.toml"))

    def test_plugin_that_does_not_import(self, genrelab: Command, tmp_path: Path) -> None:
        (tmp_path / "net.py").write_text("import no_such_package\n")
        done = genrelab("run", SHIPPED / "quickstart.toml", "--plugin", "net.py")
        assert_one_clear_line(done, "net.py:1: ModuleNotFoundError: No module named 'no_such_package'")

    def test_run_directory_of_another_experiment(self, genrelab: Command, toy: Path) -> None:
        few = ["--set", "search={}", "--set", "candidate.wide.space={}", "--set", "final.seeds=[1]"]
        assert genrelab("run", "toy.toml", *few).returncode == 0
        done = genrelab("run", "toy.toml", *few, "--set", "train.epochs=4")
        assert_one_clear_line(done, "runs/toy: holds another experiment; train.epochs: 3 there, 4 here")

    def test_run_directory_in_use(self, genrelab: Command, toy: Path) -> None:
        from filelock import FileLock

        (toy / "runs/toy").mkdir(parents=True)
        with FileLock(toy / "runs/toy/lock"):
            assert_one_clear_line(genrelab("run", "toy.toml"), "runs/toy: another process runs this study")

    def test_architecture_that_cannot_take_such_short_clips(self, genrelab: Command, tmp_path: Path) -> None:
        arguments = folder_experiment(tmp_path, rock=4, jazz=4)
        done = genrelab(*arguments, "--set", "audio.seconds=0.2", "--set", "feature.hop_length=4096")
        assert_one_clear_line(done, "candidate 'cnn1d_gru'", "frames")

    def test_unknown_command_or_option(self, genrelab: Command) -> None:
        assert_one_clear_line(genrelab("rnu"), "No such command 'rnu'")
        assert_one_clear_line(genrelab("run", "x.toml", "--sett", "a=1"), "--sett")
