"""What `genrelab new` copies: a plugin and a test for each kind, real ones that linters and tests hold."""
