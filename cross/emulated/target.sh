# Sourced by the scripts beside it: what belongs to an emulated CPU or to a CMake preset.
target_of_preset() { # sets preset, arch (Debian's name), triple, emulator, marks
  preset=$1
  case $1 in
    aarch64) arch=arm64 triple=aarch64-linux-gnu emulator=qemu-aarch64 ;;
    armv7) arch=armhf triple=arm-linux-gnueabihf emulator=qemu-arm ;;
    armv6) arch=armel triple=arm-linux-gnueabi emulator=qemu-arm ;;
    *) echo "unknown preset: $1 (aarch64, armv7, armv6)" >&2 && exit 2 ;;
  esac
}
target_of_cpu() { # sets isas too, the instruction sets that the CPU has
  case $1 in
    cortex-a53 | cortex-a72) isas=neon,portable && target_of_preset aarch64 ;;
    cortex-a76) isas=neon_dotprod,neon_fp16,neon,portable && target_of_preset aarch64 ;;
    max) isas=neon_i8mm,neon_dotprod,neon_fp16,neon,portable && target_of_preset aarch64 ;;
    cortex-a7 | cortex-a15) isas=neon,portable && target_of_preset armv7 ;;
    arm1176) isas=portable && target_of_preset armv6 ;;
    *) echo "unknown CPU: $1" >&2 && exit 2 ;;
  esac
}
