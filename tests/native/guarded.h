// Memory that ends right before, or begins right behind, a page that nobody may touch: reading or writing one byte too
// many is a fault.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sanderling::test {

enum class Place { at_end, at_begin };

class Guarded {
 public:
  // `alignment` (a power of two) of the first byte; where `bytes` is no multiple of it, what remains before the guard
  // is watched by whole().
  Guarded(size_t bytes, Place place, size_t alignment = 1) : bytes_(bytes) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t room = (bytes + alignment - 1) / alignment * alignment;
    const size_t inside = (room + page) / page * page;
    mapped_ = inside + 2 * page;
    base_ = static_cast<uint8_t*>(mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (base_ == MAP_FAILED || mprotect(base_ + page, inside, PROT_READ | PROT_WRITE) != 0) {
      std::perror("guarded memory");
      std::exit(2);
    }
    begin_ = base_ + page;
    end_ = begin_ + inside;
    data_ = place == Place::at_end ? end_ - room : begin_;
    std::memset(begin_, kFill, inside);
  }
  // A copy of `from`.
  Guarded(const void* from, size_t bytes, Place place, size_t alignment = 1) : Guarded(bytes, place, alignment) {
    if (bytes > 0) std::memcpy(data_, from, bytes);
  }
  ~Guarded() { munmap(base_, mapped_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }
  void fill() const { std::memset(data_, kFill, bytes_); }
  // Whether nothing was written to the accessible bytes on either side.
  bool whole() const {
    for (const uint8_t* p = begin_; p < data_; ++p)
      if (*p != kFill) return false;
    for (const uint8_t* p = data_ + bytes_; p < end_; ++p)
      if (*p != kFill) return false;
    return true;
  }

  static constexpr uint8_t kFill = 0xA5;

 private:
  size_t bytes_, mapped_;
  uint8_t *base_, *begin_, *end_, *data_;
};

}  // namespace sanderling::test
