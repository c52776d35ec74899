"""The models that ship with genrelab."""
