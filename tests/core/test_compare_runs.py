"""`genrelab compare` on run directories: what it reads, refuses, says and writes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import tomli_w

from genrelab.compare.comparison import compare
from genrelab.compare.read import read_runs
from genrelab.compare.tables import lines, tables, write
from genrelab.components import Track
from genrelab.data.tracks import Tracks, write_tracks
from genrelab.errors import InputError
from genrelab.files import read_json, write_json
from tests.conftest import Command

GENRES = ("blues", "jazz", "metal", "rock")
SKILLS = {"weak": 0.5, "good": 2.5, "same": 2.5}


def tracks(artists: int = 60, each: int = 3) -> list[Track]:
    """Every artist has tracks of one genre; artists with numbers up to 39 are tested, the others are trained on."""
    return [
        Track(f"{a}-{i}", Path(f"/music/{a}-{i}.mp3"), GENRES[a % 4], f"artist {a}", "test" if a < 40 else "train")
        for a in range(artists)
        for i in range(each)
    ]


def write_run(
    root: Path,
    skills: dict[str, float] = SKILLS,
    collection: list[Track] | None = None,
    seeds: tuple[int, ...] = (1, 2, 3),
    digest: str = "",
    split: dict[str, int] | None = None,
) -> Path:
    """Write what compare needs of a run directory."""
    collection = tracks() if collection is None else collection
    digests = tuple(f"{digest}{t.id}" for t in collection)
    write_tracks(root / "data/tracks.csv", Tracks(tuple(collection), digests))
    candidates = [{"name": name} for name in skills]
    plan = {"name": root.name, "final": {"seeds": seeds}, "candidate": candidates, "split": split or {}}
    (root / "experiment.toml").write_text(tomli_w.dumps(plan))
    genres = sorted({t.label for t in collection})
    true = np.array([genres.index(t.label) for t in collection if t.split == "test"])
    for place, (name, skill) in enumerate(skills.items()):
        for seed in seeds:
            folder = root / "candidates" / name / "final" / f"seed-{seed}"
            logits = np.random.default_rng([place, seed, *(split or {}).values()]).standard_normal(
                (len(true), len(genres))
            )
            logits[np.arange(len(true)), true] += skill
            p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            result = {"status": "completed", "parameters": 1000 * (place + 1), "epochs": 4, "epoch_seconds": 2.0}
            write_json(folder / "result.json", result)
            np.savez(folder / "predictions.npz", probabilities=p.astype(np.float32), true=true)
    return root


def compared(*roots: Path) -> dict[str, Any]:
    return compare(read_runs(roots), resamples=1000, seed=0)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of three candidates, one of them worse; tests only read it."""
    return write_run(tmp_path_factory.mktemp("runs") / "study")


@pytest.fixture(scope="module")
def comparison(study: Path) -> dict[str, Any]:
    return compared(study)


def test_a_difference_is_told_from_chance(comparison: dict[str, Any]) -> None:
    weak_good, weak_same, good_same = comparison["pairs"]
    assert weak_good["sentence"].startswith("good is better than weak by ")
    assert weak_same["sentence"].startswith("same is better than weak by ")
    assert " cannot be told apart (difference " in good_same["sentence"]
    assert "cannot be told apart from" in comparison["verdict"]
    assert comparison["verdict"].endswith("; all others are worse.")


def test_a_sentence_has_the_numbers_of_its_pair(comparison: dict[str, Any]) -> None:
    found = comparison["pairs"][0]["scores"]["f1_macro"]
    low, high = -100 * found["high"], -100 * found["low"]  # good, the second, is named first
    points = f"{-100 * found['difference']:.1f} points F1-macro ({low:.1f} to {high:.1f}, p "
    assert points in comparison["pairs"][0]["sentence"]
    assert found["low"] < found["difference"] < found["high"] < 0
    assert found["p"] <= found["p_holm"] < 0.05
    means = {n: c["scores"]["f1_macro"]["mean"] for n, c in comparison["candidates"].items()}
    assert found["difference"] == pytest.approx(means["weak"] - means["good"])


def test_the_power_of_the_test_set_is_told(comparison: dict[str, Any]) -> None:
    least = comparison["detectable"]["f1_macro"]
    assert least == max(p["scores"]["f1_macro"]["detectable"] for p in comparison["pairs"])
    assert any(f"below {100 * least:.1f} points F1-macro" in line for line in lines(comparison))


def test_the_comparison_holds_what_it_was_made_with(comparison: dict[str, Any]) -> None:
    assert (comparison["seed"], comparison["resamples"]) == (0, 1000)
    assert comparison["test_set"] == {"tracks": 120, "clusters": 40, "genres": dict.fromkeys(GENRES, 30)}
    good = comparison["candidates"]["good"]
    assert (good["seeds"], good["parameters"], good["training_seconds"]) == ([1, 2, 3], 2000, 8.0)
    assert len(good["scores"]["accuracy"]["runs"]) == 3
    assert set(good["genres"]) == set(GENRES)
    assert set(good["genres"]["jazz"]) == {"precision", "recall", "f1"}
    assert "temperatures" not in good["calibration"]


def test_ends_of_intervals_are_scores(comparison: dict[str, Any]) -> None:
    for candidate in comparison["candidates"].values():
        for value in [v for n, v in candidate["scores"].items() if n != "log_loss"]:
            assert 0 <= value["low"] <= value["mean"] <= value["high"] <= 1


def test_the_pareto_front_leaves_out_what_costs_more_and_is_no_better(tmp_path: Path) -> None:
    found = compared(write_run(tmp_path / "a", {"small": 1.0, "worse": 0.2, "large": 3.0}))
    assert found["pareto"]["parameters"] == ["small", "large"]
    assert found["pareto"]["training_seconds"] == ["large"]


def test_a_winner_is_named(tmp_path: Path) -> None:
    found = compared(write_run(tmp_path / "a", {"poor": 0.2, "best": 4.0, "fair": 1.5}))
    assert found["verdict"].startswith("best is better than every other candidate: F1-macro ")


def test_five_seeds_bring_the_friedman_test(tmp_path: Path) -> None:
    found = compared(write_run(tmp_path / "a", seeds=(1, 2, 3, 4, 5)))
    assert found["friedman"]["ranks"]["weak"] == 3.0
    assert any(line.startswith("Friedman over 5 seeds") for line in lines(found))


def test_validation_predictions_bring_a_temperature(tmp_path: Path) -> None:
    root = write_run(tmp_path / "a", {"one": 2.0})
    for file in root.rglob("predictions.npz"):
        arrays = dict(np.load(file))
        kept = {"validation_probabilities": arrays["probabilities"], "validation_true": arrays["true"]}
        np.savez(file, **arrays, **kept)
    found = compared(root)["candidates"]["one"]["calibration"]
    assert len(found["temperatures"]) == 3
    assert found["error_with_temperature"] < found["error"]


def test_the_same_seed_gives_the_same_file(study: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, compared(study))
    assert len(list((tmp_path / "a").iterdir())) == 5
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_everything_is_written(study: Path, comparison: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path, comparison)
    assert read_json(tmp_path / "comparison.json") == json.loads(json.dumps(comparison))
    text = (tmp_path / "comparison.md").read_text()
    assert text.startswith(f"# Comparison\n\n{comparison['verdict']}\n")
    for table in tables(comparison):
        assert table.markdown() in text
    with (tmp_path / "comparison_scores.csv").open(newline="") as content:
        rows = list(csv.DictReader(content))
    assert len(rows) == 3 * 8
    assert float(rows[0]["mean"]) == comparison["candidates"]["weak"]["scores"]["accuracy"]["mean"]


def test_candidates_of_several_studies_are_compared_under_their_directories(study: Path, tmp_path: Path) -> None:
    other = write_run(tmp_path / "other", {"good": 2.5})
    found = compared(study, other)
    assert list(found["candidates"]) == ["study/weak", "study/good", "study/same", "other/good"]
    assert len(found["pairs"]) == 6


def test_one_candidate_has_scores_and_nothing_to_be_compared_with(tmp_path: Path) -> None:
    found = compared(write_run(tmp_path / "a", {"alone": 1.0}, seeds=(1,)))
    assert found["pairs"] == []
    assert found["verdict"].endswith("there is nothing to compare it with.")
    assert any("alone: fewer than 3 seeds" in note for note in found["notes"])


def test_artists_on_both_sides_of_the_split_are_told(tmp_path: Path) -> None:
    collection = [attrs.evolve(t, artist="artist 50") if t.id == "0-0" else t for t in tracks()]
    notes = compared(write_run(tmp_path / "a", collection=collection))["notes"]
    assert notes == ["1 of 120 test tracks are by artists in training: the scores are optimistic"]


def test_unknown_artists_are_told_and_tracks_stand_alone(tmp_path: Path) -> None:
    collection = [attrs.evolve(t, artist="") for t in tracks()]
    found = compared(write_run(tmp_path / "a", collection=collection))
    assert found["test_set"]["clusters"] == 120
    assert "no artist is known" in found["notes"][0]


def test_missing_final_runs_are_told(tmp_path: Path) -> None:
    root = write_run(tmp_path / "a")
    failed = root / "candidates/weak/final/seed-2/result.json"
    write_json(failed, {"status": "failed", "message": "out of memory", "seconds": 0.0})
    found = compared(root)
    assert found["candidates"]["weak"]["seeds"] == [1, 3]
    assert "weak: only 2 of 3 final runs are completed" in found["notes"]


class TestRefusal:
    def refused(self, *roots: Path) -> str:
        with pytest.raises(InputError) as caught:
            read_runs(roots)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_no_run_directory(self, tmp_path: Path) -> None:
        assert "is no run directory" in self.refused(tmp_path)

    def test_twice_the_same(self, study: Path) -> None:
        assert "is given twice" in self.refused(study, study.parent / "study")

    def test_no_final_run(self, tmp_path: Path) -> None:
        root = write_run(tmp_path / "a", seeds=(1,))
        for file in root.rglob("result.json"):
            file.unlink()
        assert "no final run is completed" in self.refused(root)

    def test_other_tracks(self, study: Path, tmp_path: Path) -> None:
        collection = [attrs.evolve(t, split="train") if t.artist == "artist 4" else t for t in tracks()]
        said = self.refused(study, write_run(tmp_path / "b", collection=collection))
        assert "3 tracks are in the test set of only one of them, '4-0' among them" in said

    def test_other_audio(self, study: Path, tmp_path: Path) -> None:
        said = self.refused(study, write_run(tmp_path / "b", digest="other "))
        assert "120 test tracks differ in audio, genre or artist" in said

    def test_other_genres(self, study: Path, tmp_path: Path) -> None:
        collection = [attrs.evolve(t, label="polka") if t.label == "jazz" else t for t in tracks()]
        said = self.refused(study, write_run(tmp_path / "b", collection=collection))
        assert "the genres differ (jazz, polka)" in said

    def test_another_order(self, study: Path, tmp_path: Path) -> None:
        said = self.refused(study, write_run(tmp_path / "b", collection=tracks()[::-1]))
        assert "the test tracks are in another order" in said

    def test_one_genre(self, tmp_path: Path) -> None:
        collection = [attrs.evolve(t, split="test" if t.label == "jazz" else "train") for t in tracks()]
        assert "fewer than 2 genres" in self.refused(write_run(tmp_path / "a", collection=collection))

    def test_predictions_that_do_not_fit(self, tmp_path: Path) -> None:
        root = write_run(tmp_path / "a")
        file = root / "candidates/weak/final/seed-1/predictions.npz"
        np.savez(file, probabilities=np.full((3, 4), 0.25), true=np.zeros(3, int))
        assert f"{file}: does not fit the test tracks" in self.refused(root)
        file.write_bytes(b"torn")
        assert f"{file}: is damaged" in self.refused(root)

    def test_predictions_that_are_no_numbers(self, tmp_path: Path) -> None:
        root = write_run(tmp_path / "a")
        file = root / "candidates/weak/final/seed-1/predictions.npz"
        true = np.load(file)["true"]
        np.savez(file, probabilities=np.full((120, 4), np.nan), true=true)
        assert "probabilities that are no numbers" in self.refused(root)


def test_the_command_prints_tables_and_the_verdict_last(study: Path, genrelab: Command, tmp_path: Path) -> None:
    done = genrelab("compare", study, "--out", "out", "--resamples", "500")
    assert done.returncode == 0, done.stderr
    found = read_json(tmp_path / "out/comparison.json")
    printed = done.stdout.splitlines()
    assert "F1-macro %" in done.stdout
    assert printed[-1] == "results: out/comparison.md"
    assert " ".join(printed[-3:-1]).endswith(found["verdict"][-40:])


def test_the_command_compares_what_a_study_leaves(toy: Path, genrelab: Command) -> None:
    assert genrelab("run", "toy.toml", "--set", "search={}", "--set", "candidate.wide.space={}").returncode == 0
    done = genrelab("compare", "runs/toy", "--resamples", "200")
    assert done.returncode == 0, done.stderr
    found = read_json(toy / "runs/toy/comparison.json")
    for name in ("narrow", "wide"):
        runs = [read_json(f) for f in sorted((toy / f"runs/toy/candidates/{name}/final").glob("*/result.json"))]
        for ours, theirs in (("accuracy", "accuracy"), ("f1_macro", "f1_macro"), ("log_loss", "loss")):
            expected = [r["metrics"]["test"][theirs] for r in runs]
            assert found["candidates"][name]["scores"][ours]["runs"] == pytest.approx(expected, rel=1e-5)


def test_the_command_refuses_in_one_line(study: Path, genrelab: Command, tmp_path: Path) -> None:
    done = genrelab("compare", study, tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path}: is no run directory")
    assert len(done.stderr.strip().splitlines()) == 1
