// Compiled models (.sand): the graphs, their constants, weights packed for one or more instruction sets, and what the
// outputs have to be, in one file that is mapped and used in place. docs/compiled.md has the format.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "graph/spec.h"

namespace sanderling {

// A named entry point: names of arguments and results, and their tensors.
struct Signature {
  std::string key;
  int graph = 0;
  std::vector<std::pair<std::string, int>> inputs, outputs;
};

// What `sanderling verify` gives for the model: SHA-256 in hexadecimal of each output over `count` runs on seeded
// inputs from `seed` on. Outputs that instruction sets give differently (floats) have none.
struct Golden {
  uint32_t seed = 0, count = 0;
  std::vector<std::string> outputs;
};

struct CompiledModel {
  std::shared_ptr<ModelSpec> spec;
  std::string version;        // of the sanderling that wrote it
  std::string source;         // name of the file that was compiled
  std::string source_sha256;  // of its content, in hexadecimal
  std::vector<std::string> labels;
  std::vector<Signature> signatures;
  Golden golden;
  std::vector<std::pair<std::string, std::string>> metadata;  // of the source, by name
  // When written: what to add to the file. When read: in `spec`.
  std::vector<std::pair<PackedKey, std::shared_ptr<const void>>> packed;
};

// The file's content. Throws Error where an operator is a function of the user's program.
std::string encode_compiled(const CompiledModel&);

bool is_compiled(const void* data, size_t bytes);
// `keep`: owns the data, which is 64-byte aligned; null: the caller does, for as long as the spec lives. Throws Error,
// beginning with `what`, on anything wrong; the spec is validated. Checksums of constants and packed weights are
// compared when these are used. Weights that kernels of another build packed are left out: they are packed anew.
CompiledModel decode_compiled(const std::string& what, std::shared_ptr<void> keep, const void* data, size_t bytes);
// Maps a file, which is called `name` in errors: its path may be no UTF-8.
CompiledModel read_compiled(const std::string& path, const std::string& name);

// Instruction sets that weights can be packed for, with their family ("x86/avx2"): those of this CPU, best first, and
// those of other processors.
std::vector<std::string> packing_isas();
// Packs the weights of all graphs at the inputs' own shapes for one of packing_isas(), of this CPU also without the
// family. Throws Error for any other.
void pack_for(CompiledModel&, const std::string& isa);

}  // namespace sanderling
