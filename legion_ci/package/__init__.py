"""Stage 3: make of a trained model something that runs elsewhere."""
