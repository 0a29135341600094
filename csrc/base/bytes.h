// Values of a file, little endian, one after the other.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace sanderling {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little endian, as all supported CPUs are");

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
  std::string text() {
    const size_t n = count(1);
    return std::string(take(n), n);
  }
  template <class T>
  std::vector<T> numbers() {
    std::vector<T> all(count(sizeof(T)));
    for (T& x : all) x = number<T>();
    return all;
  }
  // each() reads one, of at least `least` bytes.
  template <class Each>
  void list(size_t least, const Each& each) {
    for (size_t n = count(least); n > 0; --n) each();
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
