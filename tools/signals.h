// tools/signals.h - SIGINT, SIGTERM and SIGHUP as values the main thread waits for.
//
// Threads: block_signals() before any thread is made; wait_signal() on the main thread.
#pragma once

#include "io/transport.h"

namespace zonesweep::tools {

// Blocks the three in this thread and all it will make, and ignores SIGPIPE: writes say EPIPE.
void block_signals();

// The signal number, or 0 after `patience`.
[[nodiscard]] int wait_signal(io::Duration patience);

}  // namespace zonesweep::tools
