"""Jenkins from Python: jobs made and kept up to date, builds started and followed, reports fetched, a server checked."""
