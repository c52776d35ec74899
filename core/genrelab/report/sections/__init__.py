"""The parts of the page: each module makes blocks from a study, or a line that says what is missing."""
