"""Requests, answers and outcomes: captured off the request's path, stored, joined."""
