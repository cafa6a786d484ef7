"""Tokens for development and CI, the keys that sign them, and the list of those that are turned away."""
