"""The statistics of the quality gate: intervals and one-sided tests, each from the literature, knowing no models."""
