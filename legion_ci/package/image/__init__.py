"""Packagers that make container images: ``docker-rest`` serves the model, ``docker-cli`` predicts files."""
