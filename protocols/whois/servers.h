// protocols/whois/servers.h - which server holds a zone, and what it wants and does.
//
// Compiled-in facts with their date (protocols/whois/data/servers.tsv, conventions.tsv): a start
// value that the referral of whois.iana.org corrects.
//
// Threads:    pure functions; the tables are built once, at first use.
// Ownership:  views are static, or borrow from the argument; append_ functions write to the caller.
// Errors:     an unknown zone has no server: none is guessed.
#pragma once

#include <string>
#include <string_view>

#include "protocols/registration/date.h"

namespace zonesweep::whois {

// The date of the facts, for warnings about their age.
inline constexpr std::string_view kServersAsOf = "2026-07-12";

// The server of the longest zone that `name` is in. `name`: A-labels, lower case, no final dot.
struct ServerOfZone {
  std::string server;     // empty: there is none
  std::string_view zone;  // the part of `name` that it serves
};
[[nodiscard]] ServerOfZone server_for(std::string_view name);

struct Conventions {
  std::string_view charset;  // empty: unknown
  registration::DateOrder order = registration::DateOrder::unknown;
  std::string_view query;  // empty: the bare name
};
[[nodiscard]] Conventions conventions_of(std::string_view server, std::string_view zone) noexcept;

// What is sent to `server` for `name`, CRLF included.
void append_query(std::string_view server, std::string_view name, std::string& out);

}  // namespace zonesweep::whois
