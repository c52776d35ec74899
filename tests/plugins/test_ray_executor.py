"""Studies on a Ray cluster: the same numbers as on this machine, also when a node dies."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Command
from tests.core.test_study import results, table

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")
SLOW_MODEL = ["candidate.wide.model.fault=slow", "candidate.narrow.model.fault=slow", "train.patience=0"]
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64, "RAY_USAGE_STATS_ENABLED": "0"}


def options(*settings: str) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


@needs_ray
def test_an_address_where_nobody_listens_is_one_clear_line(toy: Path, genrelab: Command) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        done = genrelab("run", "toy.toml", *options(f'executor={{name="ray", address="{address}"}}'))
    assert done.returncode == 2
    assert f"executor.address: nothing answers at '{address}'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_package_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from genrelab import InputError
    from genrelab_plugins.executors.ray import Params, build

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"ray is not installed; pip install genrelab\[ray\]"):
        build(Params())


class Cluster:
    """A head without cores and nodes on this machine, each with a group of processes of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._env = {**os.environ, **TOKEN, "RAY_TMPDIR": str(folder)}
        self.address = f"127.0.0.1:{free_port()}"
        host, _, port = self.address.partition(":")
        self._head = self._start("--head", f"--port={port}", f"--node-ip-address={host}", "--num-cpus=0")
        self.nodes = [self.join() for _ in range(2)]

    def join(self) -> subprocess.Popen[bytes]:
        return self._start(f"--address={self.address}", "--num-cpus=1", "--node-ip-address=127.0.0.1")

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
        if "--head" in arguments:
            command += ["--include-dashboard=false"]
        process = subprocess.Popen(
            [*command, *arguments],
            env=self._env,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(8)
        assert process.poll() is None
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a node with everything that runs on it, as a power failure does."""
        import psutil

        for child in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            child.kill()
        process.wait()

    def close(self) -> None:
        for process in (*self.nodes, self._head):
            if process.poll() is None:
                self.kill(process)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    found = Cluster(tmp_path_factory.mktemp("ray"))
    try:
        yield found
    finally:
        found.close()


def run(folder: Path, *settings: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "genrelab.cli", "run", "toy.toml", *options(*settings)]
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **TOKEN},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def trials(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [event for hook, event in found if hook == "on_trial_end"]


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize("shared", ["true", "false"])
def test_a_study_on_two_nodes_ends_as_on_this_machine_though_one_dies(
    toy: Path, tmp_path_factory: pytest.TempPathFactory, cluster: Cluster, shared: str
) -> None:
    import shutil

    local = tmp_path_factory.mktemp("local")
    shutil.copytree(toy, local, dirs_exist_ok=True)
    settings = [*SLOW_MODEL, "train.epochs=20"]
    with run(local, *settings, "executor.workers=2") as process:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
    executor = f'executor={{name="ray", address="{cluster.address}", shared={shared}}}'
    with run(toy, *settings, executor) as process:
        deadline = time.monotonic() + 300
        while not list(toy.rglob("metrics.jsonl")) and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        first, second = cluster.nodes
        assert second.poll() is None, "the node that is to go on has not come up"
        cluster.kill(first)
        _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    assert results(toy / "runs/toy") == results(local / "runs/toy")
    assert table(toy / "runs/toy") == table(local / "runs/toy")
    ended = [json.dumps(event["trial"]) for event in trials(toy)]
    assert len(ended) == len(set(ended)) == 14
