// engine/run_state.h - the dot file that says which options a folder was begun with.
//
// Threads:    value types.
// Invariants: parse() takes only what format() wrote: the text ends in its own checksum.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "engine/output.h"

namespace zonesweep::engine {

struct RunState {
  std::string started;                         // RFC 3339, UTC
  std::map<std::string, std::string> options;  // those that change rows
};

// The caller's fingerprint, and the options that Output is given itself.
[[nodiscard]] std::map<std::string, std::string> options_that_change_rows(
    const OutputOptions& options);

[[nodiscard]] std::string format(const RunState& state);
[[nodiscard]] std::optional<RunState> parse_run_state(std::string_view text);

// "type is A,MX in the folder and A now" for the first difference; nothing without one.
[[nodiscard]] std::optional<std::string> difference(
    const std::map<std::string, std::string>& stored,
    const std::map<std::string, std::string>& given, std::string_view but = {});

}  // namespace zonesweep::engine
