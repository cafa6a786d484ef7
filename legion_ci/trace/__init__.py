"""From a prediction to its data, code and build, and back; and two runs side by side."""
