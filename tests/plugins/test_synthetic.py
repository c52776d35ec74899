"""The `synthetic` dataset: its files, their independence of each other, and what can be learnt from them."""

import hashlib
import itertools
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import attrs
import librosa
import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genrelab import InputError, WorkError
from genrelab_plugins.datasets import synthetic
from genrelab_plugins.datasets._synth import files
from genrelab_plugins.datasets._synth.genres import CHORDS, GENRES, ROLES, SCALES
from genrelab_plugins.datasets._synth.sound import cross_over, stream
from genrelab_plugins.datasets._synth.tones import INSTRUMENTS, KITS, hit, note
from genrelab_plugins.datasets.synthetic import Clip, Params

NAMES = [genre.name for genre in GENRES]
BY_NAME = {genre.name: genre for genre in GENRES}


def small(root: Path) -> Params:
    return Params(root=str(root), clips=16, artists=1, seconds=1.0)


def contents(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.glob("*/*/*.mp3")}


def python(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("synthetic")
    return root, list(synthetic.build(small(root)))


def test_tracks_have_unique_ids_and_files_that_exist(written):
    _, tracks = written
    assert len({track.id for track in tracks}) == len({track.path for track in tracks}) == len(tracks) == 16
    assert all(track.path.is_file() for track in tracks)


def test_clips_are_spread_evenly_over_genres_and_artists():
    clips = synthetic.list_clips(Params(clips=100, artists=4))
    assert Counter(clip.genre for clip in clips) == dict.fromkeys(NAMES[:4], 13) | dict.fromkeys(NAMES[4:], 12)
    assert set(Counter((clip.genre, clip.artist) for clip in clips).values()) == {3, 4}
    assert len(clips) == 100


def test_an_artist_belongs_to_one_genre(written):
    _, tracks = written
    assert len({(track.artist, track.label) for track in tracks}) == len({track.artist for track in tracks}) == 8


def test_files_are_stereo_mp3_at_44100_hz_with_the_length_asked_for(written):
    for track in written[1]:
        info = sf.info(track.path)
        assert (info.format, info.samplerate, info.channels) == ("MP3", 44100, 2)
        assert abs(info.frames - 44100) <= 2 * 1152  # whole MP3 frames


def test_the_decoded_file_is_the_rendered_clip(written):
    root, tracks = written
    audio, _ = sf.read(tracks[5].path, dtype="float32")
    rendered = files.render(synthetic.list_clips(small(root))[5], small(root)).T
    n = min(len(audio), len(rendered))
    assert np.corrcoef(audio[:n, 0], rendered[:n, 0])[0, 1] > 0.98


def test_the_same_parameters_give_the_same_bytes_in_another_folder(written, tmp_path):
    synthetic.build(small(tmp_path))
    assert contents(tmp_path) == contents(written[0])


def test_another_process_renders_the_same_samples():
    clip, params = Clip("reggae", 2, 1), Params(seconds=1.0, seed=7)
    code = (
        "import hashlib; from genrelab_plugins.datasets._synth.files import render;"
        f"from genrelab_plugins.datasets.synthetic import Clip, Params; clip, params = {clip!r}, {params!r};"
        "print(hashlib.sha256(render(clip, params).tobytes()).hexdigest())"
    )
    out, _ = python(code).communicate(timeout=60)
    assert out.strip() == hashlib.sha256(files.render(clip, params).tobytes()).hexdigest()


def test_a_clip_depends_on_nothing_else_that_is_generated():
    clip = Clip("blues", 1, 2)
    before = files.render(clip, Params(seconds=1.0))
    files.render(Clip("blues", 1, 0), Params(seconds=1.0))
    files._artist.cache_clear()
    assert np.array_equal(files.render(clip, Params(seconds=1.0, clips=1000, artists=50)), before)


def test_clips_of_one_artist_differ():
    rendered = [files.render(Clip("house", 0, number), Params(seconds=1.0)) for number in range(4)]
    for a, b in itertools.combinations(rendered, 2):
        assert abs(np.corrcoef(a[0], b[0])[0, 1]) < 0.5


def test_each_choice_of_parameters_has_a_folder_of_its_own_under_the_root():
    default = synthetic.folder(Params())
    changed = [Params(clips=481), Params(artists=9), Params(seconds=5), Params(difficulty=0.4), Params(seed=1)]
    assert len({default, *map(synthetic.folder, changed)}) == 6
    assert synthetic.folder(Params(root="elsewhere")).name == default.name


def test_a_raised_version_has_a_folder_of_its_own(monkeypatch):
    before = synthetic.folder(Params())
    monkeypatch.setattr(synthetic, "VERSION", synthetic.VERSION + 1)
    assert synthetic.folder(Params()) != before


def test_an_interrupted_generation_goes_on_and_keeps_what_is_there(written, tmp_path, monkeypatch):
    whole, encode = [], sf.write

    def breaks_off(file, *args, **kwargs):
        whole.append(encode(file, *args, **kwargs))
        if len(whole) == 5:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.sf, "write", breaks_off)
        with pytest.raises(WorkError, match="No space left on device"):
            synthetic.build(small(tmp_path))
    first = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*/*.mp3")}
    assert len(first) == 4
    synthetic.build(small(tmp_path))
    assert all(path.stat().st_mtime_ns == time for path, time in first.items())
    assert contents(tmp_path) == contents(written[0])


def test_half_a_file_never_has_a_clips_name_and_is_cleared_away(tmp_path, monkeypatch):
    def half(path, data):
        with path.open("wb") as file:
            file.write(bytes(data)[:100])
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        with pytest.raises(WorkError, match="Input/output error"):
            synthetic.build(small(tmp_path))
    assert not list(tmp_path.glob("*/*/*.mp3"))
    assert len(list(tmp_path.glob("*/*/*.part"))) == 1
    synthetic.build(small(tmp_path))
    assert not list(tmp_path.glob("*/*/*.part"))


def test_two_processes_at_once_give_the_same_files(written, tmp_path):
    code = f"from genrelab_plugins.datasets.synthetic import Params, build; build({small(tmp_path)!r})"
    running = [python(code), python(code)]
    for process in running:
        process.communicate(timeout=60)
    assert [process.returncode for process in running] == [0, 0]
    assert contents(tmp_path) == contents(written[0])


def test_worker_processes_give_the_same_files(written, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_SHORT", 0)
    synthetic.build(small(tmp_path))
    assert contents(tmp_path) == contents(written[0])


def test_worker_processes_do_not_outlive_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import time\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from multiprocessing import get_context\n"
        "from genrelab_plugins.datasets._synth.files import _end_with_parent\n"
        "if __name__ == '__main__':\n"
        "    pool = ProcessPoolExecutor(1, get_context('spawn'), initializer=_end_with_parent)\n"
        "    pool.submit(time.sleep, 0).result()\n"
        "    print('ready', flush=True)\n"
        "    pool.submit(time.sleep, 40).result()\n"
    )
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout.readline() == "ready\n"
        parent.kill()
        parent.communicate(timeout=20)  # the pipe closes when the last process that has it is gone


def test_a_complete_folder_is_listed_without_loading_the_engine(written):
    code = (
        f"import sys; from genrelab_plugins.datasets.synthetic import Params, build; build({small(written[0])!r});"
        "print(sorted({'scipy', 'numpy', 'soundfile', 'rich', 'torch'} & set(sys.modules)))"
    )
    out, _ = python(code).communicate(timeout=60)
    assert out.strip() == "[]"


def test_fewer_clips_than_artists_is_an_input_error_that_says_how_many_are_needed():
    with pytest.raises(InputError, match="at least 80 clips"):
        synthetic.build(Params(clips=79, artists=10))


def test_a_root_that_is_a_file_is_an_input_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="set another root"):
        synthetic.build(small(tmp_path / "file"))


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(NAMES),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.floats(1, 3),
    st.floats(0, 1),
    st.integers(0, 2**32 - 1),
)
def test_every_clip_is_audible_and_within_full_scale(genre, artist, number, seconds, difficulty, seed):
    audio = files.render(Clip(genre, artist, number), Params(seconds=seconds, difficulty=difficulty, seed=seed))
    assert audio.shape == (2, int(seconds * 44100))
    assert audio.dtype == np.float32
    assert np.abs(audio).max() < 1  # false for NaN as well
    assert np.sqrt(np.mean(audio**2)) > 10 ** (-40 / 20)


@pytest.mark.parametrize("genre", GENRES, ids=NAMES)
def test_a_genres_description_uses_known_names_and_whole_bars(genre):
    assert genre.scale in SCALES
    assert {kind for p in genre.progressions for kind in re.findall(r"\d+(\w+)", p)} <= set(CHORDS)
    for groove in genre.grooves:
        assert all(set(groove) <= set(kit) for kit in KITS.values())
        assert all(len(p) == genre.bar and set(p) <= set("xo.") for p in groove.values())
    for part in (getattr(genre, role) for role in ROLES):
        assert set(part.instruments) <= set(INSTRUMENTS)
        assert all(len(p) % genre.bar == 0 and re.fullmatch(r"[\d*?_.]+", p) for p in part.patterns)


def test_without_difficulty_genres_stay_as_they_are():
    assert all(cross_over(genre, 0.0, stream(0, genre.name)) == genre for genre in GENRES)


def test_difficulty_exchanges_traits_but_keeps_the_patterns():
    waltz = BY_NAME["waltz"]
    crossed = [cross_over(waltz, 1.0, stream(0, i)) for i in range(20)]
    assert len({genre.tempo for genre in crossed}) > 4
    assert len({genre.lead.instruments for genre in crossed}) > 4
    assert all(g.lead.patterns == waltz.lead.patterns and g.grooves == waltz.grooves for g in crossed)


@pytest.mark.parametrize("name", sorted(INSTRUMENTS))
def test_an_instrument_sounds_the_note_asked_for(name):
    voice = attrs.evolve(INSTRUMENTS[name], vibrato=0)
    audio = note(voice, 220.0, 1.0)
    heard = np.median(librosa.yin(audio[:44100], fmin=100, fmax=500, sr=44100, frame_length=4096))
    assert heard == pytest.approx(220, rel=0.01)


def test_a_kick_falls_to_its_tone_and_a_hat_has_no_bass():
    rng = stream(0)
    kick, hat = hit(KITS["electronic"]["kick"], rng), hit(KITS["electronic"]["hat"], rng)

    def share_below(audio, frequency):
        power = np.abs(np.fft.rfft(audio)) ** 2
        return power[np.fft.rfftfreq(audio.size, 1 / 44100) < frequency].sum() / power.sum()

    assert share_below(kick, 300) > 0.9
    assert share_below(hat, 2000) < 0.05


def test_the_tempo_that_is_heard_in_house_lies_in_its_range():
    params = Params(seconds=6.0, difficulty=0.0)
    clips = [Clip("house", artist, number) for artist in range(5) for number in range(2)]
    audio = [files.render(clip, params).mean(0)[::2] for clip in clips]
    heard = [librosa.feature.tempo(y=y, sr=22050).item() for y in audio]
    slow, fast = BY_NAME["house"].tempo
    assert np.mean([0.97 * slow <= tempo <= 1.03 * fast for tempo in heard]) >= 0.7


def features(clip: Clip, params: Params) -> np.ndarray:
    audio = files.render(clip, params).mean(0)[::2]
    mfcc = librosa.feature.mfcc(y=audio, sr=22050, n_mfcc=20, n_mels=64, hop_length=1024)
    return np.concatenate([mfcc.mean(1), mfcc.std(1)])


def test_a_split_by_track_is_easier_than_one_by_artist_which_is_well_above_chance():
    params = Params(clips=240, artists=6, seconds=2.0)
    clips = synthetic.list_clips(params)
    x = np.array([features(clip, params) for clip in clips])
    y = [clip.genre for clip in clips]
    artists = [f"{clip.genre} {clip.artist}" for clip in clips]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    by_track = cross_val_score(model, x, y, cv=KFold(5, shuffle=True, random_state=0)).mean()
    by_artist = cross_val_score(model, x, y, groups=artists, cv=GroupKFold(6)).mean()
    assert by_track > by_artist + 0.08
    assert by_artist > 3 / 8
