"""The audit: what is planted on both sides of a split is found, and nothing else."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

from genrelab.cli.data_audit import audit
from genrelab.components import Track
from genrelab.data.audit.drop import without_duplicates
from genrelab.data.audit.duplicates import find_duplicates
from genrelab.data.audit.leaks import audit_once, find_leaks
from genrelab.data.store import FeatureStore
from genrelab.data.store_writer import StoreWriter
from genrelab.data.tracks import Tracks
from genrelab.errors import InputError
from genrelab.files import read_json

RATE, SECONDS = 22050, 8.0
ARTISTS, CLIPS, PLANTED = 60, 4, 48
DECAY = np.exp(-np.arange(2000, dtype=np.float32) / 300)[:, None]
FEW = ("--set", "dataset.clips=8", "--set", "dataset.artists=4")  # computed in this process


@functools.lru_cache(maxsize=1)
def manner(artist: int) -> tuple[int, list[np.ndarray], np.ndarray]:
    """An artist's beat in samples, notes (2 beats, stereo) of one scale and timbre, and drums (8 beats)."""
    style = np.random.default_rng(artist)
    beat = round(RATE * style.uniform(0.18, 0.35))
    partials = style.uniform(0.1, 1, 6) / np.arange(1, 7)
    t = np.arange(2 * beat, dtype=np.float32) / RATE
    notes = []
    for pitch in 110 * 2 ** (np.sort(style.choice(36, 8, replace=False)) / 12):
        tone = sum(p * np.sin(np.float32(2 * np.pi * n * pitch) * t) for n, p in enumerate(partials, 1))
        notes.append(np.outer(tone * np.exp(-4 * t), [1.0, style.uniform(0.5, 1)]).astype(np.float32))
    return beat, notes, style.random(8) < 0.5


def music(artist: int, clip: int) -> np.ndarray:
    """Nine seconds in stereo; an artist's clips share tempo, drums, scale and timbre, and differ in the tune."""
    (beat, notes, drums), tune = manner(artist), np.random.default_rng((artist, clip))
    x = np.zeros((round(RATE * (SECONDS + 1)) + 2 * beat, 2), np.float32)
    for i in range(len(x) // beat - 2):
        if tune.random() < 0.7:
            x[i * beat : (i + 2) * beat] += notes[tune.integers(len(notes))]
        if drums[i % 8]:
            x[i * beat :][:2000] += 0.8 * tune.standard_normal((2000, 1)) * DECAY
    return 0.25 * x / x.std()


def again(x: np.ndarray, number: int, random: np.random.Generator) -> np.ndarray:
    """The same recording, shifted by 0.1 to 1 s where the number is odd, and encoded in another way."""
    if number % 2:
        x = x[round(RATE * random.uniform(0.1, 1.0)) :]
    if number % 3 == 1:
        x = x * 10 ** (random.uniform(-12, 0) / 20)
    if number % 3 == 2:
        x = x.mean(1)
    kind, level = [("MP3", 0.0), ("MP3", 0.5), ("MP3", 0.85), ("OGG", 0.3), ("OGG", 0.8)][number % 5]
    file = io.BytesIO()
    mode = {"bitrate_mode": "CONSTANT"} if kind == "MP3" else {}
    soundfile.write(file, np.clip(x, -1, 1), RATE, format=kind, compression_level=level, **mode)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


class Shelf:
    """A store in the making, with the tracks in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tracks, self.clips = folder, [], []
        mel = MelSpectrogram(RATE, 2048, hop_length=1024, n_mels=64)
        self._feature = torch.nn.Sequential(mel, AmplitudeToDB(top_db=80))

    def add(self, name: str, subset: str, x: np.ndarray, artist: str = "", album: str = "") -> None:
        mono = (x if x.ndim == 1 else x.mean(1))[: round(RATE * SECONDS)]
        mono = np.pad(mono, (0, round(RATE * SECONDS) - len(mono))).astype(np.float32)
        self.clips.append(self._feature(torch.from_numpy(mono)).half().numpy())
        self.tracks.append(Track(name, Path(name), "rock", artist, subset, album=album))

    def done(self) -> tuple[Tracks, FeatureStore, np.ndarray]:
        digests = [bytes([i >> 8, i & 255] * 8) for i in range(len(self.clips))]
        with StoreWriter(self.folder, self.clips[0].shape, {}) as writer:
            for digest, clip in zip(digests, self.clips, strict=True):
                writer.add(digest, clip)
        return Tracks(tuple(self.tracks), tuple(d.hex() for d in digests)), writer.store, np.arange(len(digests))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tracks, FeatureStore, np.ndarray]]:
    """Several hundred clips, and some of them once more, in other subsets: ``again-3-2`` is of ``3-2``."""
    shelf, random = Shelf(tmp_path_factory.mktemp("store")), np.random.default_rng(0)
    originals = [(a, c) for a in range(ARTISTS) for c in range(CLIPS)]
    chosen = {originals[i] for i in random.choice(len(originals), PLANTED, replace=False)}
    for number, (artist, clip) in enumerate(originals):
        x, subset = music(artist, clip), ("train", "train", "validation", "test")[number % 4]
        shelf.add(f"{artist}-{clip}", subset, x)
        if (artist, clip) in chosen:
            other = "test" if subset != "test" else "train"
            shelf.add(f"again-{artist}-{clip}", other, again(x, len(shelf.clips), random))
    return shelf.done()


def test_planted_recordings_are_found_and_little_else(planted) -> None:
    tracks, store, rows = planted
    found = {
        frozenset((tracks.tracks[d.first].id, tracks.tracks[d.second].id))
        for d in find_duplicates(store, rows, SECONDS, tracks.subsets)
    }
    true = {frozenset((t.id, t.id.removeprefix("again-"))) for t in tracks.tracks if t.id.startswith("again-")}
    assert len(true) == PLANTED
    assert len(found & true) / len(true) >= 0.95, sorted(map(sorted, true - found))
    assert len(found & true) / len(found) >= 0.95, sorted(map(sorted, found - true))


def test_each_pair_is_told_once_and_only_across_subsets(planted) -> None:
    tracks, store, rows = planted
    pairs = [frozenset((d.first, d.second)) for d in find_duplicates(store, rows, SECONDS, tracks.subsets)]
    assert len(pairs) == len(set(pairs)) > 0
    assert all(len({tracks.subsets[i] for i in pair}) == 2 for pair in pairs)
    assert not [*find_duplicates(store, rows, SECONDS, ["test"] * len(rows))]


def test_pairs_are_the_same_where_keys_are_in_files_and_sorted_in_parts(planted, monkeypatch) -> None:
    tracks, store, rows = planted
    expected = [*find_duplicates(store, rows, SECONDS, tracks.subsets)]
    monkeypatch.setattr("genrelab.data.audit.fingerprints._LARGE", 0)
    monkeypatch.setattr("genrelab.data.audit.duplicates._SORTED", 5000)
    before = sorted(store.path.iterdir())
    assert [*find_duplicates(store, rows, SECONDS, tracks.subsets)] == expected
    assert sorted(store.path.iterdir()) == before


def test_offset_says_where_the_second_track_is_behind(tmp_path: Path) -> None:
    shelf, x = Shelf(tmp_path), music(0, 0)
    shelf.add("whole", "train", x)
    shelf.add("later", "test", x[round(0.5 * RATE) :])
    (leak,) = find_leaks(*shelf.done(), SECONDS).of("near_duplicate")
    assert leak.tracks == (("whole", "train"), ("later", "test"))
    assert leak.offset == pytest.approx(-0.5, abs=0.03)  # what the whole one has at 1.5 s, the other has at 1 s
    assert leak.agreement > 0.9


def test_silence_after_short_clips_is_not_the_same_music(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for artist in range(8):
        shelf.add(f"{artist}", ("train", "test")[artist % 2], music(artist, 0)[: 3 * RATE])
    assert not find_leaks(*shelf.done(), SECONDS).leaks


def test_artists_albums_and_identical_files_are_counted_with_their_test_tracks(tmp_path: Path) -> None:
    shelf, quiet = Shelf(tmp_path), np.zeros(RATE, np.float32)
    for name, subset, artist, album in (
        ("a", "train", "ann", "live"),
        ("b", "test", "ann", "live"),
        ("c", "test", "bob", "live"),  # an album of the same name is another album
        ("d", "validation", "cid", "one"),
        ("e", "train", "cid", "two"),
        ("f", "train", "", ""),
        ("g", "test", "", ""),
    ):
        shelf.add(name, subset, quiet, artist, album)
    tracks, store, rows = shelf.done()
    twice = attrs.evolve(tracks, digests=(*tracks.digests[:2], *["same"] * 2, *tracks.digests[4:]))
    leaks = find_leaks(twice, store, rows, SECONDS)
    assert {leak.name: leak.tests for leak in leaks.of("artist")} == {"ann": {"b"}, "cid": set()}
    assert [leak.name for leak in leaks.of("album")] == ["live (ann)"]
    assert [leak.tracks for leak in leaks.of("identical")] == [(("d", "validation"), ("c", "test"))]
    assert leaks.touched() == 2
    assert leaks.note() == (
        "audit: 2 artists, 1 album and 1 identical recording straddle the split, touching 2 of 3 test tracks"
    )


def test_what_straddles_is_kept_in_a_file_and_believed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "store")
    shelf.add("a", "train", music(0, 0), "ann")
    shelf.add("b", "test", music(1, 0), "ann")
    arguments, file = (*shelf.done(), SECONDS), tmp_path / "data" / "leaks.json"
    leaks = audit_once(*arguments, file)
    assert leaks == find_leaks(*arguments)
    assert leaks.note() == "audit: 1 artist straddles the split, touching 1 of 1 test tracks"
    content = read_json(file)
    assert content["counts"]["artist"] == {"straddling": 1, "test_tracks": 1}
    file.write_text(json.dumps({**content, "leaks": []}))
    assert audit_once(*arguments, file).note() is None


def test_clips_that_give_no_fingerprint_are_told_of(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add("a", "train", music(0, 0))
    tracks, store, rows = shelf.done()
    assert find_leaks(tracks, store, rows, SECONDS).unsearched == ""
    assert "2 s" in find_leaks(tracks, store, rows, 1.5).unsearched


def test_command_writes_what_it_shows(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toy)
    done = CliRunner().invoke(audit, ["toy.toml", *FEW, "--set", "split.by=track"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "artists straddle the split" in done.output
    assert "near-duplicates were not looked for: clips last 1 s" in done.output
    result = read_json(toy / "runs/toy-audit/audit.json")
    assert result["note"] in done.output
    lines = (toy / "runs/toy-audit/audit.csv").read_text().splitlines()
    assert lines[0] == "kind,name,track,subset,offset,agreement"
    assert len(lines) - 1 == sum(len(leak["tracks"]) for leak in result["leaks"])


def test_command_finds_nothing_in_a_split_by_artist(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toy)
    done = CliRunner().invoke(
        audit, ["toy.toml", *FEW, "--set", "split.by=artist", "--out", "x"], catch_exceptions=False
    )
    assert "audit: nothing straddles the split" in done.output
    assert read_json(toy / "x/audit.json")["leaks"] == []


def test_duplicates_go_from_what_learns_and_stay_in_what_judges(tmp_path: Path) -> None:
    shelf, random = Shelf(tmp_path / "store"), np.random.default_rng(0)
    for name, subset, artist in (
        ("learnt", "train", 0),
        ("chosen", "validation", 1),
        ("tested", "test", 2),
        ("0-in-validation", "validation", 0),
        ("1-in-test", "test", 1),
        ("2-in-train", "train", 2),
        ("alone", "train", 3),
        ("same-bytes", "train", 4),
        ("same-bytes-tested", "test", 5),
    ):
        again_of = {"0": 1, "1": 2, "2": 3}.get(name[0])
        x = music(artist, 0)
        shelf.add(name, subset, again(x, again_of, random) if again_of else x)
    tracks, store, rows = shelf.done()
    tracks = attrs.evolve(tracks, digests=(*tracks.digests[:7], "same", "same"))
    left, notes = without_duplicates(tracks, find_leaks(tracks, store, rows, SECONDS), tmp_path)
    names = {t.id for t in left.tracks}
    assert names == {"tested", "0-in-validation", "1-in-test", "alone", "same-bytes-tested"}
    assert dict(zip([t.id for t in left.tracks], left.digests, strict=True)) == {
        t.id: d for t, d in zip(tracks.tracks, tracks.digests, strict=True) if t.id in names
    }
    listed = (tmp_path / "duplicates.csv").read_text().splitlines()
    assert "2-in-train,train,near_duplicate,tested,test" in listed
    assert "same-bytes,train,identical,same-bytes-tested,test" in listed
    assert len(listed) == 5
    assert notes == [f"duplicates left out: 3 of train and 1 of validation; see {tmp_path / 'duplicates.csv'}"]
    used = [i for i, t in enumerate(tracks.tracks) if t.id in names]
    assert not find_leaks(left, store, rows[used], SECONDS).leaks


def test_a_genre_that_is_nothing_but_duplicates_is_told(tmp_path: Path) -> None:
    shelf, quiet = Shelf(tmp_path), np.zeros(RATE, np.float32)
    for name, subset in (("a", "train"), ("b", "validation"), ("c", "test")):
        shelf.add(name, subset, quiet)
    tracks, store, rows = shelf.done()
    twice = attrs.evolve(tracks, digests=("same", tracks.digests[1], "same"))
    with pytest.raises(InputError, match="leaves no track in train"):
        without_duplicates(twice, find_leaks(twice, store, rows, SECONDS), tmp_path)
