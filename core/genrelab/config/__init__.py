"""Experiment files: classes, strict reading, overrides, search spaces."""
