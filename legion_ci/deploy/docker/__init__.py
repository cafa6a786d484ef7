"""Deployer ``docker``: model servers, gateway and collector as containers of one engine, on a network of the site."""
