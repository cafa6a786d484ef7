"""Envoy in front of the model servers: the routes document, its rendering to Envoy's files, the process."""
