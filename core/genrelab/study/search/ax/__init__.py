"""Everything that knows Ax: asking it for settings, and its surrogate model of what has been tried."""
