"""Errors that sanderling raises beyond Python's own."""


class ModelError(Exception):
    """A model is damaged, unsupported, or was used against its own description.

    The message names the file, the operator or tensor, and the field at fault.
    """
