#include "base/error.h"

#include <cstdio>

namespace sanderling {

void MessagePart::append_to(std::string& to) const {
  char number[32];
  switch (kind_) {
    case Kind::letter: to += static_cast<char>(natural_); break;
    case Kind::natural: to += std::to_string(natural_); break;
    case Kind::integer: to += std::to_string(integer_); break;
    case Kind::real:
      std::snprintf(number, sizeof number, "%g", real_);
      to += number;
      break;
    case Kind::text: to += text_; break;
    case Kind::other: append_(to, other_); break;
  }
}

std::string join(std::initializer_list<MessagePart> parts) {
  std::string all;
  for (const MessagePart& part : parts) part.append_to(all);
  return all;
}

void throw_joined(std::initializer_list<MessagePart> parts) { throw Error(join(parts)); }

}  // namespace sanderling
