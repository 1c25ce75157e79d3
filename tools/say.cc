#include "tools/say.h"

#include <fcntl.h>
#include <unistd.h>

namespace zonesweep::tools {

void put(std::FILE* stream, std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stream) != text.size()) std::clearerr(stream);
}

void hold_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    (void)::open("/dev/null", O_RDWR);  // the lowest free number: this one
  }
}

}  // namespace zonesweep::tools
