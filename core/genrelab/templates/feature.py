"""Loudness in bands of the spectrum: this line is what `genrelab list` shows."""

import attrs
import torch
from genrelab import Feature, hookimpl, one_of, tunable
from torch import Tensor, nn


@attrs.frozen
class Params:
    """Each with default, legal range and meaning; a changed value is another feature, computed and stored anew."""

    n_fft: int = one_of(1024, [512, 1024, 2048], help="window length, samples")
    bands: int = tunable(32, low=4, high=128, help="bands of equal width, each the mean of its frequencies")


class MyFeature(nn.Module):
    window: Tensor

    def __init__(self, params: Params) -> None:
        super().__init__()
        self.params = params
        self.register_buffer("window", torch.hann_window(params.n_fft), persistent=False)

    def forward(self, x: Tensor) -> Tensor:  # (batch, samples) in -1..1 -> (batch, bins, frames)
        n_fft = self.params.n_fft
        spectrum = torch.stft(x, n_fft, n_fft // 2, window=self.window, pad_mode="constant", return_complex=True)
        bands = nn.functional.adaptive_avg_pool2d(spectrum.abs()[:, None], (self.params.bands, None))[:, 0]
        return bands.clamp(min=1e-5).log()  # finite for silence, and in half precision, as it is stored


# The name is that of registry.toml. Raise the version whenever the output changes, so that nothing stale is read.
@hookimpl
def provide_features() -> list[Feature]:
    return [Feature("my_feature", Params, lambda params, sample_rate: MyFeature(params), version=1)]
