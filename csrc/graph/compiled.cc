#include "graph/compiled.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <set>

#include "base/bytes.h"
#include "base/mapped_file.h"
#include "graph/executor.h"
#include "graph/packing_id.h"
#include "isa_select.h"
#include "ops/custom.h"

namespace sanderling {
namespace {

constexpr char kMagic[8] = {'\x89', 'S', 'A', 'N', 'D', '\r', '\n', '\x1a'};
constexpr uint32_t kFormat = 2;

struct Header {
  char magic[8];
  uint32_t format, unused;
  uint64_t file_bytes;
  uint64_t plan, plan_bytes, plan_checksum;  // all that is not a constant or packed weights; the offset first
  uint64_t packing_id;                       // of the kernels that packed
  uint64_t checksum;                         // of the above
};
static_assert(sizeof(Header) == 64);

uint64_t header_checksum(const Header& h) { return xxh3(&h, offsetof(Header, checksum)); }

// The file but for its plan: blobs at multiples of kAlignment.
class Blobs {
 public:
  Blobs() : bytes_(sizeof(Header), '\0') {}
  // Appends a blob, and where it is to the plan.
  void add(const void* data, size_t bytes, ByteWriter& plan) {
    pad();
    plan.number<uint64_t>(bytes_.size());
    plan.number<uint64_t>(bytes);
    plan.number(xxh3(data, bytes));
    bytes_.append(static_cast<const char*>(data), bytes);
  }
  void pad() { bytes_.resize(align_up(bytes_.size())); }
  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_;
};

void write_attribute(ByteWriter& to, const Attributes::Value& value) {
  to.number(static_cast<uint8_t>(value.index()));
  std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, bool>)
          to.number(static_cast<uint8_t>(v));
        else if constexpr (std::is_arithmetic_v<T>)
          to.number(v);
        else if constexpr (std::is_same_v<T, std::string>)
          to.text(v);
        else if constexpr (std::is_same_v<T, std::vector<std::string>>)
          to.list(v, [&](const std::string& s) { to.text(s); });
        else
          to.numbers(v);
      },
      value);
}

Attributes::Value read_attribute(ByteReader& from) {
  switch (from.kind(std::variant_size_v<Attributes::Value>, "kind of option")) {
    case 0: return from.number<uint8_t>() != 0;
    case 1: return from.number<int64_t>();
    case 2: return from.number<double>();
    case 3: return from.text();
    case 4: return from.numbers<int64_t>();
    case 5: return from.numbers<double>();
    default: break;
  }
  std::vector<std::string> all;
  from.list(4, [&] { all.push_back(from.text()); });
  return all;
}

void write_graph(ByteWriter& plan, Blobs& blobs, const GraphSpec& g) {
  plan.list(g.tensors, [&](const TensorSpec& t) {
    plan.text(t.info.name);
    plan.number(static_cast<uint8_t>(t.stored_dtype()));
    plan.numbers(std::vector<int64_t>(t.info.shape.begin(), t.info.shape.end()));
    plan.numbers(t.info.quantization.scale.vector());
    plan.numbers(t.info.quantization.zero_point.vector());
    plan.number(static_cast<int32_t>(t.info.quantization.axis));
    plan.number(static_cast<uint8_t>(t.info.is_variable));
    plan.number(static_cast<uint8_t>(t.data != nullptr));
    if (t.data != nullptr) blobs.add(t.data, t.stored_bytes(), plan);
  });
  plan.list(g.nodes, [&](const NodeSpec& n) {
    check(!n.custom, n.name, ": runs a function of the program; a file cannot hold it");
    plan.text(n.op->name);
    plan.text(n.name);
    plan.numbers(n.inputs);
    plan.numbers(n.outputs);
    plan.numbers(n.intermediates);
    plan.list(n.attributes.all(), [&](const auto& option) {
      plan.text(option.first);
      write_attribute(plan, option.second);
    });
  });
  plan.numbers(g.inputs);
  plan.numbers(g.outputs);
}

// Hands out the file's blobs.
class BlobReader {
 public:
  BlobReader(const char* file, size_t file_bytes, ByteReader& plan, const std::string& what)
      : file_(file), file_bytes_(file_bytes), plan_(plan), what_(what) {}

  struct Blob {
    const void* data;
    uint64_t bytes, checksum;
  };
  // `kind` and `name` of what it is for, for messages.
  Blob next(const char* kind, const std::string& name) const {
    const uint64_t offset = plan_.number<uint64_t>(), bytes = plan_.number<uint64_t>();
    check(offset % kAlignment == 0 && offset <= file_bytes_ && bytes <= file_bytes_ - offset, what_,
          " is damaged: the data of ", kind, " '", name, "' is outside the file");
    return {file_ + offset, bytes, plan_.number<uint64_t>()};
  }

 private:
  const char* file_;
  size_t file_bytes_;
  ByteReader& plan_;
  const std::string& what_;
};

constexpr size_t kLeastTensor = 23, kLeastNode = 24, kLeastGraph = 16;  // bytes in a plan

template <class T>
Numbers<T> numbers_in_place(ByteReader& plan) {
  const auto [data, count] = plan.numbers_in_place<T>();
  return Numbers<T>::at(data, count);
}

GraphSpec read_graph(ByteReader& plan, const BlobReader& blobs) {
  GraphSpec g;
  plan.list(kLeastTensor, g.tensors, [&](TensorSpec& t) {
    t.info.name = plan.text();
    t.info.dtype = static_cast<DType>(plan.kind(kDTypes, "element type"));
    t.info.shape = Shape(plan.numbers<int64_t>());
    t.info.quantization.scale = numbers_in_place<float>(plan);
    t.info.quantization.zero_point = numbers_in_place<int32_t>(plan);
    t.info.quantization.axis = plan.number<int32_t>();
    t.info.is_variable = plan.kind(2, "mark of a variable") != 0;
    if (plan.kind(2, "mark of a constant") != 0) {
      const BlobReader::Blob blob = blobs.next("constant", t.info.name);
      t.mark_int4();
      if (blob.bytes != t.stored_bytes())
        fail("constant '", t.info.name, "' (", dtype_name(t.stored_dtype()), ") of shape ", t.info.shape, " has ",
             blob.bytes, " bytes");
      t.data = blob.data;
      t.checked = std::make_shared<const Checked>(blob.checksum);
    }
  });
  plan.list(kLeastNode, g.nodes, [&](NodeSpec& n) {
    const std::string op = plan.text();
    n.name = plan.text();
    n.op = find_op(op);
    check(n.op != nullptr, n.name, ": operator ", op, " is not supported");
    n.inputs = plan.numbers<int>();
    n.outputs = plan.numbers<int>();
    n.intermediates = plan.numbers<int>();
    plan.list(5, [&] {
      std::string name = plan.text();
      n.attributes.set(std::move(name), read_attribute(plan));
    });
  });
  g.inputs = plan.numbers<int>();
  g.outputs = plan.numbers<int>();
  return g;
}

void write_names(ByteWriter& plan, const std::vector<std::pair<std::string, int>>& names) {
  plan.list(names, [&](const auto& named) {
    plan.text(named.first);
    plan.number(static_cast<int32_t>(named.second));
  });
}

std::vector<std::pair<std::string, int>> read_names(ByteReader& plan, size_t tensors, const std::string& key) {
  std::vector<std::pair<std::string, int>> names;
  plan.list(8, [&] {
    std::string name = plan.text();
    const int32_t tensor = plan.number<int32_t>();
    check(tensor >= 0 && static_cast<size_t>(tensor) < tensors, "signature '", key, "' refers to tensor ", tensor,
          ", but there are ", tensors);
    names.emplace_back(std::move(name), tensor);
  });
  return names;
}

// All that is not of the graphs themselves. The same order as read_about.
void write_about(ByteWriter& plan, const CompiledModel& m) {
  plan.text(m.version);
  plan.text(m.source);
  plan.text(m.source_sha256);
  plan.list(m.labels, [&](const std::string& s) { plan.text(s); });
  plan.list(m.signatures, [&](const Signature& s) {
    plan.text(s.key);
    plan.number(static_cast<int32_t>(s.graph));
    write_names(plan, s.inputs);
    write_names(plan, s.outputs);
  });
  plan.number(m.golden.seed);
  plan.number(m.golden.count);
  plan.list(m.golden.outputs, [&](const std::string& s) { plan.text(s); });
  plan.list(m.metadata, [&](const auto& item) {
    plan.text(item.first);
    plan.text(item.second);
  });
}

void read_about(ByteReader& plan, CompiledModel& m) {
  m.version = plan.text();
  m.source = plan.text();
  m.source_sha256 = plan.text();
  plan.list(4, [&] { m.labels.push_back(plan.text()); });
  plan.list(16, [&] {
    Signature s;
    s.key = plan.text();
    s.graph = plan.number<int32_t>();
    const auto& graphs = m.spec->graphs;
    check(s.graph >= 0 && static_cast<size_t>(s.graph) < graphs.size(), "signature '", s.key, "' refers to graph ",
          s.graph, ", but there are ", graphs.size());
    const size_t tensors = graphs[static_cast<size_t>(s.graph)].tensors.size();
    s.inputs = read_names(plan, tensors, s.key);
    s.outputs = read_names(plan, tensors, s.key);
    m.signatures.push_back(std::move(s));
  });
  m.golden.seed = plan.number<uint32_t>();
  m.golden.count = plan.number<uint32_t>();
  plan.list(4, [&] { m.golden.outputs.push_back(plan.text()); });
  check(m.golden.outputs.empty() || m.golden.outputs.size() == m.spec->graphs[0].outputs.size(), "there are ",
        m.golden.outputs.size(), " expected outputs for ", m.spec->graphs[0].outputs.size());
  plan.list(8, [&] {
    std::string name = plan.text();
    m.metadata.emplace_back(std::move(name), plan.bytes());
  });
}

Header read_header(const std::string& what, const void* data, size_t bytes) {
  check(is_compiled(data, bytes), what,
        " is not a compiled model; `sanderling compile MODEL -o MODEL.sand` makes one of a .tflite file");
  check(bytes >= sizeof(Header), what, " is damaged: it ends within its header");
  Header h;
  std::memcpy(&h, data, sizeof h);
  // Before the checksum, which is another one in other formats.
  check(h.format == kFormat, what, " has format ", h.format, "; this sanderling reads format ", kFormat,
        ": compile the model again");
  check(h.checksum == header_checksum(h), what, " is damaged: its header does not have its checksum");
  check(h.file_bytes == bytes, what, " is damaged: it has ", bytes, " bytes; ", h.file_bytes, " expected");
  check(h.plan >= sizeof h && h.plan <= bytes && h.plan_bytes <= bytes - h.plan, what,
        " is damaged: its plan is outside the file");
  return h;
}

}  // namespace

std::string encode_compiled(const CompiledModel& m) {
  ByteWriter plan;
  Blobs blobs;
  plan.list(m.spec->graphs, [&](const GraphSpec& g) { write_graph(plan, blobs, g); });
  write_about(plan, m);
  std::set<PackedKey> written;
  ByteWriter packed;
  for (const auto& [key, data] : m.packed) {
    if (!written.insert(key).second) continue;
    packed.number(static_cast<int32_t>(key.graph));
    packed.number(static_cast<int32_t>(key.node));
    packed.number(static_cast<int32_t>(key.call));
    packed.text(key.isa);
    packed.text(key.kernel);
    packed.number(key.shapes);
    blobs.add(data.get(), key.bytes, packed);
  }
  plan.count(written.size());
  blobs.pad();
  Header h{};
  std::memcpy(h.magic, kMagic, sizeof kMagic);
  h.format = kFormat;
  const std::string content = plan.bytes() + packed.bytes();
  h.plan = blobs.bytes().size(), h.plan_bytes = content.size(), h.plan_checksum = xxh3(content.data(), content.size());
  h.packing_id = packing_id();
  std::string file = std::move(blobs.bytes());
  file += content;
  h.file_bytes = file.size();
  h.checksum = header_checksum(h);
  std::memcpy(file.data(), &h, sizeof h);
  return file;
}

bool is_compiled(const void* data, size_t bytes) {
  return bytes >= sizeof kMagic && std::memcmp(data, kMagic, sizeof kMagic) == 0;
}

CompiledModel decode_compiled(const std::string& what, std::shared_ptr<void> keep, const void* data, size_t bytes) {
  const Header h = read_header(what, data, bytes);
  const char* file = static_cast<const char*>(data);
  check(reinterpret_cast<uintptr_t>(data) % kAlignment == 0, what, " is not aligned in memory");
  check(xxh3(file + h.plan, h.plan_bytes) == h.plan_checksum, what, " is damaged: its plan does not have its checksum");
  ByteReader plan(file + h.plan, h.plan_bytes, what);
  const BlobReader blobs(file, bytes, plan, what);
  CompiledModel m;
  m.spec = std::make_shared<ModelSpec>();
  try {
    plan.list(kLeastGraph, [&] { m.spec->graphs.push_back(read_graph(plan, blobs)); });
    m.spec->validate();
    read_about(plan, m);
    plan.list(52, [&] {
      PackedKey key;
      key.graph = plan.number<int32_t>();
      key.node = plan.number<int32_t>();
      key.call = plan.number<int32_t>();
      key.isa = plan.text();
      key.kernel = plan.text();
      key.shapes = plan.number<uint64_t>();
      const BlobReader::Blob blob = blobs.next("packed weights", key.kernel);
      key.bytes = blob.bytes;
      if (h.packing_id == packing_id()) m.spec->packed.try_emplace(key, blob.data, blob.checksum);
    });
    plan.end();
  } catch (const Error& e) {
    const std::string message = e.what();
    if (message.compare(0, what.size(), what) == 0) throw;
    fail(what, ": ", message);
  }
  if (keep) m.spec->keep_alive.push_back(std::move(keep));
  return m;
}

CompiledModel read_compiled(const std::string& path, const std::string& name) {
  auto file = std::make_shared<MappedFile>(path, name);
  return decode_compiled(name, file, file->data(), file->size());
}

std::vector<std::string> packing_isas() {
  std::vector<std::string> all;
  for (Isa isa : available_isas()) all.push_back(concat(SANDERLING_FAMILY "/", isa_name(isa)));
  for (PackTarget target : all_pack_targets())
    if (std::find(all.begin(), all.end(), pack_target_name(target)) == all.end())
      all.push_back(pack_target_name(target));
  return all;
}

void pack_for(CompiledModel& m, const std::string& name) {
  PlanOptions options;
  const std::string family = SANDERLING_FAMILY "/";
  const std::string own = name.compare(0, family.size(), family) == 0 ? name.substr(family.size()) : name;
  Isa isa;
  if (find_isa(own, isa) && isa_available(isa)) {
    options.isa = isa;
  } else {
    options.target = find_pack_target(name);
    check(options.target.has_value(), "weights cannot be packed for '", name, "' here");
  }
  options.collect = &m.packed;
  Session session(m.spec, options, 1, {});
  for (size_t g = 0; g < m.spec->graphs.size(); ++g) Executor(session, g).plan();
}

}  // namespace sanderling
