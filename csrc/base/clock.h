// The time that passes, for what is measured.
#pragma once

#include <chrono>

namespace sanderling {

// From some moment on.
inline double nanoseconds() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace sanderling
