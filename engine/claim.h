// engine/claim.h - taking an output folder: the lock, what is in it, and with which options it was
// begun.
//
// Threads:    the control thread.
// Invariants: the lock is held before anything is read (FAULTS T16); a folder that holds anything
//             else is never written to without --resume.
// Ownership:  a Claim owns the folder's descriptor and the lock; both end with it.
#pragma once

#include <expected>
#include <string>

#include "engine/layout.h"
#include "engine/run_state.h"
#include "io/folder.h"

namespace zonesweep::engine {

struct Claim {
  io::Folder root;
  io::File lock;
  std::string started;   // of the first run in this folder
  bool resumed = false;  // an earlier run was here
};

[[nodiscard]] std::expected<Claim, OutputError> claim_folder(const OutputOptions& options,
                                                             const Layout& layout);

[[nodiscard]] std::string utc_now();  // RFC 3339

}  // namespace zonesweep::engine
