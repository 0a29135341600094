// What an operator knows of a tensor while a plan is made.
#pragma once

#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/shape.h"

namespace sanderling {

// Numbers that never change and that copies share: of their own, or in a file's memory, wherever it lies, that whoever
// holds the model keeps. There are tens of thousands in a model.
template <class T>
class Numbers {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = T;
    explicit Iterator(const char* at) : at_(at) {}
    T operator*() const { return read(at_); }
    Iterator& operator++() {
      at_ += sizeof(T);
      return *this;
    }
    bool operator==(const Iterator& o) const { return at_ == o.at_; }
    bool operator!=(const Iterator& o) const { return at_ != o.at_; }

   private:
    const char* at_;
  };

  Numbers() = default;
  Numbers(std::vector<T> own) {  // NOLINT: converts
    auto held = std::make_shared<const std::vector<T>>(std::move(own));
    size_ = held->size();
    data_ = std::shared_ptr<const char>(held, reinterpret_cast<const char*>(held->data()));
  }
  // In memory that outlives it.
  static Numbers at(const void* data, size_t size) {
    Numbers n;
    n.data_ = std::shared_ptr<const char>(std::shared_ptr<void>(), static_cast<const char*>(data));
    n.size_ = size;
    return n;
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T operator[](size_t i) const { return read(data_.get() + i * sizeof(T)); }
  Iterator begin() const { return Iterator(data_.get()); }
  Iterator end() const { return Iterator(data_.get() + size_ * sizeof(T)); }
  std::vector<T> vector() const { return {begin(), end()}; }

 private:
  static T read(const char* from) {
    T x;
    std::memcpy(&x, from, sizeof x);
    return x;
  }

  std::shared_ptr<const char> data_;
  size_t size_ = 0;
};

// real = scale * (q - zero_point). Empty: not quantized. Size 1: per tensor. Else one per slice of `axis`.
struct Quantization {
  Numbers<float> scale;
  Numbers<int32_t> zero_point;  // same size as scale; within the tensor's dtype
  int axis = 0;
};

struct TensorInfo {
  std::string name;
  DType dtype = DType::float32;
  Shape shape;
  Quantization quantization;
  bool is_variable = false;
  bool int4 = false;  // a constant whose values are in [-8, 7]; operators see int8

  bool quantized() const { return !quantization.scale.empty(); }
  // Per-tensor parameters; throw Error where the tensor has none.
  float scale() const {
    check(quantized(), "tensor '", name, "' (", dtype_name(dtype), ") has no quantization scale");
    return quantization.scale[0];
  }
  int32_t zero_point() const {
    check(quantized(), "tensor '", name, "' (", dtype_name(dtype), ") has no quantization zero point");
    return quantization.zero_point[0];
  }
  size_t bytes() const { return static_cast<size_t>(shape.elements()) * dtype_size(dtype); }
};

}  // namespace sanderling
