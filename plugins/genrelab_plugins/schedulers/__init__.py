"""The schedulers that ship with genrelab."""
