#include "ops/sort_keys.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/error.h"

namespace sanderling {
namespace {

template <class T>
uint64_t key_of(T x) {
  constexpr uint64_t kSign = uint64_t{1} << 63;
  if constexpr (std::is_floating_point_v<T>) {
    if (x != x) return 0;
    const T value = x + T{0};  // -0 is 0
    uint32_t bits;
    static_assert(sizeof bits == sizeof value, "");
    std::memcpy(&bits, &value, sizeof bits);
    return bits >> 31 ? static_cast<uint32_t>(~bits) : bits | uint32_t{1} << 31;
  } else {
    return static_cast<uint64_t>(static_cast<int64_t>(x)) ^ kSign;
  }
}

template <class T>
void keys_of(const void* x, int64_t n, uint64_t* keys) {
  for (int64_t i = 0; i < n; ++i) keys[i] = key_of(static_cast<const T*>(x)[i]);
}

}  // namespace

SortKeys sort_keys(DType type) {
  switch (type) {
    case DType::float32: return keys_of<float>;
    case DType::int8: return keys_of<int8_t>;
    case DType::uint8: return keys_of<uint8_t>;
    case DType::int16: return keys_of<int16_t>;
    case DType::int32: return keys_of<int32_t>;
    case DType::int64: return keys_of<int64_t>;
    default: fail("input is ", dtype_name(type), "; float32, int8, uint8, int16, int32 or int64 expected");
  }
}

void sort_by_key(int32_t* indices, int64_t n, const uint64_t* keys) {
  std::sort(indices, indices + n,
            [keys](int32_t a, int32_t b) { return keys[a] < keys[b] || (keys[a] == keys[b] && a < b); });
}

}  // namespace sanderling
