"""A classifier on descriptors of timbre, its changes and rhythm: what a few hundred clips can teach.

Convolutions must learn what to listen to, for which small collections are too small. Here that is given, in the
tradition of Tzanetakis and Cook (Musical genre classification of audio signals, IEEE Transactions on Speech and
Audio Processing 10, 2002): cepstral coefficients, how much they change, spectral contrast, onsets and their rhythm;
only the classifier is learned. Give it `log_mel` in dB: normalization "none", ref "one".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, one_of, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of descriptors."""

    contrast: bool = one_of(True, [True, False], help="whether spectral contrast is looked at")
    changes: bool = one_of(True, [True, False], help="whether changes over 1 to 32 frames are looked at")
    rhythm: bool = one_of(True, [True, False], help="whether onsets and their rhythm are looked at")
    hidden_dim: int = tunable(0, low=0, high=1024, help="units of a hidden layer; 0: none, a linear classifier")
    input_dropout: float = tunable(0.3, low=0.0, high=0.8, help="dropout of descriptors")
    dropout: float = tunable(0.5, low=0.0, high=0.8, help="dropout after the hidden layer")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the classifier for features of shape (bins, frames).

    Raises:
        InputError: the feature has fewer than 16 bins or 8 frames.
    """
    from torch import nn

    from genrelab_plugins.models import _blocks
    from genrelab_plugins.models._descriptors import Descriptors
    from genrelab_plugins.models._statistics import SoftClip, Standardize, linear_from_zero

    _blocks.check_shape(shape, bins=16, frames=8)
    wanted = Descriptors(shape[0], contrast=params.contrast, changes=params.changes, rhythm=params.rhythm)
    body: list[nn.Module] = [wanted, Standardize(wanted.values), SoftClip(3.0), nn.Dropout(params.input_dropout)]
    if not params.hidden_dim:
        return _blocks.Classifier(*body, head=linear_from_zero(wanted.values, classes))
    body += [nn.Linear(wanted.values, params.hidden_dim), nn.ReLU(), nn.Dropout(params.dropout)]
    return _blocks.Classifier(*body, head=nn.Linear(params.hidden_dim, classes))


@hookimpl
def provide_models() -> list[Model]:
    """Provide descriptors."""
    return [Model("descriptors", Params, build)]
