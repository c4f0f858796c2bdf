"""Models that score documents, opened from a path once per process."""
