"""A study: candidates, searches, final runs, results."""
