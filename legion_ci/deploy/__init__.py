"""Stage 4: run the package beside the live model, at 0 % of the traffic."""
