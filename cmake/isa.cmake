# THE table of instruction sets, best first: name, family (arm, arm32, x86, any), compiler flags, and "asked" where its
# kernels compute other results: only those who ask for these get them, and nobody chooses it as an instruction set.
# The enum sanderling::Isa, the names in kernels.inc, file names (<isa>.cc) and compile flags all come from here.
# A new row also needs a run-time probe in csrc/cpu/isa.cc.
# Rows whose flags the compiler does not know are left out of the build.
set(SANDERLING_ISA_TABLE
  "avx512amx|x86|-mamx-tile -mamx-int8 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mfma"
  "avx512vnni|x86|-mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mfma"
  "avxvnni|x86|-mavx2 -mfma -mavxvnni"
  "avx2|x86|-mavx2 -mfma"
  "neon_i8mm|arm|-march=armv8.2-a+dotprod+i8mm"
  "neon_dotprod|arm|-march=armv8.2-a+dotprod"
  "neon_fp16|arm|-march=armv8.2-a+fp16|asked"
  "neon|arm|-mtune=cortex-a53"
  "neon|arm32|-march=armv7-a -mfpu=neon -mtune=cortex-a53"
  "portable|any|"
)

# Families whose packing of weights is plain C++: every build has it (packers.cc of the kernel folders).
set(SANDERLING_PACKED_FAMILIES arm arm32)

include(CheckCXXCompilerFlag)

# The X-macros pack_targets.inc, best first in each family, and pack_select.h with SANDERLING_PACKERS_<isa>(row, name):
# row(family, isa, name) for each family that has the instruction set.
function(sanderling_write_pack_targets out_dir)
  set(targets "// SANDERLING_PACK_TARGET(family, isa)\n")
  set(names)
  foreach(family IN LISTS SANDERLING_PACKED_FAMILIES ITEMS x86 any)
    foreach(row IN LISTS SANDERLING_ISA_TABLE ITEMS "portable|${family}|")
      string(REPLACE "|" ";" cells "${row}")
      list(GET cells 0 name)
      list(GET cells 1 row_family)
      list(APPEND names ${name})
      if("asked" IN_LIST cells)
        continue()
      endif()
      if(row_family STREQUAL family AND family IN_LIST SANDERLING_PACKED_FAMILIES)
        string(APPEND targets "SANDERLING_PACK_TARGET(${family}, ${name})\n")
        if(NOT name STREQUAL portable)
          string(APPEND packers_${name} " row(${family}, ${name}, name)")
        endif()
      endif()
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES names)
  set(select "#pragma once\n")
  foreach(name IN LISTS names)
    string(APPEND select "#define SANDERLING_PACKERS_${name}(row, name)${packers_${name}}\n")
  endforeach()
  file(CONFIGURE OUTPUT "${out_dir}/pack_targets.inc" CONTENT "${targets}" @ONLY)
  file(CONFIGURE OUTPUT "${out_dir}/pack_select.h" CONTENT "${select}" @ONLY)
endfunction()

# The rows of this target's family, as a list of names best first in SANDERLING_ISAS, and files: the X-macros
# isa_table.inc; isa_select.h with SANDERLING_IF_<isa>(...) for every row: its arguments, or nothing where the
# instruction set is of another family; pack_targets.inc and pack_select.h, see csrc/cpu/pack_targets.h.
function(sanderling_read_isa_table out_dir)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|i.86)$")
    set(family x86)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    set(family arm)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^arm")
    set(family arm32)
  else()
    set(family none)
  endif()
  set(names)
  set(rows "// SANDERLING_ISA(name, asked): the instruction sets of this build, best first.\n")
  set(select "#pragma once\n#define SANDERLING_FAMILY \"${family}\"\n")
  set(others)
  foreach(row IN LISTS SANDERLING_ISA_TABLE)
    string(REPLACE "|" ";" cells "${row}")
    list(GET cells 0 name)
    list(GET cells 1 row_family)
    list(GET cells 2 flags)
    set(known TRUE)
    if(row_family STREQUAL family AND flags)
      check_cxx_compiler_flag("${flags}" SANDERLING_COMPILES_${name})
      set(known ${SANDERLING_COMPILES_${name}})
      if(NOT known)
        message(STATUS "sanderling: no kernels for ${name}: the compiler does not know ${flags}")
      endif()
    endif()
    if(row_family STREQUAL "any" OR (row_family STREQUAL family AND known))
      list(APPEND names ${name})
      set(asked false)
      if("asked" IN_LIST cells)
        set(asked true)
      endif()
      string(APPEND rows "SANDERLING_ISA(${name}, ${asked})\n")
      string(REPLACE " " ";" flags "${flags}")
      set(SANDERLING_ISA_FLAGS_${name} "${flags}" PARENT_SCOPE)
      string(APPEND select "#define SANDERLING_IF_${name}(...) __VA_ARGS__\n")
    else()
      list(APPEND others ${name})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES others)
  foreach(name IN LISTS others)
    if(NOT name IN_LIST names)
      string(APPEND select "#define SANDERLING_IF_${name}(...)\n")
    endif()
  endforeach()
  file(CONFIGURE OUTPUT "${out_dir}/isa_table.inc" CONTENT "${rows}" @ONLY)
  file(CONFIGURE OUTPUT "${out_dir}/isa_select.h" CONTENT "${select}" @ONLY)
  sanderling_write_pack_targets("${out_dir}")
  set(SANDERLING_ISAS "${names}" PARENT_SCOPE)
endfunction()

# Adds the sources of every kernel folder to a target: shared files, packers.cc where there is one, and <isa>.cc with that ISA's flags.
# Those throw nothing (kernels are noexcept): without exceptions they have no unwind tables.
# kernel_rows.inc has the rows of every kernels.inc, with SANDERLING_KERNEL_FOLDER naming the folder.
function(sanderling_add_kernels target dir out_dir)
  set(rows)
  file(GLOB sources CONFIGURE_DEPENDS "${dir}/*/*.cc")  # a new file makes cmake run again
  file(GLOB folders LIST_DIRECTORIES true CONFIGURE_DEPENDS "${dir}/*")
  foreach(folder IN LISTS folders)
    if(NOT IS_DIRECTORY "${folder}")
      continue()
    endif()
    target_sources(${target} PRIVATE "${folder}/dispatch.cc" "${folder}/reference.cc")
    if("${folder}/packers.cc" IN_LIST sources)
      target_sources(${target} PRIVATE "${folder}/packers.cc")
    endif()
    get_filename_component(name "${folder}" NAME)
    string(APPEND rows "#define SANDERLING_KERNEL_FOLDER \"${name}\"\n"
      "#include \"kernels/${name}/kernels.inc\"\n#undef SANDERLING_KERNEL_FOLDER\n")
    foreach(isa IN LISTS SANDERLING_ISAS)
      if("${folder}/${isa}.cc" IN_LIST sources)
        target_sources(${target} PRIVATE "${folder}/${isa}.cc")
        set_source_files_properties("${folder}/${isa}.cc" TARGET_DIRECTORY ${target}
          PROPERTIES COMPILE_OPTIONS "${SANDERLING_ISA_FLAGS_${isa}};-fno-exceptions;$<$<CONFIG:Release>:-O3>")
      endif()
    endforeach()
  endforeach()
  file(CONFIGURE OUTPUT "${out_dir}/kernel_rows.inc" CONTENT "${rows}" @ONLY)
endfunction()
