"""The report of a study: one self-contained page, its figures and tables as files, a card for each candidate."""
