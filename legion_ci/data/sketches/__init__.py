"""What a table's columns look like, small and mergeable: made from training data, kept with the model, compared later."""
