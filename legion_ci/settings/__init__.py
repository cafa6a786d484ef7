"""What goes in: the schema of ``legion.yaml``, its layers, and where each value came from."""
