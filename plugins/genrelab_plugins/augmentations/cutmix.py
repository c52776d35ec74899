"""A rectangle of each clip from another one, with labels mixed by area.

Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features, ICCV 2019,
arXiv:1905.04899.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, one_of, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of cutmix."""

    alpha: float = tunable(1.0, low=0.01, high=10.0, log=True, help="of the beta distribution of the share kept")
    along: str = one_of("both", ["both", "time"], help="a rectangle, or all bins of a stretch of time")


def build(params: Params) -> nn.Module:
    """Build the module: (x (batch, bins, frames), y (batch, classes)) -> the same, mixed; identity in eval()."""
    from genrelab_plugins.augmentations._mixing import CutMix

    return CutMix(params.alpha, params.along)


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide cutmix."""
    return [Augmentation("cutmix", Params, build, domain="batch")]
