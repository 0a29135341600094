// Owned memory aligned for vector loads.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

#include "base/error.h"

namespace sanderling {

constexpr size_t kAlignment = 64;

inline size_t align_up(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Uninitialised; throws Error where memory is out.
  explicit AlignedBuffer(size_t bytes) { reset(bytes); }

  void reset(size_t bytes) {
    size_t rounded = align_up(bytes ? bytes : 1);
    data_.reset(std::aligned_alloc(kAlignment, rounded));
    check(data_ != nullptr, "out of memory: ", rounded, " bytes could not be allocated");
    size_ = bytes;
  }
  // Grows only; the content is lost when it grows.
  void reserve(size_t bytes) {
    if (!data_ || bytes > size_) reset(bytes);
  }

  size_t size() const { return size_; }
  void* data() const { return data_.get(); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_.get());
  }

 private:
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<void, Free> data_;
  size_t size_ = 0;
};

}  // namespace sanderling
