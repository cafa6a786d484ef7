"""Stage 5: load the new deployment and hold it to its budgets."""
