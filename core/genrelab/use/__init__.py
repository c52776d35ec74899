"""Using what was trained: predict, export, tag."""
