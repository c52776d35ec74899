"""The augmentations that ship with genrelab."""
