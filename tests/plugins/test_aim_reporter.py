"""The Aim reporter: what it writes, that a study goes on in the same runs, that Aim's faults stay Aim's."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import attrs
import numpy as np
import PIL.Image
import pytest

from genrelab import EpochEnd, Exploration, Picture, StudyEnd, StudyStart, TrialEnd, TrialRef, TrialStart
from genrelab.config.experiment import ReporterChoice
from genrelab.plugins.registry import Registry
from genrelab.study.listeners import Listeners
from genrelab_plugins.reporters import aim as plugin
from genrelab_plugins.reporters._aim_values import by_name, escaped, finite, nested, plain, text_table, with_log10
from genrelab_plugins.reporters._confusion_image import confusion_image

CLASSES = ["blues", "Old-Time / [Historic]", "$rock$ 日本"]
CONFUSION = [[8, 1, 0], [2, 6, 1], [0, 0, 0]]


def search(candidate, number):
    return TrialRef("toy", candidate, "search", number)


def study_start(root, directory="toy"):
    return StudyStart(
        study="toy",
        directory=root / directory,
        experiment={"dataset": {"name": "synthetic", "root": root, "limit": None}},
        environment={"python": "3.11", "cores": np.int64(2)},
        candidates=["gru", "lstm"],
        classes=CLASSES,
        trials=6,
        notes=["2 clips are silent"],
    )


def trial_start(root, trial):
    recipe = {
        "feature": {"name": "log_mel", "n_mels": np.int64(128)},
        "augment": [{"name": "spec_mask", "max_bins": 8}, {"name": "noise", "level": 0.1}],
        "model": {"name": trial.candidate, "dropout": 0.25},
        "scheduler": {"name": "constant"},
        "train": {"batch_size": 16, "clip": float("nan")},
    }
    return TrialStart(trial, root / "toy" / trial.name, {"model.dropout": 0.25}, recipe, 5)


def epoch_end(trial, number, loss=0.5):
    metrics = {"train": {"loss": loss / 2}, "validation": {"loss": loss, "f1_macro": np.float32(0.1 * number)}}
    return EpochEnd(trial, number, metrics, 1e-3, 2.0, time=1_700_000_000.0 + number)


def trial_end(trial, f1, subset="validation", status="completed", **more):
    metrics = {"validation": {"loss": 1 - f1, "f1_macro": f1, "accuracy": float("nan")}}
    if subset == "test":
        metrics["test"] = {"f1_macro": f1 - 0.1}
    confusion = dict.fromkeys(metrics, CONFUSION)
    return TrialEnd(trial, status, epochs=3, best_epoch=2, metrics=metrics, confusion=confusion, **more)


def study_end(root, status="completed"):
    rows = [{"candidate": "gru", "f1": np.float64(0.7)}, {"candidate": "lstm", "f1": 0.5, "note": "slow"}]
    return StudyEnd("toy", root / "toy", status, rows)


HOOKS = {
    StudyStart: "on_study_start",
    TrialStart: "on_trial_start",
    EpochEnd: "on_epoch_end",
    TrialEnd: "on_trial_end",
    StudyEnd: "on_study_end",
    Exploration: "on_explore_end",
}


def report(root, events):
    (component,) = plugin.provide_reporters()
    reporter = component.build(component.params(repo=str(root)))
    for event in events:
        getattr(reporter, HOOKS[type(event)])(event)
    return reporter


def read(root):
    """Index the repository, as Aim's server would, and return its runs by name."""
    from aim.sdk.repo import Repo

    repo = Repo.from_path(str(root))
    repo._recreate_index()
    found = {}
    for run in repo.iter_runs():
        found.setdefault(run.name, []).append(run)
    assert all(len(runs) == 1 for runs in found.values()), "a run is there twice"
    return {name: runs[0] for name, runs in found.items()}


def series(run, name, **context):
    for metric in run.metrics():
        if metric.name == name and metric.context.to_dict() == context:
            steps, (values, *_) = metric.data.numpy()
            return dict(zip(steps.tolist(), values.tolist(), strict=True))
    return {}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two candidates side by side, ending out of order; one failure, one lost on the way, one final run."""
    root = tmp_path_factory.mktemp("aim")
    a, b, c, failing = search("gru", 0), search("gru", 1), search("lstm", 0), search("lstm", 1)
    final = TrialRef("toy", "gru", "final", 7)
    events = [study_start(root)]
    events += [trial_start(root, trial) for trial in (a, b, c, failing)]
    events += [epoch_end(trial, n, 1 / n) for n in (1, 2) for trial in (a, b, c)]
    events += [trial_start(root, b)]  # its process was lost; it is handed out again and goes on
    events += [epoch_end(trial, 3, 1 / 3) for trial in (a, b, c)]
    events += [epoch_end(failing, 1, float("nan"))]
    events += [trial_end(b, 0.6), trial_end(a, 0.7, objective=0.7, parameters=1234, seconds=9.0)]
    events += [trial_end(c, 0.5), TrialEnd(failing, "failed", "loss is not finite", epochs=1)]
    events += [trial_start(root, final), epoch_end(final, 1), trial_end(final, 0.8, "test"), study_end(root)]
    report(root, events)
    return read(root)


def test_each_training_is_one_run_beside_one_for_the_study(runs):
    trainings = {"gru/trial-000", "gru/trial-001", "lstm/trial-000", "lstm/trial-001", "gru/seed-7"}
    assert set(runs) == trainings | {"toy"}
    assert {run.experiment for run in runs.values()} == {"toy"}
    assert not any(run.active for run in runs.values())


def test_runs_are_tagged_by_stage_and_candidate(runs):
    assert set(runs["gru/trial-000"].tags) == {"search", "gru"}
    assert set(runs["gru/seed-7"].tags) == {"final", "gru"}
    assert runs["toy"].tags == ["study"]


def test_hyperparameters_are_nested_and_native(runs):
    run = runs["lstm/trial-000"]
    assert run["hparams"] == {
        "feature": {"name": "log_mel", "n_mels": 128},
        "augment": {"spec_mask": {"name": "spec_mask", "max_bins": 8}, "noise": {"name": "noise", "level": 0.1}},
        "model": {"name": "lstm", "dropout": 0.25},
        "scheduler": {"name": "constant"},
        "train": {"batch_size": 16},
    }
    assert run["search"] == {"model": {"dropout": 0.25}}
    assert run["env"] == {"python": "3.11", "cores": 2}


def test_epochs_are_tracked_by_subset_with_their_own_times(runs):
    run = runs["gru/trial-001"]
    assert series(run, "loss", subset="validation") == pytest.approx({1: 1, 2: 1 / 2, 3: 1 / 3})
    assert series(run, "loss", subset="train") == pytest.approx({1: 1 / 2, 2: 1 / 4, 3: 1 / 6})
    assert series(run, "learning_rate", subset="train") == {1: 1e-3, 2: 1e-3, 3: 1e-3}
    (metric,) = [m for m in run.metrics() if m.name == "f1_macro"]
    assert metric.data.numpy()[1][2].tolist() == [1_700_000_001, 1_700_000_002, 1_700_000_003]


def test_the_summary_holds_finite_numbers_only(runs):
    assert runs["gru/trial-000"]["summary"] == {
        "validation": {"loss": pytest.approx(0.3), "f1_macro": 0.7},
        "epochs": 3,
        "best_epoch": 2,
        "parameters": 1234,
        "seconds": 9.0,
        "objective": 0.7,
    }
    assert runs["gru/seed-7"]["summary", "test", "f1_macro"] == pytest.approx(0.7)


def test_how_each_training_ended_is_a_parameter(runs):
    assert runs["gru/trial-000"]["study", "status"] == "COMPLETED"
    failed = runs["lstm/trial-001"]["study"]
    assert (failed["status"], failed["message"]) == ("FAILED", "loss is not finite")
    assert series(runs["lstm/trial-001"], "loss", subset="validation") == {}


def test_the_best_so_far_follows_trial_numbers_not_the_order_of_ending(runs):
    assert series(runs["toy"], "trial_f1_macro", candidate="gru") == {0: 0.7, 1: 0.6}
    assert series(runs["toy"], "best_f1_macro", candidate="gru") == {0: 0.7, 1: 0.7}
    assert series(runs["toy"], "best_loss", candidate="gru") == pytest.approx({0: 0.3, 1: 0.3})
    assert series(runs["toy"], "best_f1_macro", candidate="lstm") == {0: 0.5}


def sequences(run, kind):
    found = run.collect_sequence_info((kind,))[kind]
    return {(info["name"], *info["context"].values()): info["values"]["last"] for info in found}


@pytest.mark.parametrize(("name", "subset"), [("gru/trial-000", "validation"), ("gru/seed-7", "test")])
def test_confusion_matrices_are_images_of_validation_or_of_the_final_test(runs, name, subset):
    images = sequences(runs[name], "images")
    assert set(images) == {("confusion_counts", subset), ("confusion_fractions", subset)}
    assert min(images["confusion_counts", subset].to_pil_image().size) > 300


def test_the_study_run_holds_experiment_notes_and_results(runs):
    study = runs["toy"]
    assert study["study", "status"] == "COMPLETED"
    assert study["results", "lstm"] == {"candidate": "lstm", "f1": 0.5, "note": "slow"}
    texts = {name: text.data for (name,), text in sequences(study, "texts").items()}
    assert tomllib.loads(texts["experiment"])["dataset"]["name"] == "synthetic"
    assert texts["notes"] == "2 clips are silent"
    assert texts["results"].splitlines()[0].split() == ["candidate", "f1", "note"]


def explore_end(root, names):
    folder = root / "toy-explore"
    folder.mkdir(exist_ok=True)
    pictures = []
    for i, (name, number) in enumerate(names):
        file = folder / f"{name}-{number}.png"
        PIL.Image.new("RGB", (300 + i, 200), (i, 0, 0)).save(file)
        pictures.append(Picture(name, number, file, f"caption {i}"))
    facts = {"tracks": "1,200", "largest : smallest genre": "2.5"}
    return Exploration("toy", folder, {"dataset": {"name": "x", "limit": None}}, facts, ["3 are short"], pictures)


def test_an_exploration_is_one_run_with_its_pictures_however_often_it_is_repeated(tmp_path):
    names = [("genres", 0), ("example", 0), ("example", 1)]
    for _ in range(2):
        report(tmp_path, [explore_end(tmp_path, names)])
    report(tmp_path, [study_start(tmp_path), study_end(tmp_path)])
    runs = read(tmp_path)
    assert set(runs) == {"data", "toy"}
    run = runs["data"]
    assert (run.experiment, run.tags, run.active) == ("toy", ["data"], False)
    assert run["data"] == {"tracks": "1,200", "largest_smallest_genre": "2.5"}
    from aim.storage.context import Context

    assert set(sequences(run, "images")) == {("genres",), ("example",)}
    found = run.get_image_sequence("example", Context({})).data.items()
    shown = [(step, picture.to_pil_image().width, picture.caption) for step, (picture, *_) in found]
    assert shown == [(0, 301, "caption 1"), (1, 302, "caption 2")]
    assert sequences(run, "texts")[("notes",)].data == "3 are short"


def test_an_interrupted_study_goes_on_in_the_same_runs(tmp_path):
    done, cut, later = search("gru", 0), search("gru", 1), search("gru", 2)
    first = [study_start(tmp_path), trial_start(tmp_path, done), trial_end(done, 0.7), trial_start(tmp_path, cut)]
    first += [epoch_end(cut, 1), epoch_end(cut, 2), study_end(tmp_path, "interrupted")]
    report(tmp_path, first)
    assert read(tmp_path)["gru/trial-001"]["study", "status"] == "INTERRUPTED"

    second = [study_start(tmp_path), trial_start(tmp_path, cut), epoch_end(cut, 2, 0.3), epoch_end(cut, 3)]
    second += [trial_end(cut, 0.6), trial_start(tmp_path, later), trial_end(later, 0.8), study_end(tmp_path)]
    report(tmp_path, second)
    runs = read(tmp_path)
    assert set(runs) == {"toy", "gru/trial-000", "gru/trial-001", "gru/trial-002"}
    assert series(runs["gru/trial-001"], "loss", subset="validation") == {1: 0.5, 2: 0.3, 3: 0.5}
    assert runs["gru/trial-001"]["study", "status"] == "COMPLETED"
    assert series(runs["toy"], "best_f1_macro", candidate="gru") == {0: 0.7, 1: 0.7, 2: 0.8}


def test_studies_that_follow_each_other_in_one_process_are_all_mirrored(tmp_path, capsys):
    """Each has a thread of its own, and Aim keeps what it opens of a repository for the whole process."""
    registry, trial = Registry.discover(), search("gru", 0)
    chosen = [ReporterChoice("aim", registry.get("reporter", "aim").params(repo=str(tmp_path)))]
    for name in ("first", "second", "third"):
        with Listeners(chosen, registry) as listeners:
            for event in (study_start(tmp_path, name), trial_start(tmp_path, trial), epoch_end(trial, 1)):
                listeners.tell(event)
            listeners.tell(trial_end(trial, 0.5))
            listeners.tell(study_end(tmp_path))
    assert capsys.readouterr().err == ""
    from aim.sdk.repo import Repo

    repo = Repo.from_path(str(tmp_path))
    repo._recreate_index()
    found = [run for run in repo.iter_runs() if run.name == "toy"]
    assert sorted(Path(run["study", "directory"]).name for run in found) == ["first", "second", "third"]
    assert {run["study", "status"] for run in repo.iter_runs()} == {"COMPLETED"}


SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from genrelab import EpochEnd, StudyStart, TrialRef, TrialStart
from genrelab.config.experiment import ReporterChoice
from genrelab.plugins.registry import Registry
from genrelab.study.listeners import Listeners
root, trial, registry = Path(sys.argv[1]), TrialRef("toy", "gru", "search", 0), Registry.discover()
params = registry.get("reporter", "aim").params(repo=str(root))
reporters = Listeners([ReporterChoice("aim", params)], registry)
reporters.tell(StudyStart("toy", root / "toy", {}, {}, ["gru"], ["a", "b", "c"], 1))
reporters.tell(TrialStart(trial, root, {}, {}, 5))
for epoch in (1, 2):
    reporters.tell(EpochEnd(trial, epoch, {"validation": {"loss": 0.5}}, 1e-3, 1.0, 1.7e9))
while reporters._listeners[0]._events.qsize():
    time.sleep(0.05)
time.sleep(0.3)
if sys.argv[2] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run_script(root, how):
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(root), how]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_after_a_kill_the_study_goes_on_in_the_same_runs(tmp_path):
    assert run_script(tmp_path, "kill").returncode == -9
    trial = search("gru", 0)
    events = [study_start(tmp_path), trial_start(tmp_path, trial), epoch_end(trial, 3), trial_end(trial, 0.5)]
    report(tmp_path, [*events, study_end(tmp_path)])
    runs = read(tmp_path)
    assert set(runs) == {"toy", "gru/trial-000"}
    assert set(series(runs["gru/trial-000"], "loss", subset="validation")) == {1, 2, 3}


def test_a_process_that_leaves_without_ending_the_study_exits_cleanly_and_closes_its_runs(tmp_path):
    ended = run_script(tmp_path, "leave")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not any(run.active for run in read(tmp_path).values())


def test_runs_have_the_times_of_the_events(tmp_path):
    trial = search("gru", 0)
    events = [study_start(tmp_path), trial_start(tmp_path, trial), trial_end(trial, 0.5), study_end(tmp_path)]
    timed = [attrs.evolve(event, time=1.6e9 + t) for event, t in zip(events, (0, 1, 8, 9), strict=True)]
    report(tmp_path, timed)
    runs = read(tmp_path)
    assert (runs["toy"].creation_time, runs["toy"].end_time) == (1.6e9, 1.6e9 + 9)
    assert (runs["gru/trial-000"].creation_time, runs["gru/trial-000"].end_time) == (1.6e9 + 1, 1.6e9 + 8)


def test_a_learning_rate_comes_with_its_logarithm(tmp_path):
    trial = search("gru", 0)
    start = trial_start(tmp_path, trial)
    recipe = {**start.recipe, "train": {"learning_rate": 1e-3}}
    start = attrs.evolve(start, recipe=recipe, parameters={"train.learning_rate": 1e-3})
    report(tmp_path, [study_start(tmp_path), start, trial_end(trial, 0.5), study_end(tmp_path)])
    run = read(tmp_path)["gru/trial-000"]
    expected = {"learning_rate": 1e-3, "log10_learning_rate": -3.0}
    assert run["hparams", "train"] == run["search", "train"] == expected
    assert with_log10({"learning_rate": 0.0}) == {"learning_rate": 0.0}


def test_a_study_keeps_its_key_until_its_directory_is_deleted(tmp_path):
    from genrelab_plugins.reporters._aim_repo import study_id

    key = study_id(tmp_path / "toy")
    (tmp_path / "toy").rename(tmp_path / "renamed")
    assert study_id(tmp_path / "renamed") == key
    assert study_id(tmp_path / "toy") != key


def test_charts_are_pinned_once_and_left_to_the_user(tmp_path):
    from genrelab_plugins.reporters._aim_repo import open_repo

    open_repo(tmp_path)
    settings = tmp_path / ".aim" / ".project_settings"
    pinned = json.loads(settings.read_text())["pinned_sequences"]["metric"]
    assert {"name": "f1_macro", "context": {"subset": "validation"}} in pinned
    settings.write_text("{}")
    open_repo(tmp_path)
    assert settings.read_text() == "{}"


def whole_study(root):
    trial = search("gru", 0)
    return [
        study_start(root),
        trial_start(root, trial),
        epoch_end(trial, 1),
        trial_end(trial, 0.5),
        study_end(root),
    ]


def told(root, events):
    """Tell a study's listeners, as `genrelab run` does."""
    registry = Registry.discover()
    params = registry.get("reporter", "aim").params(repo=str(root))
    with Listeners([ReporterChoice("aim", params)], registry) as listeners:
        for event in events:
            listeners.tell(event)


def test_a_repository_that_cannot_be_made_is_one_warning(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    told(tmp_path / "file", whole_study(tmp_path))
    (message,) = capsys.readouterr().err.splitlines()
    assert message.startswith("warning: reporter 'aim' fails in on_study_start: FileExistsError")
    assert str(tmp_path / "file") in message


def test_missing_aim_is_one_warning(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "genrelab_plugins.reporters._aim_mirror", None)
    told(tmp_path, whole_study(tmp_path))
    (message,) = capsys.readouterr().err.splitlines()
    assert "ModuleNotFoundError" in message


def test_a_missing_picture_is_one_warning(tmp_path, capsys):
    event = explore_end(tmp_path, [("genres", 0)])
    event.pictures[0].file.unlink()
    told(tmp_path, [event])
    (message,) = capsys.readouterr().err.splitlines()
    assert message.endswith("ValueError: Invalid image file path.")


def test_listing_the_component_imports_nothing_heavy():
    code = "import sys, genrelab_plugins.reporters.aim as p; p.build(p.Params()); print('aim' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert printed.stdout == "False\n"


def test_values_become_plain():
    value = {1: np.float32(0.5), "p": Path("x"), "n": None, "nan": float("nan"), "l": (np.int64(3), 2**70, True)}
    assert plain(value) == {"1": 0.5, "p": "x", "l": [3, str(2**70), True]}
    assert finite({"a": 1.0, "b": float("inf"), "c": None}) == {"a": 1.0}


def test_component_lists_are_keyed_by_name_and_paths_nested():
    twice = [{"name": "noise"}, {"name": "noise", "level": 1}]
    assert by_name(twice) == {"noise": twice[0], "noise_": twice[1]}
    assert by_name([1, 2]) == [1, 2]
    assert nested({"model.dropout": 0.1, "model.h": 2, "seed": 1}) == {"model": {"dropout": 0.1, "h": 2}, "seed": 1}


def test_markdown_takes_names_literally():
    assert escaped("a_b *c*\n# [d](http://e) | <f>") == (r"a\_b \*c\* \# \[d\]\(http\:\/\/e\) \| \<f\>")


def test_a_text_table_is_aligned():
    assert (
        text_table([{"a": "xyz", "b": 0.12345678}, {"a": "u", "c": 1}])
        == "a    b       c\nxyz  0.1235\nu            1"
    )


@pytest.mark.parametrize("fractions", [False, True])
def test_a_confusion_image_is_darkest_where_the_counts_are(fractions):
    image = np.asarray(
        confusion_image(CONFUSION, CLASSES, title="t", fractions=fractions).convert("L"), dtype=float
    )
    cell = 42  # pixels; the matrix begins 2.2 inches from the left and 0.4 from the top
    corners = [[image[40 + r * cell + 4, 220 + c * cell + 4] for c in range(3)] for r in range(3)]
    assert np.argsort(np.ravel(corners))[:2].tolist() == [0, 4]
    assert corners[2] == [max(np.ravel(corners))] * 3


def test_a_confusion_image_of_many_genres_stays_of_bounded_size():
    n = 100
    image = confusion_image(np.eye(n, dtype=int).tolist(), [f"genre {i}" for i in range(n)], title="t")
    assert max(image.size) < 2500
