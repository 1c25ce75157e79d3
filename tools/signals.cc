#include "tools/signals.h"

#include <csignal>
#include <ctime>

namespace zonesweep::tools {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void block_signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ,
              SIG_IGN);  // a file at ulimit -f: write() says EFBIG, and the run ends resumable
}

int wait_signal(io::Duration patience) {
  const sigset_t set = stop_signals();
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(patience);
  const timespec limit{.tv_sec = whole.count(), .tv_nsec = (patience - whole).count()};
  const int signal = sigtimedwait(&set, nullptr, &limit);
  return signal > 0 ? signal : 0;
}

}  // namespace zonesweep::tools
