"""From audio files to batches."""
