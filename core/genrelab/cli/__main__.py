"""`python -m genrelab.cli`."""

from genrelab.cli.main import main

main()
