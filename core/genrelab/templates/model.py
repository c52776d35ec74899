"""A small CNN: this line is what `genrelab list` shows."""

import attrs
from genrelab import Model, hookimpl, tunable
from torch import Tensor, nn


@attrs.frozen
class Params:
    """Each with default, legal range and meaning; an experiment sets them, a search tries them within the range."""

    channels: int = tunable(16, low=4, high=256, log=True, help="channels of the first convolution")
    dropout: float = tunable(0.2, low=0.0, high=0.6, help="share of pooled values dropped in training")


class MyModel(nn.Module):
    def __init__(self, params: Params, classes: int) -> None:
        super().__init__()
        c = params.channels
        self.body = nn.Sequential(
            *(nn.Conv2d(1, c, 3, padding="same"), nn.BatchNorm2d(c), nn.ReLU()),
            *(nn.Conv2d(c, 2 * c, 3, padding="same"), nn.BatchNorm2d(2 * c), nn.ReLU()),
        )
        self.head = nn.Sequential(nn.Dropout(params.dropout), nn.Linear(2 * c, classes))

    def embed(self, x: Tensor) -> Tensor:  # (batch, bins, frames) -> (batch, values): what the head classifies
        return self.body(x[:, None]).mean((2, 3))  # for any number of bins and frames

    def forward(self, x: Tensor) -> Tensor:  # -> logits (batch, classes), no softmax: the loss has it
        return self.head(self.embed(x))


# The name is that of registry.toml. `shape` is (bins, frames) of the feature, for layers that must know it; raise
# genrelab.InputError where it is too small for the model.
@hookimpl
def provide_models() -> list[Model]:
    return [Model("my_model", Params, lambda params, shape, classes: MyModel(params, classes))]
