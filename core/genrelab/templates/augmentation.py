"""Random loudness of each clip: this line is what `genrelab list` shows."""

import attrs
import torch
from genrelab import Augmentation, hookimpl, tunable
from torch import Tensor, nn


@attrs.frozen
class Params:
    """Each with default, legal range and meaning; how often it is applied is genrelab's own `probability`."""

    amount: float = tunable(0.2, low=0.01, high=0.9, help="largest change, as a share of the values")


class MyAugmentation(nn.Module):
    def __init__(self, params: Params) -> None:
        super().__init__()
        self.amount = params.amount

    def forward(self, x: Tensor) -> Tensor:  # (batch, bins, frames) -> the same, changed, on the same device
        if not self.training:
            return x
        draws = torch.rand(len(x), 1, 1, device=x.device) * 2 - 1  # one for each clip, from torch's generator
        return x * (1 + self.amount * draws)  # a new tensor: the input stays as it is


# The name is that of registry.toml. With domain="waveform" it gets (batch, samples) and build gets the sample rate
# as well; with domain="batch" it mixes clips: forward(x, y) -> (x, y), y being soft labels (batch, classes).
@hookimpl
def provide_augmentations() -> list[Augmentation]:
    return [Augmentation("my_augmentation", Params, MyAugmentation, domain="feature")]
