"""The kinds of models that can be served, one module each."""
