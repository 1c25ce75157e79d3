// engine/json_text.h - strings and times for NDJSON rows: the one place where bytes become JSON
// text.
//
// Threads:    any; the cached second of append_json_time() is per thread.
// Invariants: what is appended is valid UTF-8, and inside of a JSON string it ends nothing: no
//             quote, backslash or control character stands bare.
// Errors:     none: every byte has a written form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace zonesweep::engine {

// Any bytes, without the surrounding quotes. Valid UTF-8 stays; a byte that is none, and NUL (which
// some warehouses refuse), becomes \DDD. C0, DEL, C1, line separators, bidirectional and invisible
// controls become \uXXXX.
void append_json_text(std::string_view bytes, std::string& out);

// Escapes out[from..], which holds printable ASCII, where it stands.
void escape_json_tail(std::string& out, size_t from);

// RFC 3339 in UTC with microseconds, in quotes: "2026-08-01T12:34:56.123456Z". Years 0000 to 9999.
void append_json_time(int64_t unix_us, std::string& out);

void append_json_number(uint64_t value, std::string& out);

}  // namespace zonesweep::engine
