"""A hook that does not exist; pluggy by itself would say nothing."""

from genrelab import hookimpl


@hookimpl
def provide_model():
    return []
