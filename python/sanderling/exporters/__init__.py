"""Writers of model files: ir -> file."""
