"""Data sources: where rows come from, with a digest of exactly what was read."""
