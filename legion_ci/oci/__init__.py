"""Container images without a daemon: layers, layouts, registries and engines by the OCI's specifications."""
