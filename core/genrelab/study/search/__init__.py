"""The search of a candidate: who proposes settings, what is told of trials, when a trial or the search ends."""
