"""Stage 1: make a model, log it, register it, and write its artefact."""
