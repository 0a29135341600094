// A model as the front end hands it over: tensors and nodes, nothing planned yet.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ops/op.h"

namespace sanderling {

constexpr int kAbsent = -1;

struct TensorSpec {
  TensorInfo info;
  const void* data = nullptr;  // constants: owned by whoever holds `keep_alive` of the model
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
  std::vector<std::shared_ptr<void>> keep_alive;

  // Throws Error unless every index is in range, constants are complete, quantization fits the dtypes, and no graph
  // calls itself through IF, WHILE or CALL_ONCE.
  void validate() const;
};

}  // namespace sanderling
