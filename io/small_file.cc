#include "io/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/folder.h"

namespace zonesweep::io {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;

[[nodiscard]] std::unexpected<std::string> failure(int error) {
  return std::unexpected(std::string{std::strerror(error)});
}

}  // namespace

std::expected<std::string, std::string> read_small_file(const std::string& path, size_t limit) {
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
  if (file.get() < 0) return failure(errno);
  struct stat about = {};
  if (fstat(file.get(), &about) != 0) return failure(errno);
  if (!S_ISREG(about.st_mode) && !S_ISFIFO(about.st_mode)) {
    return std::unexpected("not a regular file");
  }
  std::string text;
  while (true) {
    const size_t have = text.size();
    if (have > limit) {
      return std::unexpected("larger than " + std::to_string(std::max<size_t>(limit >> 20, 1)) +
                             " MiB");
    }
    text.resize(have + kPieceBytes);
    const ssize_t got = read(file.get(), text.data() + have, kPieceBytes);
    text.resize(have + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return text;
    if (got < 0 && errno != EINTR) return failure(errno);
  }
}

}  // namespace zonesweep::io
