"""One training, from a job folder to its result."""
