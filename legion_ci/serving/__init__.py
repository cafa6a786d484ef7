"""The model server: one artefact folder, one process, REST."""
