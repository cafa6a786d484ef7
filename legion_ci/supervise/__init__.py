"""Processes that outlive us: start, health, restart, stop; knows no models."""
