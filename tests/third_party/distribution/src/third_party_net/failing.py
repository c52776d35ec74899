"""A reporter that raises at each epoch; pluggy by itself would silence the others."""

import attrs

from genrelab import Reporter, hookimpl


@attrs.frozen
class Params:
    pass


class Failing:
    @hookimpl
    def on_epoch_end(self, event):
        raise RuntimeError("the line is dead")


@hookimpl
def provide_reporters():
    return [Reporter("failing", Params, lambda params: Failing())]
