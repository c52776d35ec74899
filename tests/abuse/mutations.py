"""Files that were valid once: tables and texts of TOML, changed in every way that people and programs get wrong."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator, Sequence
from typing import Any

import tomli_w
from hypothesis import strategies as st

Place = tuple[str | int, ...]

HOSTILE = (
    *("", " ", ".", "..", "../../etc/passwd", "/etc/passwd", "~", "a/b", "a\\b", "con", "-rf", "--help"),
    *("none", "null", "nan", "inf", "True", "__class__", "__init__", "name", "params", "self", "kind"),
    *(
        "\x00",
        "a\x00b",
        "\n",
        "a\nb",
        "\r",
        "\t",
        "\x1b[2J\x1b]0;x\x07",
        "\x7f",
        "\x9b31m",
        "\u202egnp.exe",
        "\ufeff",
    ),
    *(
        "$(touch ran)",
        "`touch ran`",
        "; touch ran",
        "%s%n",
        "{0}",
        "{{7*7}}",
        "{% raw %}",
        "${HOME}",
        "[red]x[/red]",
    ),
    *(
        "<script>alert(1)</script>",
        "' or 1=1 --",
        '"',
        "'''",
        '"""',
        "run.hparams == 1",
        "日本語",
        "é" * 50,
        "x" * 5000,
    ),
)
SCALARS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([10**6, 2**31, 2**63, 2**64, 10**400, -(2**63), -(10**400)]),
    st.sampled_from([0.0, -0.0, 0.5, 1e-320, 1e308, -1e308, 1.0000001, float("inf"), float("-inf"), float("nan")]),
    st.booleans(),
    st.sampled_from(HOSTILE),
    st.text(max_size=20).map(lambda t: t.encode("utf-8", "replace").decode()),
    st.sampled_from([datetime.date(1, 1, 1), datetime.time(23, 59), datetime.datetime(9999, 12, 31)]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from([*HOSTILE, "low", "choice"]), inner, max_size=3),
    ),
    max_leaves=6,
)


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Yield where something stands in tables: every key and every item of a list."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield (*at, key)
        yield from places(inner, (*at, key))


@st.composite
def changed_tables(draw: st.DrawFn, valid: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one of several tables with one to four things in it changed."""
    tables = copy.deepcopy(draw(st.sampled_from(valid)))
    for _ in range(draw(st.integers(1, 4))):
        found = list(places(tables))
        if not found:
            break
        *above, key = draw(st.sampled_from(found))
        holder = at(tables, above)
        change = draw(st.sampled_from(["value", "near", "gone", "name", "deep", "copy", "new"]))
        if change == "value":
            holder[key] = draw(VALUES)
        elif change == "near":
            holder[key] = _near(draw, holder[key])
        elif change == "gone":
            del holder[key]
        elif change == "name" and isinstance(holder, dict):
            holder[draw(st.sampled_from([*HOSTILE, f"{key}s", str(key)[1:]]))] = holder.pop(key)
        elif change == "deep":
            holder[key] = _nested(holder[key], draw(st.integers(1, 60)), draw(st.booleans()))
        elif change == "copy":
            holder[key] = copy.deepcopy(at(tables, draw(st.sampled_from(found))))
        elif change == "new" and isinstance(at(tables, (*above, key)), dict):
            at(tables, (*above, key))[draw(st.sampled_from(HOSTILE))] = draw(VALUES)
    return tables


def at(tables: Any, place: Sequence[str | int]) -> Any:
    """Return what stands at a place."""
    for key in place:
        tables = tables[key]
    return tables


def _near(draw: st.DrawFn, value: Any) -> Any:
    """Return a value of the same type: out of range, misspelt, a list twice or without its end."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return draw(st.sampled_from([-value, value * 1000, value + 1, value - 1, value / 3, value * 10**30]))
    if isinstance(value, str):
        return draw(
            st.sampled_from([value[:-1], value.upper(), f"{value} ", value * 3, value + draw(st.text(max_size=1))])
        )
    if isinstance(value, list):
        return draw(st.sampled_from([value * 2, value[:-1], [value], value[::-1]]))
    return value


def _nested(value: Any, depth: int, in_lists: bool) -> Any:
    for _ in range(depth):
        value = [value] if in_lists else {"x": value}
    return value


def texts(valid: Sequence[dict[str, Any]]) -> st.SearchStrategy[bytes]:
    """Return files: changed tables as TOML, or TOML whose bytes were changed afterwards."""
    whole = changed_tables(valid).map(written)
    return st.one_of(whole, spoilt(whole), spoilt(st.sampled_from(valid).map(written)))


def written(tables: dict[str, Any]) -> bytes:
    """Return tables as TOML; a text that no TOML can hold stands there all the same."""
    return tomli_w.dumps(tables).encode("utf-8", "surrogatepass")


@st.composite
def spoilt(draw: st.DrawFn, files: st.SearchStrategy[bytes]) -> bytes:
    """Return a file with something done to its bytes."""
    content = draw(files)
    here = draw(st.integers(0, len(content)))
    there = min(len(content), here + draw(st.integers(0, 40)))
    way = draw(st.sampled_from(["cut", "end", "byte", "mark", "twice", "encoding", "large", "deep", "key"]))
    if way == "cut":
        return content[:here] + content[there:]
    if way == "end":
        return content[:here]
    if way == "byte":
        return content[:here] + draw(st.binary(min_size=1, max_size=4)) + content[here + 1 :]
    if way == "mark":
        mark = draw(
            st.sampled_from(["[", "]", "[[", "]]", "=", '"', "'''", ",", "#", ".", "\n", "{", "}", "\\", "1_"])
        )
        return content[:here] + mark.encode() + content[here:]
    if way == "twice":
        return content[:there] + content[here:]
    if way == "encoding":
        text = content.decode("utf-8", "replace")
        return text.encode(draw(st.sampled_from(["utf-8-sig", "utf-16", "utf-32", "utf-7", "cp037"])), "replace")
    if way == "large":
        return content + b"# " + b"x" * draw(st.sampled_from([10**5, 10**6])) + b"\n"
    if way == "deep":
        depth = draw(st.sampled_from([50, 500, 5000, 50_000]))
        opened, closed = draw(st.sampled_from([(b"[", b"]"), (b"{a=", b"1}"), (b"[{a=", b"1}]")]))
        return b"deep = " + opened * depth + closed * depth + b"\n" + content
    return content + b"\n[" + b".".join([b"a"] * draw(st.sampled_from([10, 300, 3000]))) + b"]\n"
