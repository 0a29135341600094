# The Python extension.
if(CMAKE_CROSSCOMPILING AND Python_INCLUDE_DIR)
  # This machine's Python may be of another version than the headers that are given.
  set(PYBIND11_USE_CROSSCOMPILING ON)
  find_package(Python REQUIRED COMPONENTS Development.Module)
else()
  find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
endif()
find_package(pybind11 CONFIG REQUIRED)
# pybind11 would add link-time optimisation: slow to build, and the hot code is in the core.
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION OFF)
file(GLOB binding_sources CONFIGURE_DEPENDS csrc/bindings/*.cc)
pybind11_add_module(_core MODULE ${binding_sources})
# One unit: pybind11 takes longer to compile than what is bound.
set_target_properties(_core PROPERTIES UNITY_BUILD ON)
target_link_libraries(_core PRIVATE sanderling_core)
if(SANDERLING_SANITIZE MATCHES undefined)
  target_compile_options(_core PRIVATE -fno-sanitize=undefined)  # the arithmetic is in the core
endif()
target_compile_definitions(_core PRIVATE SANDERLING_VERSION="${PROJECT_VERSION}")
if(SANDERLING_STAGE)
  set_target_properties(_core PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${SANDERLING_STAGE}")
endif()
install(TARGETS _core LIBRARY DESTINATION sanderling)
