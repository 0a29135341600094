"""Facts of an ELF file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.sections import SymbolTableSection


@dataclass
class Elf:
    machine: str  # EM_AARCH64
    bits: int
    needed: list[str] = field(default_factory=list)
    versions: dict[str, list[str]] = field(default_factory=dict)  # by library
    alignments: list[int] = field(default_factory=list)  # of the segments that are loaded
    exports: set[str] = field(default_factory=set)
    text: bytes = b""


def read_elf(path: Path) -> Elf:
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        facts = Elf(elf.header.e_machine, elf.elfclass)
        for segment in elf.iter_segments("PT_LOAD"):
            facts.alignments.append(segment.header.p_align)
        for section in elf.iter_sections():
            if isinstance(section, DynamicSection):
                facts.needed += [tag.needed for tag in section.iter_tags("DT_NEEDED")]
            elif isinstance(section, GNUVerNeedSection):
                for library, versions in section.iter_versions():
                    facts.versions.setdefault(library.name, []).extend(version.name for version in versions)
            elif section.name == ".dynsym" and isinstance(section, SymbolTableSection):
                for symbol in section.iter_symbols():
                    if symbol.entry.st_shndx != "SHN_UNDEF":
                        facts.exports.add(symbol.name)
            elif section.name == ".text":
                facts.text = section.data()
    return facts


@dataclass(frozen=True)
class Function:
    start: int
    end: int  # the start, where an assembler did not say
    name: str
    source: str  # name of the source file, "" where the linker did not keep it


def functions(path: Path) -> Iterator[Function]:
    """Functions with the source files of the static ones: a file's local symbols follow its name."""
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        table = elf.get_section_by_name(".symtab") or elf.get_section_by_name(".dynsym")
        if not isinstance(table, SymbolTableSection):
            return
        thumb = 1 if elf.header.e_machine == "EM_ARM" else 0  # the lowest bit of an address tells Thumb code
        source = ""
        for symbol in table.iter_symbols():
            kind, binding = symbol.entry.st_info.type, symbol.entry.st_info.bind
            if kind == "STT_FILE":
                source = Path(symbol.name).name
            elif kind == "STT_FUNC" and symbol.entry.st_shndx != "SHN_UNDEF":
                # The linker makes hidden functions local too, at the end of the table.
                local = binding == "STB_LOCAL" and symbol.entry.st_other.visibility != "STV_HIDDEN"
                start = symbol.entry.st_value & ~thumb
                yield Function(start, start + symbol.entry.st_size, symbol.name, source if local else "")
