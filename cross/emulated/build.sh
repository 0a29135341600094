#!/usr/bin/env bash
# Build for 64-bit ARM into build/aarch64 and put the package into build/aarch64/site:
#   cross/emulated/build.sh [CMake arguments]
set -euo pipefail
cd "$(dirname "$0")/../.."
# The symbol table stays, for profiles.
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
cmake --preset aarch64 "${launcher[@]}" -DCMAKE_STRIP= -Dpybind11_DIR="$(python -m pybind11 --cmakedir)" \
  -DPython_EXECUTABLE="$(command -v python)" "$@" >/dev/null
cmake --build --preset aarch64
for file in python/sanderling/*; do
  case $file in *.so | */__pycache__) continue ;; esac
  ln -sfn "$PWD/$file" build/aarch64/site/sanderling/
done
