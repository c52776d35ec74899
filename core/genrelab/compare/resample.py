"""What chance could have made of a score: test tracks resampled by artist, and the luck of the seeds.

Two things are drawn by lot in a study: the artists in the test set and the seeds of the final runs (Bouthillier et
al., Accounting for Variance in Machine Learning Benchmarks, MLSys 2021). Artists are resampled whole, the same ones
for every candidate, so that differences are paired (Field & Welsh, Bootstrapping clustered data, JRSS B 69, 2007).

Runs differ by the luck of training, and also because each errs on other tracks. Resampling the artists has the
latter already, so only the part of the variance between runs that is the seed's alone is added (Davison & Hinkley,
Bootstrap Methods and their Application, 1997, section 3.8, on data with two levels). Three seeds are too few to be
resampled one by one: luck is drawn from a normal distribution of that variance, and since few seeds tell little of
it, everything is widened as Student's t is, with Satterthwaite's degrees of freedom (Biometrics Bulletin 2, 1946).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np
from scipy import stats

from genrelab.compare.metrics import Floats, Tallies

CONFIDENCE = 0.95
BLOCK = 500  # resamples at once


@attrs.frozen(eq=False)
class Resampled:
    """Scores of one candidate: M scores, as `Tallies.scores` orders them; S runs, G clusters, B resamples."""

    runs: Floats
    """(S, M) as observed."""
    artists: Floats
    """(B, M) means over runs in resamples of the artists, less their own mean."""
    bias: Floats
    """(M,) by how much resamples of the artists score higher on average than what they are drawn from."""
    luck: Floats
    """(B, M) what other seeds might have added."""
    luck_variance: Floats
    """(M,) estimated variance of that."""
    clusters: int

    @property
    def mean(self) -> Floats:
        """Observed means over runs: (M,)."""
        mean: Floats = self.runs.mean(axis=0)
        return mean


def resample(candidates: Sequence[Tallies], names: Sequence[str], count: int, seed: int) -> list[Resampled]:
    """Resample the scores of candidates on one test set, all with the same artists.

    Args:
        candidates: what each made of the test set.
        names: of the candidates; each has its own luck, whoever else takes part.
        count: number of resamples B.
        seed: the same seed gives the same numbers.
    """
    clusters = candidates[0].clusters
    blocks: list[list[Floats]] = [[] for _ in candidates]
    for weights in _weights(np.random.default_rng([seed, 0]), clusters, count):
        for block, tallies in zip(blocks, candidates, strict=True):
            block.append(tallies.scores(weights))
    found = []
    for block, tallies, name in zip(blocks, candidates, names, strict=True):
        runs, scores = tallies.scores()[:, 0], np.concatenate(block, axis=1)
        mean, variance = scores.mean(axis=0), _luck_variance(runs, scores)
        draws = np.random.default_rng([seed, 1, *name.encode()]).standard_normal((count, 1))
        centre = mean.mean(axis=0)
        bias, luck = centre - runs.mean(axis=0), draws * np.sqrt(variance)
        found.append(Resampled(runs, mean - centre, bias, luck, variance, clusters))
    return found


def difference(a: Resampled, b: Resampled) -> tuple[Floats, Floats]:
    """Return the difference of two candidates (M,) and its `interval`."""
    drawn = a.artists - b.artists
    middle = a.mean - b.mean
    return middle, _ends(middle - (a.bias - b.bias), drawn + a.luck - b.luck, widening(drawn, a, b))


def interval(found: Resampled) -> Floats:
    """Return the lower and the upper end of the 95 % intervals of one candidate: (2, M).

    F1 is lower on few tracks than on many: a genre with few artists has fewer yet in a resample. So the intervals
    are centred on the mean less its bias.
    """
    drawn = found.artists + found.luck
    return _ends(found.mean - found.bias, drawn, widening(found.artists, found))


def _ends(centre: Floats, deviations: Floats, wider: Floats) -> Floats:
    """Return the ends of intervals: centre (M,), deviations (B, M), wider (M,) -> (2, M)."""
    tail = (1 - CONFIDENCE) / 2
    ends: Floats = centre + wider * np.quantile(deviations, [tail, 1 - tail], axis=0)
    return ends


def widening(artists: Floats, *candidates: Resampled) -> Floats:
    """Return how much wider than normal intervals are, as few clusters and seeds tell little of a variance: (M,).

    Args:
        artists: (B, M) deviations in resamples of the artists.
        candidates: the one, or the two whose difference it is.
    """
    variance = artists.var(axis=0)
    total = variance + sum(c.luck_variance for c in candidates)
    doubt = variance**2 / max(1, candidates[0].clusters - 1)
    doubt = doubt + sum(c.luck_variance**2 / max(1, len(c.runs) - 1) for c in candidates)
    freedom = np.divide(total**2, doubt, out=np.full(total.shape, np.inf), where=doubt > 0)
    tail = (1 - CONFIDENCE) / 2
    wider: Floats = stats.t.ppf(1 - tail, freedom) / stats.norm.ppf(1 - tail)
    return wider


def _weights(rng: np.random.Generator, clusters: int, count: int) -> Iterator[Floats]:
    """Yield how often each cluster is drawn: (at most `BLOCK`, clusters)."""
    draws = max(1, clusters - 1)
    for done in range(0, count, BLOCK):
        rows = min(BLOCK, count - done)
        drawn = rng.integers(clusters, size=(rows, draws)) + clusters * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * clusters).reshape(rows, clusters).astype(float)


def _luck_variance(runs: Floats, scores: Floats) -> Floats:
    """Estimate the variance that seeds alone give the mean: runs (S, M), resamples (S, B, M) -> (M,)."""
    seeds = len(runs)
    if seeds == 1:
        return np.zeros(runs.shape[1])
    by_tracks = (scores - scores.mean(axis=0)).var(axis=1).sum(axis=0) / (seeds - 1)
    variance: Floats = np.clip(runs.var(axis=0, ddof=1) - by_tracks, 0, None) / seeds
    return variance
