"""Makes a faster form of a model and proves that it predicts the same; runs in the model's own environment."""
