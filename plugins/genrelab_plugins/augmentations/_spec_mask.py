"""Random bands and frames of a batch, drawn for all clips at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SpecMask(nn.Module):
    """Mask random bands and frames of each clip of a batch; identity in eval().

    Args:
        freq_masks: masks along bins, for each clip.
        freq_width: widest of these, bins.
        time_masks: masks along frames, for each clip.
        time_width: widest of these, frames.
        fill: what masked values become: ``min`` or ``mean`` of the clip, or ``zero``.
    """

    def __init__(self, freq_masks: int, freq_width: int, time_masks: int, time_width: int, fill: str) -> None:
        super().__init__()
        self.freq_masks, self.freq_width = freq_masks, freq_width
        self.time_masks, self.time_width = time_masks, time_width
        self.fill = fill

    def forward(self, x: Tensor) -> Tensor:
        """Return a masked copy: (batch, bins, frames) -> same shape, type and device."""
        if not self.training:
            return x
        batch, bins, frames = x.shape
        bands = random_spans(batch, bins, self.freq_masks, self.freq_width, x.device)
        times = random_spans(batch, frames, self.time_masks, self.time_width, x.device)
        fill = fill_by_place if x.device.type == "cpu" else fill_by_choice
        return fill(x, bands, times, self._filling(x))

    def _filling(self, x: Tensor) -> Tensor:
        """Return the value of each clip's masked places: (batch,)."""
        match self.fill:
            case "min":
                return x.amin((1, 2))
            case "mean":
                return x.mean((1, 2))
            case _:
                return x.new_zeros(len(x))


def fill_by_place(x: Tensor, bands: Tensor, times: Tensor, filling: Tensor) -> Tensor:
    """Return a copy with the masked places written: a third of the cost of `fill_by_choice` on a CPU.

    Args:
        x: (batch, bins, frames).
        bands: first bin of each masked band, and the one after its last: (batch, masks, 2).
        times: the same of masked stretches of time, in frames.
        filling: value of each clip's masked places (batch,).
    """
    masked = x.clone()
    spans = zip(masked, bands.tolist(), times.tolist(), filling.tolist(), strict=True)
    for clip, clip_bands, clip_times, value in spans:
        for start, end in clip_bands:
            clip[start:end] = value
        for start, end in clip_times:
            clip[:, start:end] = value
    return masked


def fill_by_choice(x: Tensor, bands: Tensor, times: Tensor, filling: Tensor) -> Tensor:
    """Do the same as `fill_by_place` without shapes that depend on the draw: a GPU need not be waited for."""
    chosen = inside(bands, x.shape[1])[:, :, None] | inside(times, x.shape[2])[:, None, :]
    return torch.where(chosen, filling[:, None, None], x)


def inside(spans: Tensor, size: int) -> Tensor:
    """Return booleans (batch, size), true where one of the spans (batch, n, 2) of a clip lies."""
    place = torch.arange(size, device=spans.device)
    return ((place >= spans[:, :, :1]) & (place < spans[:, :, 1:])).any(dim=1)


def random_spans(batch: int, size: int, count: int, widest: int, device: torch.device) -> Tensor:
    """Draw `count` spans of each clip: where they start and, not included, end, (batch, count, 2) whole numbers.

    Widths are uniform in 0..widest (at most `size`), starts uniform over the places where the span fits: the
    paper's range of starts, but with its end, without which the last place would never be masked.
    """
    widths, starts = torch.rand(2, batch, count, device=device).unbind()
    width = (widths * (min(widest, size) + 1)).long()
    start = (starts * (size + 1 - width)).long()
    return torch.stack([start, start + width], 2)
