"""Tests that `genrelab new` writes beside a plugin."""
