"""Predicting with what was trained."""

from __future__ import annotations

import csv
import functools
import io
import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from rich.console import Console

import genrelab as package
from genrelab import InputError, WorkError
from genrelab.cli.main import cli
from genrelab.cli.predict import load_again
from genrelab.compare.calibration import with_temperature
from genrelab.data.audio import read_mono
from genrelab.data.pool import Pool
from genrelab.files import read_json, write_json
from genrelab.use import many
from tests.conftest import TOY


@pytest.mark.parametrize("candidate", ["toy", "cnn1d_gru"])
def test_a_clip_has_the_numbers_of_the_study(classifier, tested, candidate):
    model = classifier(candidate)
    expected = tested(candidate, model.description.seed)
    assert len(expected) >= 3
    for path, probabilities in expected.items():
        assert model.predict(path) == pytest.approx(probabilities, abs=1e-6)
        x, rate = soundfile.read(path, dtype="float32")
        assert model.predict(x, rate) == pytest.approx(probabilities, abs=1e-6)
        assert model.predict(np.stack([x, x], 1), rate) == pytest.approx(probabilities, abs=1e-6)


def test_longer_audio_is_the_mean_of_its_clips(classifier, tested):
    model = classifier("toy")
    expected = tested("toy", model.description.seed)
    paths = list(expected)[:3]
    x = np.concatenate([read_mono(p, 8000) for p in paths])
    found = model.timeline(x)
    windows = len(found.start) // 3
    for i, path in enumerate(paths):
        ours = found.probabilities[i * windows : (i + 1) * windows].mean(0)
        assert ours == pytest.approx(expected[path], abs=1e-6)
    assert found.mean == pytest.approx(np.mean([expected[p] for p in paths], 0), abs=1e-6)
    assert found.mean.sum() == pytest.approx(1)
    assert found.start[0] == 0
    assert found.end[-1] == pytest.approx(3, abs=0.05)
    assert found.seconds == pytest.approx(3)
    assert (found.end - found.start) == pytest.approx(0.4, abs=0.05)


def test_the_run_that_is_best_on_validation_is_used_whatever_the_test_says(copied, registry):
    folder = copied / "candidates/toy/final"
    for seed, validation, test in ((1, 0.4, 0.9), (2, 0.6, 0.1)):
        result = read_json(folder / f"seed-{seed}/result.json")
        result["metrics"]["validation"]["accuracy"] = validation
        result["metrics"]["test"]["accuracy"] = test
        write_json(folder / f"seed-{seed}/result.json", result)
    load = package.load
    assert load(copied, candidate="toy", registry=registry).description.seed == 2
    assert load(copied, candidate="toy", seed=1, registry=registry).description.seed == 1
    with pytest.raises(InputError, match=r"no completed run of seed 7 \(there are: \[1, 2\]\)"):
        load(copied, candidate="toy", seed=7, registry=registry)


def test_what_is_not_there_is_named(study, registry, tmp_path):
    with pytest.raises(InputError, match=r"name a candidate with --candidate \(there are: cnn1d_gru, toy\)"):
        package.load(study, registry=registry)
    with pytest.raises(InputError, match=r"no candidate is called 'toi' .did you mean 'toy'"):
        package.load(study, candidate="toi", registry=registry)
    with pytest.raises(InputError, match="is neither a run directory"):
        package.load(tmp_path)


def test_an_embedding_is_what_the_head_classifies(classifier, tone):
    assert classifier("toy").embed(tone("a.wav")).shape == (16,)
    assert classifier("cnn1d_gru").embed(tone("a.wav")).shape == (16,)


def test_calibration_tempers_by_the_temperature_that_validation_gives(classifier, tone):
    model = classifier("cnn1d_gru")
    plain, calibrated = model.predict(tone("a.wav")), model.predict(tone("a.wav"), calibrated=True)
    assert calibrated == pytest.approx(with_temperature(plain.astype(float), model.temperature), abs=1e-6)
    assert model.temperature != 1


@pytest.mark.parametrize("x", [np.zeros((2, 2, 2)), np.array([]), np.array([np.nan] * 9), np.zeros(8000)])
def test_what_is_no_sound_is_refused(classifier, x):
    with pytest.raises(InputError):
        classifier().predict(x)


@pytest.fixture
def crowd(tone, tmp_path):
    for i in range(4):
        tone(f"crowd/{i}.wav", hz=200 + 500 * i, seconds=1 + i)
    (tmp_path / "crowd/broken.mp3").write_bytes(b"nothing" * 999)
    (tmp_path / "crowd/notes.txt").write_text("no audio")
    return tmp_path / "crowd"


def predict(study, *more):
    """Run the command in this process: to start another one that imports torch takes seconds."""
    arguments = ["predict", study, "--candidate", "cnn1d_gru", "--plugin", TOY / "toy.py", *more]
    return CliRunner().invoke(cli, list(map(str, arguments)), standalone_mode=False)


def test_files_and_folders_as_csv(study, crowd, classifier):
    done = predict(study, crowd, crowd / "0.wav", "--format", "csv")
    assert done.exception is None
    assert done.stderr.splitlines()[-1] == "1 of 5 files cannot be used"
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [r["path"] for r in rows] == [str(crowd / n) for n in ("0.wav", "1.wav", "2.wav", "3.wav", "broken.mp3")]
    model = classifier("cnn1d_gru")
    for row in rows[:4]:
        found = [float(row[f"p({name})"]) for name in model.classes]
        assert found == pytest.approx(model.predict(row["path"]), abs=2e-6)
        assert row["genre"] == model.classes[int(np.argmax(found))]
    assert rows[3]["seconds"] == "4.000"
    assert (rows[4]["reason"], rows[4]["genre"]) == ("undecodable", "")


def test_as_json_lines_and_calibrated(study, crowd, classifier):
    done = predict(study, crowd, "--format", "jsonl", "--calibrated")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    model = classifier("cnn1d_gru")
    assert rows[0]["probabilities"] == pytest.approx(
        dict(zip(model.classes, model.predict(crowd / "0.wav", calibrated=True).tolist(), strict=True)), abs=1e-6
    )
    assert rows[4]["reason"] == "undecodable"


def test_a_table_with_timelines(study, crowd, tmp_path):
    done = predict(study, crowd, "--timeline", tmp_path / "over", "--hop", "0.5")
    assert "broken.mp3" in done.stdout
    assert "cannot be decoded" in done.stdout
    names = {f.name for f in (tmp_path / "over").iterdir()}
    assert names == {f"{i}.{kind}" for i in range(4) for kind in ("csv", "png")}
    rows = list(csv.DictReader((tmp_path / "over/1.csv").read_text().splitlines()))
    assert [float(rows[0]["start"]), float(rows[-1]["end"])] == pytest.approx([0, 2], abs=0.05)
    assert (tmp_path / "over/1.png").read_bytes().startswith(b"\x89PNG")


def test_where_no_file_can_be_used_the_command_fails(study, crowd):
    done = predict(study, crowd / "broken.mp3")
    assert isinstance(done.exception, WorkError)
    assert str(done.exception) == "no file can be used"
    (crowd / "empty").mkdir()
    assert isinstance(predict(study, crowd / "empty").exception, InputError)


def test_long_files_and_many_files_go_to_processes_that_do_everything(study, crowd, monkeypatch, classifier):
    made = []

    class Watched(Pool):
        def __init__(self, work, *more):
            made.append(work)
            super().__init__(work, *more)

    monkeypatch.setattr(many, "Pool", Watched)
    monkeypatch.setattr(many, "_LONG", 3.5)  # so 3.wav, of 4 s, is too long to be handed on
    make = functools.partial(load_again, study, "cnn1d_gru", None, (TOY / "toy.py",), study)
    files = many.find_files([crowd])
    found = list(many.predict_files(files, make(), make, hop=0.0, console=Console(quiet=True)))
    assert [h.path for h in found] == files
    assert made[1] is many._predict
    model = classifier("cnn1d_gru")
    for heard in found[:4]:
        assert heard.outcome.mean == pytest.approx(model.predict(heard.path), abs=1e-6)
    assert found[4].outcome.reason == "undecodable"


def test_predicting_imports_neither_ax_nor_aim_nor_what_only_training_needs(study, tone):
    code = (
        "import sys\n"
        "from genrelab.cli.main import main\n"
        f"sys.argv = ['genrelab', 'predict', {str(study)!r}, {str(tone('a.wav'))!r}, '--candidate', 'cnn1d_gru',"
        f" '--plugin', {str(TOY / 'toy.py')!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'ax', 'aim', 'sklearn', 'scipy.optimize', 'matplotlib', 'joblib', 'torch._dynamo', 'onnx'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
