// A model as the front end hands it over: tensors and nodes, nothing planned yet.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/xxh3/xxh3.h"
#include "ops/op.h"

namespace sanderling {

constexpr int kAbsent = -1;

// The checksum of bytes in a file; they are read for it once, when they are first used.
class Checked {
 public:
  explicit Checked(uint64_t checksum) : checksum_(checksum) {}
  bool passes(const void* data, size_t bytes) const {
    if (passed_) return true;
    passed_ = xxh3(data, bytes) == checksum_;
    return passed_;
  }

 private:
  uint64_t checksum_;
  mutable std::atomic<bool> passed_{false};
};

struct TensorSpec {
  TensorInfo info;
  const void* data = nullptr;  // constants: owned by whoever holds `keep_alive` of the model; int4 as it is stored
  std::shared_ptr<const Checked> checked;

  // The type in files, and the bytes of a constant's data.
  DType stored_dtype() const { return info.int4 ? DType::int4 : info.dtype; }
  size_t stored_bytes() const { return info.int4 ? (info.bytes() + 1) / 2 : info.bytes(); }
  // For a constant of dtype int4: operators are told int8.
  void mark_int4() {
    if (info.dtype == DType::int4) info.dtype = DType::int8, info.int4 = true;
  }
};

// What weights were packed for: a call of PrepareContext::packed (the `call`-th of the node) at the shapes of the
// node's inputs (their hash). `isa` begins with the processor family, "arm/neon": the kernels of ARM and ARMv7 of the
// same name pack differently.
struct PackedKey {
  int graph = 0, node = 0, call = 0;
  std::string isa, kernel;
  uint64_t bytes = 0, shapes = 0;

  bool operator<(const PackedKey& o) const { return tie() < o.tie(); }

 private:
  std::tuple<int, int, int, const std::string&, const std::string&, uint64_t, uint64_t> tie() const {
    return {graph, node, call, isa, kernel, bytes, shapes};
  }
};

struct PackedWeights {
  PackedWeights(const void* data, uint64_t checksum) : data(data), checked(checksum) {}
  const void* data;
  Checked checked;
};

struct NodeSpec {
  const OpDef* op = nullptr;
  std::string name;  // for messages and profiles
  std::string isa;   // no better instruction set than this, where it is not empty
  std::vector<int> inputs, outputs, intermediates;
  Attributes attributes;
  CustomFunction custom;
};

struct GraphSpec {
  std::vector<TensorSpec> tensors;
  std::vector<NodeSpec> nodes;
  std::vector<int> inputs, outputs;
};

struct ModelSpec {
  std::vector<GraphSpec> graphs;
  std::map<PackedKey, PackedWeights> packed;  // of a compiled model
  std::vector<std::shared_ptr<void>> keep_alive;

  const PackedWeights* find_packed(const PackedKey& key) const {
    const auto at = packed.find(key);
    return at == packed.end() ? nullptr : &at->second;
  }

  bool valid = false;  // of validate(); whoever changes the graphs takes it back

  // Throws Error unless every index is in range, constants are complete, quantization fits the dtypes, and no graph
  // calls itself through IF, WHILE or CALL_ONCE.
  void validate();
};

}  // namespace sanderling
