"""A learning rate that falls in a line to a share of itself: this line is what `genrelab list` shows."""

import attrs
from genrelab import Scheduler, Steps, hookimpl, tunable
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


@attrs.frozen
class Params:
    """Each with default, legal range and meaning."""

    final: float = tunable(0.1, low=0.0, high=1.0, help="share of the rate that is left at the end")


def build(params: Params, optimizer: Optimizer, steps: Steps) -> LambdaLR:
    """Return any torch scheduler, or an object with step, state_dict and load_state_dict."""

    def factor(step: int) -> float:  # of the experiment's rate; steps.total is the longest that a training can be
        return 1 - (1 - params.final) * min(step / steps.total, 1.0)

    return LambdaLR(optimizer, factor)


# The name is that of registry.toml. `when` is when step() is called: after each "batch", after each "epoch", or
# after each epoch with the validation loss ("monitored").
@hookimpl
def provide_schedulers() -> list[Scheduler]:
    return [Scheduler("my_scheduler", Params, build, when="batch")]
