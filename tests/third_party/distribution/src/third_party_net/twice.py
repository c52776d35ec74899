"""A model with a name that is taken."""

import attrs

from genrelab import Model, hookimpl


@attrs.frozen
class Params:
    pass


@hookimpl
def provide_models():
    return [Model("cnn1d_gru", Params, lambda params, shape, classes: None)]
