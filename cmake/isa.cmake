# THE table of instruction sets, best first: name, family (arm, arm32, x86, any), compiler flags.
# The enum sanderling::Isa, the names in kernels.inc, file names (<isa>.cc) and compile flags all come from here.
# A new row also needs a run-time probe in csrc/cpu/isa.cc.
set(SANDERLING_ISA_TABLE
  "portable|any|"
)

# The rows of this target's family, as a list of names best first in SANDERLING_ISAS, and the X-macro file isa_table.inc.
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
  set(rows "// SANDERLING_ISA(name): the instruction sets of this build, best first.\n")
  foreach(row IN LISTS SANDERLING_ISA_TABLE)
    string(REPLACE "|" ";" cells "${row}")
    list(GET cells 0 name)
    list(GET cells 1 row_family)
    list(GET cells 2 flags)
    if(row_family STREQUAL family OR row_family STREQUAL "any")
      list(APPEND names ${name})
      string(APPEND rows "SANDERLING_ISA(${name})\n")
      string(REPLACE " " ";" flags "${flags}")
      set(SANDERLING_ISA_FLAGS_${name} "${flags}" PARENT_SCOPE)
    endif()
  endforeach()
  file(CONFIGURE OUTPUT "${out_dir}/isa_table.inc" CONTENT "${rows}" @ONLY)
  set(SANDERLING_ISAS "${names}" PARENT_SCOPE)
endfunction()

# Adds the sources of every kernel folder to a target: shared files, and <isa>.cc with that ISA's flags.
function(sanderling_add_kernels target dir)
  file(GLOB folders LIST_DIRECTORIES true CONFIGURE_DEPENDS "${dir}/*")
  foreach(folder IN LISTS folders)
    if(NOT IS_DIRECTORY "${folder}")
      continue()
    endif()
    target_sources(${target} PRIVATE "${folder}/dispatch.cc" "${folder}/reference.cc")
    foreach(isa IN LISTS SANDERLING_ISAS)
      if(EXISTS "${folder}/${isa}.cc")
        target_sources(${target} PRIVATE "${folder}/${isa}.cc")
        set_source_files_properties("${folder}/${isa}.cc" TARGET_DIRECTORY ${target}
          PROPERTIES COMPILE_OPTIONS "${SANDERLING_ISA_FLAGS_${isa}}")
      endif()
    endforeach()
  endforeach()
endfunction()
