// Element types of tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace sanderling {

enum class DType : uint8_t {
  float32,
  float16,
  float64,
  int8,
  uint8,
  int16,
  uint16,
  int32,
  uint32,
  int64,
  uint64,
  boolean,
  int4,      // constants of files only: two values a byte, low nibble first; TensorInfo::int4 from then on
  resource,  // int32 handle of a variable
};
constexpr uint8_t kDTypes = 14;

// Bytes of one element; int4 counts as 1.
size_t dtype_size(DType);
const char* dtype_name(DType);
// Throws Error for a name that is not a dtype.
DType dtype_from_name(const std::string& name);

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::float32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::float64;
};
template <>
struct DTypeOf<int8_t> {
  static constexpr DType value = DType::int8;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::uint8;
};
template <>
struct DTypeOf<int16_t> {
  static constexpr DType value = DType::int16;
};
template <>
struct DTypeOf<uint16_t> {
  static constexpr DType value = DType::uint16;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::int32;
};
template <>
struct DTypeOf<uint32_t> {
  static constexpr DType value = DType::uint32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::int64;
};
template <>
struct DTypeOf<uint64_t> {
  static constexpr DType value = DType::uint64;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::boolean;
};

inline bool is_quantized_int(DType t) { return t == DType::int8 || t == DType::uint8 || t == DType::int16; }

}  // namespace sanderling
