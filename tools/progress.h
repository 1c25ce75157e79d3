// tools/progress.h - how a run is going, on stderr: a bar for people, or one JSON line a second for
// programs.
//
// Threads:    the main thread.
// Invariants: the bar is one line, never wider than the terminal, and holds no byte that came from
//             a peer.
#pragma once

#include <cstdint>
#include <string>

#include "engine/scan.h"
#include "io/transport.h"

namespace zonesweep::tools {

enum class ProgressMode : uint8_t { automatic, bar, json, none };

class Progress {
 public:
  // automatic: a bar if stderr is a terminal, else nothing.
  explicit Progress(ProgressMode mode);

  void show(const engine::ScanProgress& now);  // as often as you like; draws when it is time
  void clear();                                // removes the bar, before another line is printed
  void summary(const engine::ScanProgress& now, double seconds);

  [[nodiscard]] static std::string json_line(const engine::ScanProgress& now, double seconds,
                                             double rows_per_second);

 private:
  [[nodiscard]] std::string bar(const engine::ScanProgress& now) const;

  ProgressMode mode_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_ = start_;
  uint64_t rows_drawn_ = 0;
  double rate_ = 0;  // rows per second, smoothed over some seconds
  bool on_screen_ = false;
};

}  // namespace zonesweep::tools
