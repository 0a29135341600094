# Cross compilation for ARMv6 without NEON (ARM1176: Raspberry Pi Zero and 1) on Debian: g++-arm-linux-gnueabi, whose
# runtime is ARMv5. Floats are passed in core registers, unlike on these boards' systems: this is for tests only, as
# Debian's Python for ARMv6 does so.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv6l)
set(CMAKE_CXX_COMPILER arm-linux-gnueabi-g++)
set(CMAKE_CXX_FLAGS_INIT "-march=armv6+fp -mtune=arm1176jzf-s -marm -mfloat-abi=softfp -Wno-psabi")
set(CMAKE_CXX_STANDARD_LIBRARIES_INIT "-l:libatomic.a")  # for 64 bits
set(CMAKE_FIND_ROOT_PATH /usr/arm-linux-gnueabi)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
