"""What each stage is called with: its inputs, taken from the context; one file a stage."""
