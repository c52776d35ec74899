"""The features that ship with genrelab."""
