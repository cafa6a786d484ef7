"""Scheduled retraining: whether one is due, and why; a retrained model passes the same gates as any other."""
