"""Run a program for which the kernel has no statx, openat2 and faccessat2: `without_new_calls.py PROGRAM ARG...`.

Debian 12's proot does not know them and would let them see the machine's own files. C libraries then use older calls.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

CALLS = {"x86_64": (332, 437, 439), "aarch64": (291, 437, 439)}
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF
ALLOW, ERROR = 0x7FFF0000, 0x00050000


def main() -> None:
    machine = os.uname().machine
    if machine not in CALLS:
        sys.exit(f"without_new_calls.py: it is written for {' and '.join(CALLS)}, not {machine}")
    calls = CALLS[machine]
    rows = [(LOAD, 0, 0, 0)]  # the call's number
    rows += [(EQUAL, len(calls) - i, 0, number) for i, number in enumerate(calls)]
    rows += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, ERROR | errno.ENOSYS)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in rows))
    program = ctypes.create_string_buffer(struct.pack("HP", len(rows), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, MODE_FILTER, program, 0, 0)):
        if libc.prctl(*words) != 0:
            sys.exit(f"without_new_calls.py: prctl: {os.strerror(ctypes.get_errno())}")
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
