#!/usr/bin/env bash
# Build for 64-bit ARM, ARMv7 and ARMv6, and run the kernels' tests on five emulated CPUs. Needs root on Debian 12, and the packages of
# the extras "test" and "dev" in the Python 3.11 that is on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
for pair in qemu-aarch64:qemu-user mmdebstrap:mmdebstrap arch-test:arch-test \
  aarch64-linux-gnu-g++:g++-aarch64-linux-gnu arm-linux-gnueabihf-g++:g++-arm-linux-gnueabihf \
  arm-linux-gnueabi-g++:g++-arm-linux-gnueabi; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
step() { printf -- '-- %s (%ss)\n' "$1" "$SECONDS"; }
step rootfs
cross/emulated/rootfs.sh aarch64
cross/emulated/rootfs.sh armv7
cross/emulated/rootfs.sh armv6
# What is no kernel is compiled in half the time without all optimisation.
quick=(-DSANDERLING_OPTIMIZE=-O1 "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG")
step "build for aarch64"
cross/emulated/build.sh aarch64 "${quick[@]}"
step "build for ARMv7"
cross/emulated/build.sh armv7 "${quick[@]}"
step "build for ARMv6"
cross/emulated/build.sh armv6
# Two CPUs at a time; each has to run exactly the instruction sets that it has. `max` runs every row of kernels.inc, the
# others show that the choice of kernels is right.
run() { # CPU and tests
  if cross/emulated/test.sh "$@" >"build/test-$1.log" 2>&1; then
    echo "$1: $(tail -n 1 "build/test-$1.log")"
  else
    cat "build/test-$1.log"
    return 1
  fi
}
step tests
failed=0
run max tests/kernels &
last=$!
run cortex-a53 tests/kernels/test_convolution_rows.py tests/ops/test_depthwise_conv_2d.py || failed=1
run cortex-a76 tests/kernels/test_convolution_rows.py tests/ops/test_conv_2d.py || failed=1
run cortex-a7 tests/kernels/test_convolution_rows.py || failed=1
run arm1176 tests/kernels/test_convolution_rows.py || failed=1
wait $last || failed=1
# A whole network gives the same bits on 32-bit CPUs as here.
step "same outputs"
cross/emulated/verify.sh arm1176 models/effnet_lite0_int8.tflite &
last=$!
cross/emulated/verify.sh cortex-a7 models/effnet_lite0_int8.tflite || failed=1
wait $last || failed=1
# Weights that this machine packs for others are those that they pack.
step "same packed weights"
(cross/emulated/packed.sh cortex-a53 models/effnet_lite0_int8.tflite && cross/emulated/packed.sh max models/effnet_lite0_int8.tflite) &
last=$!
cross/emulated/packed.sh cortex-a76 models/effnet_lite0_int8.tflite || failed=1
cross/emulated/packed.sh cortex-a7 models/effnet_lite0_int8.tflite || failed=1
wait $last || failed=1
step done
exit $failed
