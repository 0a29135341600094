// Variables that a model keeps between runs (VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE, CALL_ONCE).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/dtype.h"
#include "base/shape.h"

namespace sanderling {

struct Variable {
  DType dtype = DType::float32;
  Shape shape;
  AlignedBuffer data;
  bool assigned = false;

  size_t bytes() const { return static_cast<size_t>(shape.elements()) * dtype_size(dtype); }
};

class Resources {
 public:
  // Handle of the variable with this name; the same name gives the same handle.
  int32_t handle(const std::string& name) {
    auto [it, added] = handles_.emplace(name, static_cast<int32_t>(variables_.size()));
    if (added) variables_.emplace_back();
    return it->second;
  }
  // Throws Error for a handle that nobody made.
  Variable& variable(int32_t handle) {
    check(handle >= 0 && static_cast<size_t>(handle) < variables_.size(), "there is no variable with handle ", handle);
    return variables_[static_cast<size_t>(handle)];
  }
  // Graphs that CALL_ONCE has run since construction or reset.
  bool was_called(int64_t graph) const { return called_.count(graph) != 0; }
  void set_called(int64_t graph) { called_.insert(graph); }

  void reset() {
    for (Variable& v : variables_) v.assigned = false;
    called_.clear();
  }

 private:
  std::map<std::string, int32_t> handles_;
  std::vector<Variable> variables_;
  std::set<int64_t> called_;
};

}  // namespace sanderling
