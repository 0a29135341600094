"""Errors that sanderling raises beyond Python's own."""


class ModelError(Exception):
    """A model is damaged, unsupported, or was used against its own description.

    The message names the file, the operator or tensor, and the field at fault.
    """


class DeviceError(Exception):
    """A device could not be reached, or did not do what was asked of it.

    The message names the device and says what to do.
    """
