"""Data sinks: where predictions go, all of them or none."""
