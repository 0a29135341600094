"""Take symbols and debugging information out of ELF files, in place; zig has no strip, the host's knows one machine.

Usage: python cross/strip.py FILE...; a copy of what had symbols goes into the folder SANDERLING_SYMBOLS, where set.
"""

from __future__ import annotations

import os
import shutil
import struct
import sys
from pathlib import Path

from elftools.elf.elffile import ELFFile

ALLOCATED = 2  # SHF_ALLOC
KEPT = {".shstrtab", ".ARM.attributes"}


def strip(path: Path) -> bool:
    """False where there was nothing to take out."""
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        if elf.get_section_by_name(".symtab") is None:
            return False
        sections = list(elf.iter_sections())
        end = max(s.header.p_offset + s.header.p_filesz for s in elf.iter_segments())
        names, wide = elf.header.e_shstrndx, elf.elfclass == 64
        order = "<" if elf.little_endian else ">"
        contents = {i: s.data() for i, s in enumerate(sections) if s.name in KEPT}
    kept = [i for i, s in enumerate(sections) if i == 0 or s.header.sh_flags & ALLOCATED or i in contents]
    new_index = {old: new for new, old in enumerate(kept)}
    allocated = [i for i in kept if i not in contents]
    if any(new_index[i] != i for i in allocated):
        raise ValueError(f"{path}: sections that are loaded follow others")  # symbols hold section numbers
    original = path.read_bytes()
    content = bytearray(original[:end])
    headers = bytearray()
    for i in kept:
        h = sections[i].header
        offset = h.sh_offset
        if i in contents:
            offset = len(content)
            content += contents[i]
        link = new_index.get(h.sh_link, 0)
        fields = (h.sh_flags, h.sh_addr, offset, h.sh_size, link, h.sh_info, h.sh_addralign, h.sh_entsize)
        # The type as a number, as it stands in the file.
        kind = struct.unpack_from(order + "I", original, elf.header.e_shoff + i * elf.header.e_shentsize + 4)[0]
        headers += struct.pack(order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII"), h.sh_name, kind, *fields)
    content += bytes(-len(content) % 8)
    struct.pack_into(order + ("Q" if wide else "I"), content, 40 if wide else 32, len(content))  # e_shoff
    struct.pack_into(order + "HH", content, 60 if wide else 48, len(kept), new_index[names])  # e_shnum, e_shstrndx
    path.write_bytes(content + headers)
    return True


def main() -> None:
    symbols = os.environ.get("SANDERLING_SYMBOLS")
    for word in sys.argv[1:]:
        path = Path(word)
        if word.startswith("-") or not path.is_file():
            continue
        before = path.read_bytes()
        if strip(path) and symbols:
            folder = Path(symbols)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / path.name).write_bytes(before)
            shutil.copymode(path, folder / path.name)


if __name__ == "__main__":
    main()
