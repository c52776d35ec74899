"""The blocks of the conformer, by torchaudio."""

from __future__ import annotations

from torch import Tensor, nn
from torchaudio.models import Conformer


class Blocks(nn.Module):
    """Clips that are all equally long go through the blocks: (batch, frames, dim), same out.

    Called as a whole, torchaudio's class makes a mask of lengths, which neither torch.compile nor ONNX can follow.
    """

    def __init__(self, dim: int, heads: int, layers: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.layers = Conformer(dim, heads, 4 * dim, layers, kernel, dropout).conformer_layers

    def forward(self, x: Tensor) -> Tensor:
        """Compute the blocks."""
        x = x.transpose(0, 1).contiguous()
        for layer in self.layers:
            x = layer(x, None)
        return x.transpose(0, 1)
