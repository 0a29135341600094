# The C library and sanderling-bench: `cmake -DSANDERLING_PYTHON=OFF -DSANDERLING_NATIVE=ON`, static unless
# BUILD_SHARED_LIBS. Installs the header, a CMake package (sanderling::sanderling) and a pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

target_compile_options(sanderling_core PRIVATE -ffunction-sections -fdata-sections)
add_library(sanderling_c csrc/capi/sanderling.cc csrc/capi/seeded.cc $<TARGET_OBJECTS:sanderling_core>)
set_target_properties(sanderling_c PROPERTIES OUTPUT_NAME sanderling EXPORT_NAME sanderling
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} LINKER_LANGUAGE CXX)
target_include_directories(sanderling_c PRIVATE csrc "${generated}"
  INTERFACE $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/csrc/capi> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_definitions(sanderling_c PRIVATE SANDERLING_BUILDS SANDERLING_VERSION="${PROJECT_VERSION}")
target_compile_options(sanderling_c PRIVATE -Wall -Wextra -Wno-unused-parameter $<$<BOOL:${SANDERLING_WERROR}>:-Werror>)
target_link_libraries(sanderling_c PUBLIC Threads::Threads)
if(SANDERLING_SANITIZE)
  target_compile_options(sanderling_c PUBLIC -fsanitize=${SANDERLING_SANITIZE})
  target_link_options(sanderling_c PUBLIC -fsanitize=${SANDERLING_SANITIZE})
endif()

# Programs in C link the C++ runtime with a static library.
set(cxx_runtime)
if(NOT BUILD_SHARED_LIBS)
  set(cxx_runtime ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})
  list(FILTER cxx_runtime INCLUDE REGEX "^(stdc\\+\\+|c\\+\\+|c\\+\\+abi|unwind)$")
  foreach(library IN LISTS cxx_runtime ITEMS m)
    target_link_libraries(sanderling_c INTERFACE $<INSTALL_INTERFACE:${library}>)
  endforeach()
endif()

add_executable(sanderling-bench csrc/capi/bench.cc)
target_include_directories(sanderling-bench PRIVATE csrc)
target_compile_options(sanderling-bench PRIVATE -Wall -Wextra $<$<BOOL:${SANDERLING_WERROR}>:-Werror>)
target_link_libraries(sanderling-bench PRIVATE sanderling_c)
target_link_options(sanderling-bench PRIVATE -Wl,--gc-sections)

install(TARGETS sanderling_c EXPORT sanderling)
install(TARGETS sanderling-bench)
install(FILES csrc/capi/sanderling.h TYPE INCLUDE)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/sanderling")
install(EXPORT sanderling NAMESPACE sanderling:: FILE sanderling-targets.cmake DESTINATION "${package_dir}")
file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/sanderling-config.cmake" @ONLY CONTENT
"include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(\"\${CMAKE_CURRENT_LIST_DIR}/sanderling-targets.cmake\")
")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/sanderling-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/sanderling-config.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/sanderling-config-version.cmake" DESTINATION "${package_dir}")
file(RELATIVE_PATH to_prefix "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
set(private_libs "-lpthread -lm")
foreach(library IN LISTS cxx_runtime)
  string(PREPEND private_libs "-l${library} ")
endforeach()
file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/sanderling.pc" @ONLY CONTENT
"prefix=\${pcfiledir}/${to_prefix}
libdir=\${prefix}/${CMAKE_INSTALL_LIBDIR}
includedir=\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}

Name: sanderling
Description: Quantized neural networks on small computers
Version: ${PROJECT_VERSION}
Cflags: -I\${includedir}
Libs: -L\${libdir} -lsanderling
Libs.private: ${private_libs}
")
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/sanderling.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
