"""How many bytes of a linked program are Sanderling's, by file: `python cross/size.py PROGRAM OBJECTS`.

PROGRAM is a static program of `cross/build.py musl-...` before it was stripped (dist/symbols/), OBJECTS the folder of
libsanderling.a's objects (build/cross/musl-...-native). The figure is what came from these objects and was left after
--gc-sections: code, constants, data, unwind tables with their index and exception tables; not the C and C++ runtime,
nor sanderling-bench's own main. Templates of the C++ library count where our objects have them. Strings and jump
tables have no symbols: all of these count as ours. The program is to be linked by lld, as zig does, which
keeps the symbols of a file together. Files that are compiled together are one row (-DSANDERLING_UNITY=OFF
in that folder, and a build, for one of each).
"""

from __future__ import annotations

import argparse
import bisect
from collections import Counter, defaultdict
from pathlib import Path

from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile

KINDS = ("text", "rodata", "data", "eh_frame", "except")
SECTIONS = {".text": "text", ".rodata": "rodata", ".data": "data", ".data.rel.ro": "data"}
STRINGS = "(strings, jump tables)"


def object_names(folder: Path) -> dict[str, list[tuple[str, set[str]]]]:
    """File name of a source -> its objects: path, names of symbols."""
    objects = defaultdict(list)
    for path in sorted(folder.rglob("*.o")):
        with path.open("rb") as stream:
            table = ELFFile(stream).get_section_by_name(".symtab")
            names = {s.name for s in table.iter_symbols() if s.entry.st_shndx != "SHN_UNDEF"}
        source = str(path.relative_to(folder)).split(".dir/")[-1].removesuffix(".o")
        objects[Path(source).name].append((source, names))
    return objects


def share(program: Path, objects: Path) -> dict[str, Counter[str]]:
    """Bytes of each kind (KINDS), by source file."""
    sources = object_names(objects)
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    with program.open("rb") as stream:
        elf = ELFFile(stream)
        kinds = {i: SECTIONS.get(s.name, "") for i, s in enumerate(elf.iter_sections())}
        groups: list[tuple[str, list]] = [("", [])]  # the linker keeps the symbols of a file together
        for symbol in elf.get_section_by_name(".symtab").iter_symbols():
            if symbol.entry.st_info.type == "STT_FILE":
                groups.append((symbol.name, []))
            elif symbol.entry.st_info.bind != "STB_LOCAL" and groups[-1][0]:
                groups.append(("", [symbol]))  # after the local ones: the runtime's
            else:
                groups[-1][1].append(symbol)
        ranges: dict[int, tuple[int, str, str]] = {}  # begin -> end, kind, source
        for name, symbols in groups:
            names = {s.name for s in symbols}
            matches = [(len(names & own), source) for source, own in sources.get(name, [])]
            hits, source = max(matches, default=(0, ""))
            for s in symbols:
                kind = kinds.get(s.entry.st_shndx, "")
                if kind and s.entry.st_size:
                    ranges[s.entry.st_value] = (s.entry.st_value + s.entry.st_size, kind, source if hits else "")
        starts = sorted(ranges)

        def source_at(address: int) -> str:
            k = bisect.bisect_right(starts, address) - 1
            return ranges[starts[k]][2] if k >= 0 and address < ranges[starts[k]][0] else ""

        for begin, (end, kind, source) in ranges.items():
            sizes[source][kind] += end - begin
        # What no symbol names.
        rodata = elf.get_section_by_name(".rodata")
        named = sum(end - begin for begin, (end, kind, _) in ranges.items() if kind == "rodata")
        sizes[STRINGS]["rodata"] += rodata.header.sh_size - named
        entries = [e for e in elf.get_dwarf_info().EH_CFI_entries() if isinstance(e, FDE)]
        tables = elf.get_section_by_name(".gcc_except_table")
        places = sorted({e.lsda_pointer for e in entries if e.lsda_pointer})
        places.append(tables.header.sh_addr + tables.header.sh_size if tables else 0)
        for entry in entries:
            source = source_at(entry.header["initial_location"])
            sizes[source]["eh_frame"] += entry.header["length"] + 4 + 8  # 8: its row in .eh_frame_hdr
            if entry.lsda_pointer:
                k = bisect.bisect_left(places, entry.lsda_pointer)
                sizes[source]["except"] += places[k + 1] - places[k]
    sizes.pop("csrc/capi/bench.cc", None)
    return sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("objects", type=Path)
    parser.add_argument("--top", type=int, default=1000, metavar="N", help="only the N largest files")
    arguments = parser.parse_args()
    sizes = share(arguments.program, arguments.objects)
    runtime = sizes.pop("", Counter())
    ours = sum(sizes.values(), Counter())
    print(*(f"{kind:>9}" for kind in ("bytes", *KINDS)), "file")
    rows = sorted(sizes.items(), key=lambda item: -item[1].total())
    for source, counts in [*rows[: arguments.top], ("Sanderling", ours), ("runtime and main", runtime)]:
        print(*(f"{n:9}" for n in (counts.total(), *(counts[kind] for kind in KINDS))), source)


if __name__ == "__main__":
    main()
