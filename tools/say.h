// tools/say.h - text for people on stdout and stderr, where nobody may be listening.
//
// Threads: any. Errors: none: a closed pipe, a full disk or a missing descriptor behind stdout or
// stderr never ends a run. Who needs to know (rows to a pipe) writes by other means.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string_view>
#include <utility>

namespace zonesweep::tools {

void put(std::FILE* stream, std::string_view text);

template <typename... Values>
void say(std::FILE* stream, fmt::format_string<Values...> format, Values&&... values) {
  put(stream, fmt::format(format, std::forward<Values>(values)...));
}

// Before anything is opened: whichever of the descriptors 0, 1 and 2 is closed becomes /dev/null,
// so that no file or ring of ours is taken for standard output.
void hold_standard_descriptors();

}  // namespace zonesweep::tools
