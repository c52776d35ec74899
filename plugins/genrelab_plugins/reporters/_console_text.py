"""Wording of the console reporter."""

from __future__ import annotations

from collections.abc import Mapping

from genrelab import TrialEnd

SHOWN = (("loss", "loss", ".4f"), ("f1_macro", "F1-macro", ".3f"))


def clean(text: str) -> str:
    """Replace what would break a line or command the terminal: a name or message can hold anything."""
    return "".join(char if char.isprintable() else " " for char in text)


def duration(seconds: float) -> str:
    """Return a time as people say it: ``34 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def scores(values: Mapping[str, float], prefix: str = "") -> list[str]:
    """Return the loss and the F1-macro, as far as they are there, as texts."""
    return [f"{prefix}{label} {values[name]:{digits}}" for name, label, digits in SHOWN if name in values]


def summary(event: TrialEnd) -> str:
    """Return one line on a training: ``cnn1d_gru/trial-003 completed: 12 epochs, best 8, ...``."""
    parts = [f"{event.epochs} epochs"]
    if event.best_epoch:
        parts.append(f"best {event.best_epoch}")
    parts += scores(event.metrics.get("validation", {}), prefix="val ")
    parts.append(duration(event.seconds))
    text = f"{event.trial.name} {event.status}: {', '.join(parts)}"
    return f"{text}: {event.message}" if event.message else text
