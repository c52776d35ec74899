"""What runs on the nodes of a Ray cluster, and how data and results get there and back without a shared disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from genrelab import WorkError, job_inputs, run_job

_OF_THE_JOB = ("job.json", "checkpoint.pt", "metrics.jsonl", "best.safetensors")
_BACK = ("metrics.jsonl", "best.safetensors", "checkpoint.pt", "traceback.txt", "predictions.npz", "result.json")
"""In this order: a result says that all else is there."""
_EVERY_SECONDS = 1.0

Files = dict[str, bytes]


def train(directory: str) -> str:
    """Run a job in a folder that this node sees; return why the machine cannot go on, or an empty text."""
    try:
        run_job(Path(directory))
    except WorkError as error:
        return str(error)
    return ""


def train_elsewhere(
    home: str, place: str, files: Files, inputs: Mapping[str, tuple[str, Any]], mailbox: Any
) -> str:
    """Run a job in a folder of this node, and send home what is written there, while it is written.

    Args:
        home: the job's folder on the machine of the study.
        place: the same below the run directory.
        files: of the job.
        inputs: path below the run directory -> digest and reference of what else it reads.
        mailbox: writes files on the machine of the study.
    """
    cache = _cache()
    with tempfile.TemporaryDirectory(prefix="genrelab-") as root:
        folder = Path(root, place)
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        for name, (digest, reference) in inputs.items():
            file = Path(root, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.symlink_to(_cached(cache / digest, reference))
        with _Courier(folder, home, mailbox):
            return train(str(folder))


class Freight:
    """What jobs need, put into the cluster once however many read it."""

    def __init__(self) -> None:
        self._references: dict[str, tuple[str, Any]] = {}

    def load(self, directory: Path, root: Path) -> tuple[str, str, Files, dict[str, tuple[str, Any]]]:
        """Return the first arguments of `train_elsewhere` for a job in a run directory."""
        own = {name: (directory / name).read_bytes() for name in _OF_THE_JOB if (directory / name).is_file()}
        inputs = {name: self._put(file) for name, file in job_inputs(directory, root).items()}
        home = directory.resolve()
        return str(home), str(home.relative_to(root)), own, inputs

    def _put(self, file: Path) -> tuple[str, Any]:
        key = f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}"
        if key not in self._references:
            content = file.read_bytes()
            # In a list: a reference that stands alone among the arguments would be fetched by every task.
            self._references[key] = hashlib.sha256(content).hexdigest(), [ray.put(content)]
        return self._references[key]


def mailbox_here() -> Any:
    """Start a mailbox on the machine that calls."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=here)(Mailbox).remote()


class Mailbox:
    """Writes files in folders of the machine of the study."""

    def put(self, folder: str, name: str, content: bytes) -> None:
        """Write a file at once."""
        if name not in _BACK:
            raise ValueError(f"{name} is no file of a job")
        part = Path(folder, f"{name}.part")
        part.write_bytes(content)
        part.replace(Path(folder, name))


class _Courier:
    """Within this context files of a job's folder are sent home whenever they have changed, and at its end."""

    def __init__(self, folder: Path, home: str, mailbox: Any) -> None:
        self._folder, self._home, self._mailbox = folder, home, mailbox
        self._sent: dict[str, tuple[int, int]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._send()

    def _work(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            self._send()

    def _send(self) -> None:
        for name in _BACK:
            file = self._folder / name
            if file.is_file() and self._sent.get(name) != (now := (file.stat().st_mtime_ns, file.stat().st_size)):
                ray.get(self._mailbox.put.remote(self._home, name, file.read_bytes()))
                self._sent[name] = now


def _cache() -> Path:
    """Return this user's folder for what jobs read, on this node.

    Raises:
        WorkError: the folder is somebody else's.
    """
    folder = Path(tempfile.gettempdir(), f"genrelab-ray-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise WorkError(f"{folder}: belongs to somebody else")
    return folder


def _cached(file: Path, reference: list[Any]) -> Path:
    """Return a file of this node with what a reference stands for, fetched by the first job that needs it."""
    if not file.is_file():
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as part:
            part.write(ray.get(reference[0]))
        Path(part.name).replace(file)
    return file
