// engine/manifest.h - one line of _manifest.ndjson: a committed chunk. docs/formats/output.md has
// the members.
//
// Threads:    value types.
// Invariants: format() has one spelling for each value and ends in a checksum of the line; parse()
//             takes nothing else, so that a damaged line is never believed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/frame.h"
#include "engine/layout.h"

namespace zonesweep::engine {

struct ManifestFile {
  Table table = Table::dns;
  std::string path;  // below the output folder
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint64_t hash = 0;  // XXH3-64
  StatusWords statuses;
  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

struct ManifestLine {
  uint64_t chunk = 0;
  uint64_t first_seq = 0;
  uint64_t names = 0;
  uint64_t input_hash = 0;
  std::vector<ManifestFile> files;
  friend bool operator==(const ManifestLine&, const ManifestLine&) = default;
};

[[nodiscard]] std::string format(const ManifestLine& line);  // without '\n'
[[nodiscard]] std::optional<ManifestLine> parse_manifest_line(std::string_view line);  // same

// {"NOERROR":1,"NXDOMAIN":2}
void append_json(const StatusWords& statuses, std::string& out);

}  // namespace zonesweep::engine
