from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from genrelab.components import KINDS
from genrelab.errors import InputError
from genrelab.plugins.registry import Registry

GOOD = """
import attrs
from genrelab import Model, hookimpl

@attrs.frozen
class Params: ...

@hookimpl
def provide_models():
    return [Model("net", Params, lambda *a: None)]
"""


def registry(folder: Path, text: str) -> Registry:
    (folder / "registry.toml").write_text(text)
    return Registry.discover(start=folder)


def plugin(folder: Path, source: str, name: str = "net.py") -> Registry:
    (folder / name).write_text(source)
    return registry(folder, f'[models]\nnet = "./{name}"\n')


def refusal(found: Registry, kind: str = "model", name: str = "net") -> str:
    with pytest.raises(InputError) as caught:
        found.get(kind, name)
    return str(caught.value)


def test_every_shipped_component_loads_under_its_name() -> None:
    found = Registry.discover()
    keys = [(e.kind, e.name) for e in found.entries()]
    assert {kind for kind, _ in keys} == set(KINDS)
    for kind, name in keys:
        component = found.get(kind, name)
        assert component.name == name
        assert isinstance(component, KINDS[kind].component)


def test_names_are_known_without_importing_their_modules(tmp_path: Path) -> None:
    found = plugin(tmp_path, "raise SystemError('imported')")
    assert "net" in found.names("model")


def test_a_file_in_the_nearest_registry_above_is_found(tmp_path: Path) -> None:
    plugin(tmp_path, GOOD)
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert Registry.discover(start=tmp_path / "a" / "b").get("model", "net").name == "net"


@pytest.mark.parametrize(
    ("source", "line", "cause"),
    [
        ("import attrs\nimport no_such_package\n", 2, "No module named 'no_such_package'"),
        ("x = 1\ndef f(:\n", 2, "SyntaxError"),
        ("raise OSError('libcudart.so is missing')\n", 1, "OSError: libcudart.so is missing"),
        (GOOD.replace("return [", "return 1 / 0, ["), 10, "ZeroDivisionError"),
    ],
)
def test_a_plugin_that_fails_is_told_with_file_line_and_cause(
    tmp_path: Path, source: str, line: int, cause: str
) -> None:
    message = refusal(plugin(tmp_path, source))
    assert f"net.py:{line}: " in message
    assert cause in message
    assert "registry.toml" in message


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (GOOD.replace("provide_models", "provide_modles"), "provide_modles"),
        (GOOD.replace("provide_models():", "provide_models(size):"), "size"),
        (GOOD.replace("@hookimpl", ""), "provide_models returns no model called 'net'"),
        (GOOD.replace('"net"', '"other"'), "it returns: other"),
        (GOOD.replace('[Model("net", Params, lambda *a: None)]', "[42]"), "got 42"),
        (GOOD.replace('[Model("net", Params, lambda *a: None)]', "None"), "no model called 'net'"),
        (GOOD.replace("@attrs.frozen\nclass Params", "class Params"), "attrs class"),
        (GOOD.replace("class Params: ...", "class Params:\n    size: int"), "without a default: size"),
    ],
)
def test_a_plugin_that_breaks_its_promises_is_told_which(tmp_path: Path, source: str, said: str) -> None:
    assert said in refusal(plugin(tmp_path, source))


def test_a_broken_plugin_leaves_the_others_working(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise RuntimeError")
    (tmp_path / "net.py").write_text(GOOD)
    found = registry(tmp_path, '[models]\nbad = "./bad.py"\nnet = "./net.py"\n')
    assert "RuntimeError" in refusal(found, name="bad")
    assert found.get("model", "net").name == "net"


def test_a_duplicate_disables_only_that_name_and_names_both_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "a_module_of_a_distribution"
    monkeypatch.setitem(sys.modules, module, SimpleNamespace())
    points = {
        "genrelab.models": [
            SimpleNamespace(name=n, value=module, dist=SimpleNamespace(name="others", version="2.0"))
            for n in ("net", "free")
        ]
    }
    found = SimpleNamespace(select=lambda group: points.get(group, []))
    monkeypatch.setattr(metadata, "entry_points", lambda: found)
    message = refusal(plugin(tmp_path, GOOD))
    assert str(tmp_path / "registry.toml") in message
    assert "others 2.0" in message
    assert Registry.discover(start=tmp_path).entry("model", "free").source == "others 2.0"

    settled = registry(tmp_path, 'disabled = ["model/net@others"]\n[models]\nnet = "./net.py"\n')
    assert settled.get("model", "net").name == "net"


def test_one_module_named_by_two_registries_is_no_duplicate(tmp_path: Path) -> None:
    found = registry(tmp_path, '[models]\ncnn1d_gru = "genrelab_plugins.models.cnn1d_gru"\n')
    assert found.get("model", "cnn1d_gru").name == "cnn1d_gru"


def test_a_disabled_name_is_unknown(tmp_path: Path) -> None:
    found = registry(tmp_path, 'disabled = ["model/cnn1d_gru"]')
    assert "no model is called 'cnn1d_gru'" in refusal(found, name="cnn1d_gru")


def test_an_unknown_name_is_met_with_a_guess() -> None:
    assert "did you mean 'cnn1d_gru'?" in refusal(Registry.discover(), name="cnn1d_gur")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[models", "cannot be read"),
        ("[modles]\n", "did you mean 'models'?"),
        ("[models]\nnet = 3\n", "[models]: expected lines such as"),
        ("disabled = 'x'\n", "disabled: expected a list"),
    ],
)
def test_a_wrong_registry_is_told_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        registry(tmp_path, text)
    assert said in str(caught.value)
    assert str(tmp_path / "registry.toml") in str(caught.value)


def test_a_plugin_file_offers_what_it_provides(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(GOOD)
    found = Registry.discover([tmp_path / "net.py"])
    assert found.get("model", "net").name == "net"
    again = found.recreate()
    assert Registry.discover([Path(p) for p in again["plugins"]], Path(again["start"])).get("model", "net")


@pytest.mark.parametrize(("source", "said"), [("x = 1", "provides nothing"), ("1 / 0", "ZeroDivisionError")])
def test_a_plugin_file_that_is_none_is_refused(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "net.py").write_text(source)
    with pytest.raises(InputError, match=said):
        Registry.discover([tmp_path / "net.py"])
