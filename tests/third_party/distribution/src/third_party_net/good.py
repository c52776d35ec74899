"""A linear model, with torch at the top of its file."""

import attrs
import torch
from torch import nn

from genrelab import Model, hookimpl, tunable


@attrs.frozen
class Params:
    width: int = tunable(8, low=1, high=64, log=True, help="hidden units")


class ThirdNet(nn.Module):
    def __init__(self, params, bins, classes):
        super().__init__()
        self.hidden, self.head = nn.Linear(bins, params.width), nn.Linear(params.width, classes)

    def embed(self, x):
        return torch.relu(self.hidden(x.mean(2)))

    def forward(self, x):
        return self.head(self.embed(x))


@hookimpl
def provide_models():
    return [Model("third_net", Params, lambda params, shape, classes: ThirdNet(params, shape[0], classes))]
