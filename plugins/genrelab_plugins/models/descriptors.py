"""A classifier on descriptors of timbre, its changes and rhythm: what a few hundred clips can teach.

Convolutions must learn what to listen to, for which small collections are too small. Here that is given, in the
tradition of Tzanetakis and Cook (Musical genre classification of audio signals, IEEE Transactions on Speech and
Audio Processing 10, 2002): cepstral coefficients, how much they change, spectral contrast, onsets and their rhythm;
only the classifier is learned. Give it `log_mel` in dB: normalization "none", ref "one".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import InputError, Model, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of descriptors."""

    timbre: float = tunable(1.0, low=0.0, high=1.0, help="weight of cepstral coefficients; 0: not looked at")
    contrast: float = tunable(0.5, low=0.0, high=1.0, help="weight of spectral contrast; 0: not looked at")
    changes: float = tunable(1.0, low=0.0, high=1.0, help="weight of changes over 1 to 32 frames; 0: not looked at")
    rhythm: float = tunable(0.5, low=0.0, high=1.0, help="weight of onsets and their rhythm; 0: not looked at")
    hidden_dim: int = tunable(128, low=0, high=1024, help="units of a hidden layer; 0: none, a linear classifier")
    input_dropout: float = tunable(0.3, low=0.0, high=0.8, help="dropout of descriptors")
    dropout: float = tunable(0.5, low=0.0, high=0.8, help="dropout after the hidden layer")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the classifier for features of shape (bins, frames).

    Raises:
        InputError: the feature has fewer than 16 bins or 8 frames, or all weights are 0.
    """
    from torch import nn

    from genrelab_plugins.models import _blocks
    from genrelab_plugins.models._descriptors import KINDS, Descriptors, Weigh
    from genrelab_plugins.models._statistics import SoftClip, Standardize, linear_from_zero

    _blocks.check_shape(shape, bins=16, frames=8)
    weights = {kind: getattr(params, kind) for kind in KINDS}
    if not any(weights.values()):
        raise InputError("descriptors: all weights are 0: nothing is looked at; set one above 0")
    wanted = Descriptors(shape[0], weights)
    body: list[nn.Module] = [wanted, Standardize(wanted.values), SoftClip(3.0), Weigh(wanted.sizes, weights)]
    body.append(nn.Dropout(params.input_dropout))
    if not params.hidden_dim:
        return _blocks.Classifier(*body, head=linear_from_zero(wanted.values, classes))
    body += [nn.Linear(wanted.values, params.hidden_dim), nn.ReLU(), nn.Dropout(params.dropout)]
    return _blocks.Classifier(*body, head=nn.Linear(params.hidden_dim, classes))


@hookimpl
def provide_models() -> list[Model]:
    """Provide descriptors."""
    return [Model("descriptors", Params, build)]
