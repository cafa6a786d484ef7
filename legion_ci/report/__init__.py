"""Pages, pictures and machine-readable reports from records."""
