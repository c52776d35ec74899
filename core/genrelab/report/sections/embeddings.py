"""How the candidates arrange the test tracks: t-SNE of their pooled embeddings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from genrelab.components import Track
from genrelab.errors import GenrelabError, WorkError
from genrelab.files import write_json
from genrelab.plugins.registry import Registry
from genrelab.report.drawing import GROUND, SOFT, label, new_figure, spot
from genrelab.report.page import Block, Lines, Page, Text, unfolded
from genrelab.report.study import Contender, Study

_FEWEST = 8  # points; fewer make no picture
_VECTOR = 2000  # points; more are drawn as an image in the SVG


@attrs.frozen
class TsneOptions:
    """How t-SNE is done."""

    perplexity: float = 30.0
    iterations: int = 1000
    points: int = 3000
    """Test tracks at the most; more are thinned out evenly."""


def embeddings(study: Study, page: Page, registry: Registry, options: TsneOptions) -> list[Block]:
    """Draw the embeddings of each candidate; write data/tsne.json.

    The weights are those of the final run that is best on validation.
    """
    if not study.judged or not study.tracks:
        return [Text("No final run is completed yet.")]
    tested = [t for t in study.tracks.tracks if t.split == "test"]
    kept = _thinned(len(tested), options.points)
    tracks = [tested[i] for i in kept]
    failed: list[str] = []
    parts: list[tuple[str, list[Block]]] = []
    found: dict[str, dict[str, list[object]]] = {}
    for contender in sorted(study.judged, key=study.score, reverse=True):
        page.working(f"t-SNE of {contender.name}")
        try:
            vectors = _embedded(contender, registry)[kept]
            places, perplexity = _tsne(vectors, options)
        except GenrelabError as error:
            failed.append(f"{contender.name}: no embeddings: {_short(error)}")
            continue
        caption = (
            f"{contender.name}, seed {contender.representative.number if contender.representative else ''}: t-SNE "
            f"(perplexity {perplexity:.3g}, {options.iterations} iterations) of the pooled embeddings, "
            f"{vectors.shape[1]} dimensions, of {len(tracks)} of {len(tested)} test tracks. Distances between "
            "groups mean little."
        )
        parts.append((contender.name, [page.picture(f"tsne-{contender.name}", _draw(places, tracks), caption)]))
        found[contender.name] = {
            "x": places[:, 0].tolist(),
            "y": places[:, 1].tolist(),
            "genre": [t.label for t in tracks],
            "title": [t.title or t.id for t in tracks],
        }
    write_json(page.folder / "data" / "tsne.json", found)
    return [*unfolded(parts), *([Lines("Not shown", failed)] if failed else [])]


def _short(error: GenrelabError) -> str:
    """Return the first two lines of a message: how many problems there are, and the first of them."""
    return ": ".join(line.strip() for line in str(error).splitlines()[:2])


def _thinned(count: int, most: int) -> NDArray[np.int64]:
    """Return which of so many tracks are drawn."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def _embedded(contender: Contender, registry: Registry) -> NDArray[np.float32]:
    from genrelab.training.embed import embed, load_trained  # torch takes seconds to import

    run = contender.representative
    if run is None:
        raise WorkError("no final run is completed")
    model, clips, at_once = load_trained(run.folder, registry)
    return embed(model, clips, "test", at_once)


def _tsne(vectors: NDArray[np.float32], options: TsneOptions) -> tuple[NDArray[np.float64], float]:
    """Return places (points, 2) (van der Maaten & Hinton, JMLR 9, 2008) and the perplexity, less for few points."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(vectors) < _FEWEST:
        raise WorkError(f"only {len(vectors)} test tracks")
    if not np.isfinite(vectors).all() or not vectors.std(axis=0).any():
        raise WorkError("they are not finite, or all the same")
    perplexity = min(options.perplexity, (len(vectors) - 1) / 3)
    with threadpool_limits(1):  # sums in one order, so that the same study gives the same picture
        tsne = TSNE(perplexity=perplexity, max_iter=options.iterations, init="random", random_state=0)
        return tsne.fit_transform(vectors).astype(np.float64).round(4), perplexity


def _draw(places: NDArray[np.float64], tracks: Sequence[Track]) -> Figure:
    labels = np.array([t.label for t in tracks])
    counts = Counter(sorted(labels.tolist()))
    rows = -(-len(counts) // 2)
    figure = new_figure(5.4 + 0.23 * rows)
    axes = figure.add_subplot()
    for number, (genre, count) in enumerate(counts.items()):
        x, y = places[labels == genre].T
        size = 26 if len(tracks) < 300 else 12 if len(tracks) < _VECTOR else 6
        named = f"{label(genre)} ({count / len(tracks):.1%})"
        axes.scatter(
            x, y, size, label=named, alpha=0.75, linewidths=0, rasterized=len(tracks) > _VECTOR, **spot(number)
        )
    for genre in counts:
        x, y = np.median(places[labels == genre], axis=0)
        box = {"facecolor": GROUND, "alpha": 0.75, "edgecolor": "none", "pad": 1.5}
        axes.text(x, y, label(genre), ha="center", va="center", fontsize=9.5, bbox=box)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, color=SOFT)
    figure.legend(loc="outside lower center", ncols=2, markerscale=1.4)
    return figure
