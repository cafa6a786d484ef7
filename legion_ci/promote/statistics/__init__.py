"""Bounds and tests that hold at every look: confidence sequences and e-processes. Pure, seeded by nothing."""
