#include "io/spool_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>

namespace zonesweep::io {
namespace {

constexpr mode_t kMode = 0600;

std::unexpected<std::errc> failure() { return std::unexpected(static_cast<std::errc>(errno)); }

// Where the file system has no O_TMPFILE (NFS, overlays of old kernels).
int make_and_unlink(const std::string& directory) {
  std::string path = directory + "/.spool-XXXXXX";
  const int fd = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd >= 0) ::unlink(path.c_str());
  return fd;
}

}  // namespace

FileResult<SpoolFile> SpoolFile::make(const std::string& directory) {
  int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kMode);
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) fd = make_and_unlink(directory);
  if (fd < 0) return failure();
  return SpoolFile(Descriptor(fd));
}

FileResult<void> SpoolFile::write_at(uint64_t offset, std::span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure();
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return {};
}

FileResult<size_t> SpoolFile::read_at(uint64_t offset, std::span<char> out) const {
  return io::read_at(fd_, offset, out);
}

}  // namespace zonesweep::io
