"""New model repositories from a template."""
