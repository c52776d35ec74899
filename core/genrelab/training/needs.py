"""What a job reads outside its own folder, for executors whose machines do not share a disk with the study."""

from __future__ import annotations

from pathlib import Path

from genrelab.data.prepare import STORES, stored_at
from genrelab.data.store import FeatureStore
from genrelab.errors import InputError
from genrelab.files import read_arrays, read_json
from genrelab.jobs import JOB_FILE


def job_inputs(directory: Path, root: Path) -> dict[str, Path]:
    """Map where a job looks for files, as paths below a copy of the run directory, to the files as they are here.

    Args:
        directory: of the job.
        root: the run directory that it lies in.

    Raises:
        InputError: the study has plugin files of its own, which other machines do not have.
    """
    job = read_json(directory / JOB_FILE)
    if job["registry"]["plugins"]:
        raise InputError(
            f"executor: {job['registry']['plugins'][0]} is not on the other machines; install the plugin there as "
            "a distribution, or share the folders of this study with them"
        )
    tracks, feature = ((directory / job[name]).resolve() for name in ("tracks", "feature"))
    found = {str(file.relative_to(root.resolve())): file for file in (tracks, feature)}
    arrays = read_arrays(feature)
    for name, rows in (("store", "rows"), ("waveforms", "waveform_rows")):
        if name in arrays:
            store = FeatureStore(stored_at(feature, str(arrays[name])))
            below = (feature.parent / STORES / store.path.name).relative_to(root.resolve())
            found |= {str(below / file.name): file for file in store.parts(arrays[rows])}
    return found
