"""What was learnt from and tested on, what could not be used, and what straddles the split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from genrelab.compare.tables import Table
from genrelab.components import SUBSETS
from genrelab.csv_files import read_csv
from genrelab.data.audit.leaks import KINDS, Leaks, read_leaks
from genrelab.files import read_json
from genrelab.report.page import Block, Page, Text
from genrelab.report.study import Study
from genrelab.study.rundir import RunDirectory

_LISTED = 30


def data(study: Study, page: Page) -> list[Block]:
    """Count tracks by genre and subset; list quarantined files and leaks."""
    if not study.tracks:
        return [Text("The data is not prepared yet.")]
    folder = RunDirectory(study.root).data
    blocks: list[Block] = [page.table("tracks", _tracks(study))]
    blocks += [Text(note) for note in notes(study)]
    return [*blocks, *_quarantine(folder / "quarantine.csv", page), *_leaks(folder / "leaks.json", page)]


def _tracks(study: Study) -> Table:
    found = study.tracks.tracks if study.tracks else ()
    counts = Counter((t.label, t.split) for t in found)
    rows = [[g, *[str(counts[g, s]) for s in SUBSETS]] for g in sorted({t.label for t in found})]
    artists = [len({t.artist for t in found if t.split == s} - {""}) for s in SUBSETS]
    totals = [sum(t.split == s for t in found) for s in SUBSETS]
    rows += [["all", *map(str, totals)], ["artists", *[str(n) if any(artists) else "unknown" for n in artists]]]
    return Table("Tracks of each genre", ("genre", *SUBSETS), rows)


def notes(study: Study) -> Sequence[str]:
    """Return what the user should know of the data, as it was told when the study began."""
    file = RunDirectory(study.root).data / "notes.json"
    found: list[str] = read_json(file) if file.is_file() else []
    return found


def _quarantine(file: Path, page: Page) -> list[Block]:
    rows = read_csv(file) if file.is_file() else []
    if not rows:
        return [Text("Quarantine: every file could be used.")]
    counts = ", ".join(f"{n} {reason}" for reason, n in Counter(r["reason"] for r in rows).most_common())
    listed = [[r["id"], r["reason"], r["message"]] for r in rows]
    table = page.table("quarantine", Table("Quarantine", ("track", "reason", "what is wrong"), listed), (1, 2))
    return [Text(f"Quarantine: {len(rows)} files could not be used ({counts})."), table]


def _leaks(file: Path, page: Page) -> list[Block]:
    if not file.is_file():
        return [Text("The split is not audited yet.")]
    leaks = read_leaks(file)
    blocks: list[Block] = []
    if not leaks.leaks:
        blocks.append(Text(f"Audit: nothing straddles the split; {leaks.tests} test tracks."))
    else:
        blocks.append(page.table("leaks", _leak_table(leaks), (1,)))
    if leaks.unsearched:
        blocks.append(Text(f"Near-duplicates were not looked for: {leaks.unsearched}"))
    return blocks


def _leak_table(leaks: Leaks) -> Table:
    rows = []
    for kind, (_, several) in KINDS.items():
        for leak in sorted(leaks.of(kind), key=lambda found: -len(found.tests)):
            counts = [str(sum(subset == s for _, subset in leak.tracks)) for s in SUBSETS]
            what = " ~ ".join(i for i, _ in leak.tracks) if kind == "near_duplicate" else leak.name
            rows.append([several, what, *counts])
    return Table("What straddles the split", ("kind", "what", *SUBSETS), rows)
