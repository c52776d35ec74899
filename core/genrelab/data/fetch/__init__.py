"""Fetch datasets: resumable downloads, archives unpacked safely, every file checked."""
