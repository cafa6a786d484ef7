"""Reads what people wrote about a model's environment: conda, virtualenv, uv, requirements."""
