// engine/ndjson.h - a record as one NDJSON line; every member is described in
// docs/formats/dns-rows.md.
//
// Threads:    any; the cached second of the time stamp is per thread.
// Invariants: the line is valid JSON and valid UTF-8 whatever the wire or the input held, and has
//             no control byte but the final newline.
// Errors:     none.
#pragma once

#include <cstddef>
#include <string>

#include "engine/record.h"

namespace zonesweep::engine {

namespace limits {
// Octets of one row's records, after which no further record is begun: pointers let 64 KiB of
// message unfold to many megabytes of names. An ordinary answer of dns::limits::kMessageRecords
// addresses takes 200 KB.
inline constexpr size_t kRowRecordBytes = 1 << 20;
}  // namespace limits

// Appends one line, the newline included. Allocates only when `out` has to grow.
void append_ndjson(const DnsRecord& record, std::string& out);

}  // namespace zonesweep::engine
