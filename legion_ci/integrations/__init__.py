"""Plug-ins: what is installed, and programs of third parties that speak Legion's protocol."""
