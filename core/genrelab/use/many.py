"""Predict many files: in parallel, in their order, whatever one of them does to its decoder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import attrs
from rich.console import Console

from genrelab.data.audio import BadAudio
from genrelab.data.fill import FEW, LIMIT
from genrelab.data.find import audio_files
from genrelab.data.pool import Lost, Pool, no_preparation
from genrelab.data.progress import files_bar
from genrelab.data.store import Rejected
from genrelab.errors import GenrelabError, InputError
from genrelab.use.classifier import Classifier, Timeline
from genrelab.use.clips import Clip, clips_of_file, read_clips_of

_LONG = 1200.0  # seconds: longer files are not sent from process to process
_SLOWEST = 100_000  # bytes a second: a tenth of what decoding MP3 and predicting takes

Outcome = Timeline | Rejected


@attrs.frozen(eq=False)
class Heard:
    """What came of one file."""

    path: str
    outcome: Outcome


def find_files(given: Sequence[Path]) -> list[str]:
    """Return the files that are meant: those given, and all audio below the folders given, each once.

    Raises:
        InputError: there is no audio in a folder.
    """
    found: list[str] = []
    for path in given:
        inside = sorted(map(str, audio_files(path))) if path.is_dir() else [str(path)]
        if not inside:
            raise InputError(f"{path}: there is no audio in it")
        found += inside
    return list(dict.fromkeys(found))


def predict_files(
    files: Sequence[str], classifier: Classifier, make: Callable[[], Classifier], *, hop: float, console: Console
) -> Iterator[Heard]:
    """Predict files, in parallel where there are many; yield what came of each, in their order.

    Nothing is decoded in this process, because damaged files can make a decoder end it. A few short files are only
    decoded in another one, for to import torch there takes seconds.

    Args:
        files: paths, each once.
        classifier: for files that are heard in this process.
        make: gives the same one in any process; picklable.
        hop: seconds from one clip to the next; 0: the length of a clip.
        console: where progress is shown, if it is a terminal.

    Raises:
        WorkError: worker processes cannot start, or die whatever they work on.
    """
    with files_bar("predicting", len(files), "cannot be used", console) as advance:
        found: dict[str, Outcome] = {}
        waiting = iter(files)
        due = next(waiting, None)
        for path, outcome in _outcomes(files, classifier, make, hop):
            advance(isinstance(outcome, Rejected))
            found[path] = outcome
            while due is not None and due in found:
                yield Heard(due, found.pop(due))
                due = next(waiting, None)


def _outcomes(
    files: Sequence[str], classifier: Classifier, make: Callable[[], Classifier], hop: float
) -> Iterator[tuple[str, Outcome]]:
    """Yield what came of each file, in any order."""
    later = list(files)
    if len(files) <= FEW:
        later = []
        readers = Pool(
            partial(read_clips_of, audio=classifier.description.audio, hop=hop, most=_LONG),
            no_preparation,
            1,
            _limit(files),
        )
        for path, clips in readers.results(files):
            if clips is None:
                later.append(path)
            else:
                yield path, _hear(classifier, Rejected(*clips) if isinstance(clips, Lost) else clips)
    if not later:
        return
    from joblib import cpu_count  # takes long to import

    makers = Pool(_predict, partial(_prepare, make, hop), cpu_count(), _limit(later))
    for path, outcome in makers.results(later):
        yield path, Rejected(*outcome) if isinstance(outcome, Lost) else outcome


def _limit(files: Iterable[str]) -> float:
    """Return the seconds that a file may take."""
    sizes = [os.stat(path).st_size for path in files if os.path.isfile(path)]  # noqa: PTH113, PTH116 - see _file_digest
    return LIMIT + max(sizes, default=0) / _SLOWEST


def _hear(classifier: Classifier, clips: Iterable[Clip] | Rejected) -> Outcome:
    if isinstance(clips, Rejected):
        return clips
    try:
        return classifier.hear(clips)
    except BadAudio as error:
        return Rejected(error.reason, error.message)
    except GenrelabError as error:
        return Rejected("failed", str(error))
    except Exception as error:
        return Rejected("failed", f"{type(error).__name__}: {error}")


_worker: tuple[Classifier, float] | None = None  # of this worker process: what it predicts with, and the hop


def _prepare(make: Callable[[], Classifier], hop: float) -> None:
    global _worker
    import torch

    torch.set_num_threads(1)
    _worker = make(), hop


def _predict(path: str) -> Outcome:
    if _worker is None:
        raise RuntimeError("_prepare was not called")
    classifier, hop = _worker
    return _hear(classifier, clips_of_file(path, classifier.description.audio, hop))
