#include "base/error.h"

#include <cstdarg>
#include <cstdio>

#include "base/shape.h"

namespace sanderling {
namespace {

void append_shape(std::string& to, const Shape& s) {
  to += '[';
  for (int i = 0; i < s.rank(); ++i) to += (i ? ", " : "") + std::to_string(s[i]);
  to += ']';
}

std::string join_list(uint64_t parts, va_list words) {
  std::string all;
  char number[32];
  for (; parts != 0; parts >>= 4) {
    switch (static_cast<MessagePart>(parts & 15)) {
      case MessagePart::letter: all += static_cast<char>(va_arg(words, uint64_t)); break;
      case MessagePart::natural: all += std::to_string(va_arg(words, uint64_t)); break;
      case MessagePart::integer: all += std::to_string(va_arg(words, int64_t)); break;
      case MessagePart::real:
        std::snprintf(number, sizeof number, "%g", va_arg(words, double));
        all += number;
        break;
      case MessagePart::text: all += va_arg(words, const char*); break;
      case MessagePart::string: all += *va_arg(words, const std::string*); break;
      case MessagePart::view: all += *va_arg(words, const std::string_view*); break;
      case MessagePart::shape: append_shape(all, *va_arg(words, const Shape*)); break;
      case MessagePart::end: break;
    }
  }
  return all;
}

}  // namespace

std::string join_words(uint64_t parts, ...) {
  va_list words;
  va_start(words, parts);
  std::string all = join_list(parts, words);
  va_end(words);
  return all;
}

void throw_words(uint64_t parts, ...) {
  va_list words;
  va_start(words, parts);
  const Error error(join_list(parts, words));
  va_end(words);
  throw error;
}

}  // namespace sanderling
