"""The executors that ship with genrelab."""
