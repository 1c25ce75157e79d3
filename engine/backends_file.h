// engine/backends_file.h - the dot file of an output folder that keeps what the registration lane
// has learnt of its servers: engine/registration_memory.h.
//
// Threads:    the control thread; calls block.
// Invariants: the file is replaced as a whole. Without it, or with a damaged one, a resume only
//             asks sooner than a server wished.
// Errors:     none that would end a run: what cannot be written is not remembered.
#pragma once

#include <string>
#include <string_view>

#include "engine/layout.h"

namespace zonesweep::engine {

class BackendsFile {
 public:
  BackendsFile() = default;  // standard output: nothing is kept
  BackendsFile(std::string directory, const Layout& layout)
      : directory_(std::move(directory)), layout_(layout) {}

  [[nodiscard]] std::string read() const;
  void write(std::string_view text);  // only when it has changed; an empty one removes the file

 private:
  std::string directory_;
  Layout layout_;
  std::string written_;
};

}  // namespace zonesweep::engine
