// A file's content, mapped read-only: nothing is read before it is used, and other processes share the memory. The file
// must not shrink meanwhile (replace it by renaming a new one onto it).
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace sanderling {

class MappedFile {
 public:
  // Throws Error, which begins with `name`, where there is no such file or it cannot be mapped.
  MappedFile(const std::string& path, const std::string& name);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const void* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace sanderling
