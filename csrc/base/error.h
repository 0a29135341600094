// The one exception of the core: a message for the person who runs the model.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace sanderling {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(concat(parts...));
}

// check(condition, "shape ", a, " does not match ", b): throws Error when the condition is false.
template <class... Parts>
void check(bool condition, const Parts&... parts) {
  if (!condition) fail(parts...);
}

}  // namespace sanderling
