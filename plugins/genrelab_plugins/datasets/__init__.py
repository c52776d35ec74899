"""The datasets that ship with genrelab."""
