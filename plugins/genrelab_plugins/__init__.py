"""The plugins that ship with genrelab, listed in registry.toml."""
