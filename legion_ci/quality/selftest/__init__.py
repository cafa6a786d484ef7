"""``quality --selftest``: how often this gate is wrong, and how often it decides, on the user's own rows."""
