#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace sanderling {

MappedFile::MappedFile(const std::string& path, const std::string& name) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  check(file >= 0, name, ": ", std::strerror(errno));
  struct stat status;
  const char* wrong = nullptr;
  if (fstat(file, &status) != 0)
    wrong = std::strerror(errno);
  else if (!S_ISREG(status.st_mode))
    wrong = "not a file";
  size_ = wrong ? 0 : static_cast<size_t>(status.st_size);
  if (size_ > 0) {
    data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    if (data_ == MAP_FAILED) wrong = std::strerror(errno), data_ = nullptr;
  }
  close(file);
  check(wrong == nullptr, name, ": ", wrong);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(data_, size_);
}

}  // namespace sanderling
