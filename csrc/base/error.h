// The exceptions of the core: a message for the person who runs the model.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace sanderling {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// About one operator of a model, and not about the model as a whole: it may be another one with other shapes.
class OperatorError : public Error {
 public:
  using Error::Error;
};

class Shape;

// Messages are put together in one place, from words whose kinds one number tells, four bits each, the first part's
// lowest: there are hundreds, and what each call takes of its own would be much of the code.
enum class MessagePart : uint64_t { end, letter, natural, integer, real, text, string, view, shape };

template <class T>
constexpr MessagePart message_part() {
  if constexpr (std::is_same_v<T, char>)
    return MessagePart::letter;
  else if constexpr (std::is_same_v<T, bool> || (std::is_integral_v<T> && std::is_unsigned_v<T>))
    return MessagePart::natural;
  else if constexpr (std::is_integral_v<T>)
    return MessagePart::integer;
  else if constexpr (std::is_floating_point_v<T>)
    return MessagePart::real;
  else if constexpr (std::is_convertible_v<const T&, const char*>)
    return MessagePart::text;
  else if constexpr (std::is_same_v<T, std::string>)
    return MessagePart::string;
  else if constexpr (std::is_same_v<T, std::string_view>)
    return MessagePart::view;
  else if constexpr (std::is_same_v<T, Shape>)
    return MessagePart::shape;
  else
    static_assert(sizeof(T) == 0, "messages have no such part");
}

template <class... Parts>
constexpr uint64_t message_parts() {
  static_assert(sizeof...(Parts) < 16, "a message of too many parts");
  uint64_t kinds = 0;
  int bit = 0;
  ((kinds |= static_cast<uint64_t>(message_part<Parts>()) << bit, bit += 4), ...);
  return kinds;
}

// What a part is handed over as: a word.
template <class T>
auto message_word(const T& x) {
  constexpr MessagePart part = message_part<T>();
  if constexpr (part == MessagePart::letter || part == MessagePart::natural)
    return static_cast<uint64_t>(x);
  else if constexpr (part == MessagePart::integer)
    return int64_t{x};
  else if constexpr (part == MessagePart::real)
    return static_cast<double>(x);
  else if constexpr (part == MessagePart::text)
    return static_cast<const char*>(x);
  else
    return &x;
}

std::string join_words(uint64_t parts, ...);
[[noreturn, gnu::cold]] void throw_words(uint64_t parts, ...);

// Text of its parts: text, numbers, shapes.
template <class... Parts>
[[gnu::always_inline]] inline std::string concat(const Parts&... parts) {
  return join_words(message_parts<Parts...>(), message_word(parts)...);
}

template <class... Parts>
[[noreturn, gnu::always_inline]] inline void fail(const Parts&... parts) {
  throw_words(message_parts<Parts...>(), message_word(parts)...);
}

// check(condition, "shape ", a, " does not match ", b): throws Error when the condition is false.
template <class... Parts>
[[gnu::always_inline]] inline void check(bool condition, const Parts&... parts) {
  if (!condition) fail(parts...);
}

}  // namespace sanderling
