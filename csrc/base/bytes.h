// Values of a file, little endian, one after the other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"

namespace sanderling {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little endian, as all supported CPUs are");

// Whether all is well-formed UTF-8, by the table 3-7 of the Unicode standard.
inline bool is_utf8(const std::string& s) {
  // Names are ASCII mostly: eight bytes at a time.
  size_t ascii = 0;
  for (uint64_t eight; ascii + sizeof eight <= s.size(); ascii += sizeof eight) {
    std::memcpy(&eight, s.data() + ascii, sizeof eight);
    if ((eight & 0x8080808080808080) != 0) break;
  }
  auto at = [&](size_t i) { return i < s.size() ? static_cast<uint8_t>(s[i]) : 0; };
  for (size_t i = ascii; i < s.size();) {
    const int a = at(i), b = at(i + 1);
    size_t more = 0;
    int low = 0x80, high = 0xBF;
    if (a >= 0x80) {
      if (a < 0xC2 || a > 0xF4) return false;
      more = a < 0xE0 ? 1 : a < 0xF0 ? 2 : 3;
      if (a == 0xE0) low = 0xA0;
      if (a == 0xED) high = 0x9F;
      if (a == 0xF0) low = 0x90;
      if (a == 0xF4) high = 0x8F;
      if (b < low || b > high) return false;
      for (size_t k = 2; k <= more; ++k)
        if (at(i + k) < 0x80 || at(i + k) > 0xBF) return false;
    }
    i += 1 + more;
  }
  return true;
}

class ByteWriter {
 public:
  template <class T>
  void number(T x) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&x), sizeof x);
  }
  void count(size_t n) { number(static_cast<uint32_t>(n)); }
  void text(const std::string& s) {
    count(s.size());
    bytes_ += s;
  }
  template <class T>
  void numbers(const std::vector<T>& all) {
    count(all.size());
    for (T x : all) number(x);
  }
  // each(item) writes one.
  template <class Items, class Each>
  void list(const Items& items, const Each& each) {
    count(items.size());
    for (const auto& item : items) each(item);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Reads what a ByteWriter wrote. Throws Error, with `what` is read, where the bytes end too early; never allocates more
// than is there.
class ByteReader {
 public:
  ByteReader(const void* data, size_t bytes, std::string what)
      : at_(static_cast<const char*>(data)), left_(bytes), what_(std::move(what)) {}

  template <class T>
  T number() {
    static_assert(std::is_arithmetic_v<T>);
    T x;
    std::memcpy(&x, take(sizeof x), sizeof x);
    return x;
  }
  // A number of things that take at least `least` bytes each.
  size_t count(size_t least) {
    const size_t n = number<uint32_t>();
    check(n <= left_ / least, what_, " is damaged: ", n, " entries where ", left_, " bytes are left");
    return n;
  }
  std::string bytes() {
    const size_t n = count(1);
    return std::string(take(n), n);
  }
  // UTF-8.
  std::string text() {
    std::string s = bytes();
    check(is_utf8(s), what_, " is damaged: a name is not UTF-8");
    return s;
  }
  template <class T>
  std::vector<T> numbers() {
    std::vector<T> all(count(sizeof(T)));
    const char* from = take(all.size() * sizeof(T));
    if (!all.empty()) std::memcpy(all.data(), from, all.size() * sizeof(T));
    return all;
  }
  // The same, left where they are: their number, and where the first begins.
  template <class T>
  std::pair<const char*, size_t> numbers_in_place() {
    const size_t n = count(sizeof(T));
    return {take(n * sizeof(T)), n};
  }
  // each() reads one, of at least `least` bytes.
  template <class Each>
  void list(size_t least, const Each& each) {
    for (size_t n = count(least); n > 0; --n) each();
  }
  // each(item) reads one into a new item of `all`.
  template <class T, class Each>
  void list(size_t least, std::vector<T>& all, const Each& each) {
    constexpr size_t kRoom = 1024;  // a count may be anything that fits the file: more room as it is needed
    const size_t n = count(least);
    all.reserve(std::min(n, kRoom));
    for (size_t i = 0; i < n; ++i) each(all.emplace_back());
  }
  // One of the `kinds` first numbers of an enumeration.
  uint8_t kind(uint8_t kinds, const char* name) {
    const uint8_t k = number<uint8_t>();
    check(k < kinds, what_, " is damaged: ", name, " ", static_cast<int>(k));
    return k;
  }
  void end() const { check(left_ == 0, what_, " is damaged: ", left_, " bytes too many"); }

 private:
  const char* take(size_t n) {
    check(n <= left_, what_, " is damaged: it ends too early");
    const char* p = at_;
    at_ += n, left_ -= n;
    return p;
  }

  const char* at_;
  size_t left_;
  std::string what_;
};

}  // namespace sanderling
