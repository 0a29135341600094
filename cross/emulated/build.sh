#!/usr/bin/env bash
# Build with a preset, into build/<preset>, and put the package into build/<preset>/site:
#   cross/emulated/build.sh [aarch64|armv7|armv6] [CMake arguments]      (default aarch64)
set -euo pipefail
cd "$(dirname "$0")/../.."
. cross/emulated/target.sh
case ${1:--} in
  -*) target_of_preset aarch64 ;;
  *) target_of_preset "$1" && shift ;;
esac
# The symbol table stays, for profiles.
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
cmake --preset "$preset" "${launcher[@]}" -DCMAKE_STRIP= -Dpybind11_DIR="$(python -m pybind11 --cmakedir)" \
  -DPython_EXECUTABLE="$(command -v python)" "$@" >/dev/null
cmake --build --preset "$preset"
for file in python/sanderling/*; do
  case $file in *.so | */__pycache__) continue ;; esac
  ln -sfn "$PWD/$file" "build/$preset/site/sanderling/"
done
