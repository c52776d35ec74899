"""Weighted means of two clips and of their labels.

Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018, arXiv:1710.09412.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of mixup."""

    alpha: float = tunable(0.2, low=0.01, high=10.0, log=True, help="of the beta distribution; small: mixes little")


def build(params: Params) -> nn.Module:
    """Build the module: (x (batch, bins, frames), y (batch, classes)) -> the same, mixed; identity in eval()."""
    from genrelab_plugins.augmentations._mixing import Mixup

    return Mixup(params.alpha)


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide mixup."""
    return [Augmentation("mixup", Params, build, domain="batch")]
