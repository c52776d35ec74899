"""Exported folders made by somebody who means harm: nothing runs or is read beside them, memory follows them."""

from __future__ import annotations

import json
import os
import resource
import struct

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genrelab import InputError, load
from genrelab.plugins.registry import Registry
from tests.use.test_export import small, write_model


@pytest.fixture
def folder(tmp_path):
    """A good one, to be spoilt."""
    return write_model(tmp_path / "model", small("cnn1d_gru"))


def change(folder, **changes):
    """Change model.json, table by table."""
    plain = json.loads((folder / "model.json").read_text())
    for name, value in changes.items():
        plain[name] = {**plain[name], **value} if isinstance(value, dict) else value
    (folder / "model.json").write_text(json.dumps(plain))


def test_the_folder_that_is_spoilt_below_is_good(folder):
    assert load(folder).classes == ("high", "low", "mid")


def test_a_file_that_is_named_as_a_plugin_is_not_run(folder, tmp_path, monkeypatch):
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    for name in ("evil", "./evil.py", str(folder / "evil.py"), "os", "../model/evil.py"):
        change(folder, model={"name": name})
        with pytest.raises(InputError, match="no model is called"):
            load(folder)
    change(folder, model={"name": "cnn1d_gru"})
    for key in ("registry", "plugins"):
        change(folder, **{key: [str(folder / "evil.py")]})
        with pytest.raises(InputError, match="unknown key"):
            load(folder)
    assert not (tmp_path / "ran").exists()


def test_a_registry_in_the_folder_is_refused_also_where_one_works_in_it(folder, tmp_path, monkeypatch):
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    (folder / "registry.toml").write_text('[models]\nevil = "./evil.py"\n')
    change(folder, model={"name": "evil"})
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=r"registry\.toml"):
        load(".")
    assert not (tmp_path / "ran").exists()


def test_pickles_are_not_read(folder, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"weight": Evil()}, folder / "weights.safetensors")
    with pytest.raises(InputError, match=r"weights\.safetensors"):
        load(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_links_are_not_followed(folder, tmp_path, name):
    (folder / name).rename(tmp_path / "elsewhere")
    for target in (tmp_path / "elsewhere", "../elsewhere", "nowhere"):
        (folder / name).symlink_to(target)
        with pytest.raises(InputError, match="is not a regular file"):
            load(folder)
        (folder / name).unlink()


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_pipes_and_folders_do_not_hold_it_up(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(InputError, match="is not a regular file"):
        load(folder)
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(InputError, match="is not a regular file"):
        load(folder)


PATHS = """
import attrs
from genrelab import Model, hookimpl, setting

@attrs.frozen
class Params:
    weights: str = setting("", help="a file")
    files: list[str] = setting([], help="files")

@hookimpl
def provide_models():
    return [Model("reads", Params, lambda params, shape, classes: open(params.weights))]
"""


def test_parameters_that_name_files_or_addresses_are_refused(folder, tmp_path):
    (tmp_path / "reads.py").write_text(PATHS)
    registry = Registry.discover([tmp_path / "reads.py"])
    for path in ("/etc/passwd", "../secret", "https://example.org/x", "a\\b"):
        for params in ({"weights": path}, {"files": [path]}):
            plain = json.loads((folder / "model.json").read_text())
            plain["model"] = {"name": "reads", **params}
            (folder / "model.json").write_text(json.dumps(plain))
            with pytest.raises(InputError, match="names a file or an address"):
                load(folder, registry=registry)


JSON_BOMBS = {
    "deep": "[" * 100_000,
    "deep tables": '{"a":' * 50_000,
    "large": '{"classes": ["' + "x" * (1 << 21) + '"]}',
    "no JSON": "\x00\xff",
    "a list": "[]",
    "a number": "3",
    "NaN": '{"temperature": NaN}',
    "long number": '{"seed": ' + "9" * 100_000 + "}",
    "empty": "",
}


@pytest.mark.parametrize("text", JSON_BOMBS.values(), ids=JSON_BOMBS.keys())
def test_json_bombs_are_refused(folder, text):
    (folder / "model.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"model\.json"):
        load(folder)


LIES = {
    "a huge shape": {"shape": [1_000_000, 1_000_000]},
    "a shape of another feature": {"shape": [16, 127]},
    "no frames": {"shape": [16, 0]},
    "negative bins": {"shape": [-16, 126]},
    "no classes": {"classes": []},
    "a class twice": {"classes": ["a", "a", "b"]},
    "classes that steer the terminal": {"classes": ["\x1b[2J", "a", "b"]},
    "another number of classes": {"classes": ["a", "b"]},
    "a model as large as allowed": {"model": {"hidden_dim": 512, "num_layers": 3}},
    "a clip of a week": {"audio": {"seconds": 604_800.0}},
    "a long clip of many samples": {"audio": {"seconds": 3600.0, "sample_rate": 192_000}},
    "a feature that takes all memory": {
        "audio": {"seconds": 3000.0},
        "feature": {"n_fft": 8192, "hop_length": 32, "n_mels": 8},
    },
    "bins without statistics": {"mean": [], "deviation": []},
    "statistics of other bins": {"mean": [0.0] * 15, "deviation": [1.0] * 15},
    "a deviation of nothing": {"deviation": [0.0] * 16},
    "a temperature of nothing": {"temperature": 0.0},
    "a future format": {"format": 2},
    "a future feature": {"feature_version": 99},
    "a text where a number belongs": {"seed": "1"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_lying_description_is_refused_and_takes_no_memory(folder, lie):
    change(folder, **lie)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError):
        load(folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20  # KiB: a GiB


def header(entries, length=None, content=b""):
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + content


def entry(shape, begin, end):
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


HEADERS = {
    "a long header": header({}, 1 << 62),
    "a header longer than the file": header({}, 1000),
    "nothing": b"",
    "half a length": b"\x01\x02",
    "no header": struct.pack("<Q", 4) + b"\xff\xff\xff\xff",
    "a tensor that is not there": header({"w": entry([1 << 40], 0, 4 << 40)}),
    "a tensor larger than its bytes": header({"w": entry([1 << 30], 0, 4)}, None, b"1234"),
    "bytes before the file": header({"w": entry([1], -4, 0)}),
    "overlapping tensors": header({"a": entry([1], 0, 4), "b": entry([1], 0, 4)}, None, b"1234"),
    "a shape whose product overflows": header({"w": entry([1 << 32, 1 << 32], 0, 0)}),
    "an unknown type": header({"w": {**entry([1], 0, 4), "dtype": "PICKLE"}}, None, b"1234"),
    "no tensors": header({}),
    "many names": header({f"w{i}": entry([0], 0, 0) for i in range(2000)}),
}


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS.keys())
def test_a_lying_header_is_refused(folder, content):
    (folder / "weights.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"weights\.safetensors"):
        load(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(folder, value):
    weights = safetensors.torch.load_file(folder / "weights.safetensors")
    weights["head.0.weight"].fill_(value)
    safetensors.torch.save_file(weights, folder / "weights.safetensors")
    with pytest.raises(InputError, match="NaN or infinite"):
        load(folder)


@given(st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_change_of_a_byte_does_more_than_to_be_refused(folder, data):
    name = data.draw(st.sampled_from(["model.json", "weights.safetensors"]))
    good = (folder / name).read_bytes()
    place = data.draw(st.integers(0, min(len(good), 3000) - 1))
    spoilt = good[:place] + bytes([data.draw(st.integers(0, 255))]) + good[place + 1 :]
    (folder / name).write_bytes(spoilt)
    try:
        load(folder)
    except InputError:
        pass
    finally:
        (folder / name).write_bytes(good)


def test_the_plugins_of_a_strangers_run_are_not_imported_and_its_paths_not_followed(copied, tmp_path):
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    for file in copied.glob("candidates/cnn1d_gru/final/*/job.json"):
        job = json.loads(file.read_text())
        job["registry"]["plugins"] = [str(tmp_path / "evil.py")]
        job["feature"] = "../../../../../../etc/passwd"
        file.write_text(json.dumps(job))
    load(copied, candidate="cnn1d_gru")
    assert not (tmp_path / "ran").exists()
