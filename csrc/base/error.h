// The one exception of the core: a message for the person who runs the model.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace sanderling {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline void append_text(std::string& to, const std::string& s) { to += s; }
inline void append_text(std::string& to, std::string_view s) { to += s; }

// A part of a message: text, a number, or anything with append_text(std::string&, const T&). Messages are put together
// in one place, from parts without their types: there are thousands, and a stream for each would be most of the code.
class MessagePart {
 public:
  template <class T>
  MessagePart(const T& x) {  // NOLINT: converts
    if constexpr (std::is_same_v<T, char>) {
      kind_ = Kind::letter, natural_ = static_cast<unsigned char>(x);
    } else if constexpr (std::is_same_v<T, bool> || (std::is_integral_v<T> && std::is_unsigned_v<T>)) {
      kind_ = Kind::natural, natural_ = x;
    } else if constexpr (std::is_integral_v<T>) {
      kind_ = Kind::integer, integer_ = x;
    } else if constexpr (std::is_floating_point_v<T>) {
      kind_ = Kind::real, real_ = static_cast<double>(x);
    } else if constexpr (std::is_convertible_v<const T&, const char*>) {
      kind_ = Kind::text, text_ = x;
    } else if constexpr (std::is_pointer_v<T>) {
      hold(*x);
    } else {
      hold(x);
    }
  }
  void append_to(std::string&) const;

 private:
  template <class T>
  void hold(const T& x) {
    kind_ = Kind::other, other_ = &x;
    append_ = [](std::string& to, const void* p) { append_text(to, *static_cast<const T*>(p)); };
  }

  enum class Kind { letter, natural, integer, real, text, other } kind_;
  union {
    uint64_t natural_;
    int64_t integer_;
    double real_;
    const char* text_;
    const void* other_;
  };
  void (*append_)(std::string&, const void*) = nullptr;
};

std::string join(std::initializer_list<MessagePart>);
[[noreturn]] void throw_joined(std::initializer_list<MessagePart>);

template <class... Parts>
std::string concat(const Parts&... parts) {
  return join({MessagePart(parts)...});
}

// What a part is handed over as: few types, so that messages with parts of the same kinds share one function.
template <class T>
auto plain_part(const T& x) {
  if constexpr (std::is_same_v<T, char> || std::is_same_v<T, bool>)
    return x;
  else if constexpr (std::is_integral_v<T> && std::is_unsigned_v<T>)
    return uint64_t{x};
  else if constexpr (std::is_integral_v<T>)
    return int64_t{x};
  else if constexpr (std::is_floating_point_v<T>)
    return static_cast<double>(x);
  else if constexpr (std::is_convertible_v<const T&, const char*>)
    return static_cast<const char*>(x);
  else
    return &x;
}

template <class... Plain>
[[noreturn, gnu::cold, gnu::noinline]] void fail_plain(Plain... parts) {
  throw_joined({MessagePart(parts)...});
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  fail_plain(plain_part(parts)...);
}

// check(condition, "shape ", a, " does not match ", b): throws Error when the condition is false.
template <class... Parts>
void check(bool condition, const Parts&... parts) {
  if (!condition) fail(parts...);
}

}  // namespace sanderling
