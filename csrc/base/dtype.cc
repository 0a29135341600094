#include "base/dtype.h"

#include "base/error.h"

namespace sanderling {
namespace {

struct DTypeRow {
  DType dtype;
  const char* name;
  size_t size;
};

constexpr DTypeRow kDTypeRows[] = {
    {DType::float32, "float32", 4}, {DType::float16, "float16", 2},   {DType::float64, "float64", 8},
    {DType::int8, "int8", 1},       {DType::uint8, "uint8", 1},       {DType::int16, "int16", 2},
    {DType::uint16, "uint16", 2},   {DType::int32, "int32", 4},       {DType::uint32, "uint32", 4},
    {DType::int64, "int64", 8},     {DType::uint64, "uint64", 8},     {DType::boolean, "bool", 1},
    {DType::int4, "int4", 1},       {DType::resource, "resource", 4},
};

}  // namespace

size_t dtype_size(DType t) { return kDTypeRows[static_cast<int>(t)].size; }

const char* dtype_name(DType t) { return kDTypeRows[static_cast<int>(t)].name; }

DType dtype_from_name(const std::string& name) {
  for (const DTypeRow& row : kDTypeRows)
    if (name == row.name) return row.dtype;
  fail("element type '", name, "' is not supported");
}

}  // namespace sanderling
