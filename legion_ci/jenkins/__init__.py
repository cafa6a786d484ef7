"""Jenkins from Python."""
