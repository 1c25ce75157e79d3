// protocols/http/gzip.h - a body with Content-Encoding: gzip, for servers of ours.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zonesweep::http {

namespace limits {
inline constexpr size_t kBlankPiece = 1024 * 1024;
}  // namespace limits

[[nodiscard]] std::string gzip_of(std::string_view text);
// What inflates to `pieces` (at least one) times kBlankPiece blanks: a thousandth of that, and as
// quickly made.
[[nodiscard]] std::string gzip_of_blanks(size_t pieces);

}  // namespace zonesweep::http
