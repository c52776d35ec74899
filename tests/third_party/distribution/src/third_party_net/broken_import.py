"""A library that is broken raises anything at import."""

raise OSError("libcudart.so.12: cannot open shared object file")
