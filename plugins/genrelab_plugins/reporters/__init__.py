"""The reporters that ship with genrelab."""
