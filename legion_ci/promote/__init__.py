"""Stage 6: move traffic step by step, on evidence that may be looked at any time."""
