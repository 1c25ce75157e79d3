// protocols/http/gzip.h - a body with Content-Encoding: gzip, for servers of ours.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zonesweep::http {

[[nodiscard]] std::string gzip_of(std::string_view text);
// What inflates to `bytes` blanks: a thousandth of that.
[[nodiscard]] std::string gzip_of_blanks(size_t bytes);

}  // namespace zonesweep::http
