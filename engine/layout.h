// engine/layout.h - the names of everything in an output folder.
//
// Threads:    value types.
// Invariants: names come from counters and options only. What begins with '_' or '.' is skipped by
//             the readers of Spark, DuckDB and Hive.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/output.h"

namespace zonesweep::engine {

[[nodiscard]] std::string_view name_of(Table table) noexcept;  // also the name of its folder
[[nodiscard]] std::string_view name_of(Compression compression) noexcept;

struct Layout {
  Compression compression = Compression::zstd;
  uint32_t split_index = 0;
  uint32_t split_count = 1;

  [[nodiscard]] bool owns(uint64_t chunk) const noexcept {
    return chunk % split_count == split_index;
  }
  // The same name as the machine of another split sees it.
  [[nodiscard]] Layout of_split(uint32_t index) const noexcept {
    return {compression, index, split_count};
  }

  [[nodiscard]] std::string lock() const { return ".lock" + suffix(); }
  [[nodiscard]] std::string state() const { return ".state" + suffix(); }
  [[nodiscard]] std::string state_draft() const { return state() + ".new"; }
  // What a resume must know of the registration servers.
  [[nodiscard]] std::string backends() const { return ".backends" + suffix(); }
  [[nodiscard]] std::string backends_draft() const { return backends() + ".new"; }
  [[nodiscard]] std::string manifest() const { return "_manifest" + suffix() + ".ndjson"; }
  [[nodiscard]] std::string run() const { return "_run" + suffix() + ".json"; }
  [[nodiscard]] std::string run_draft() const { return "." + run() + ".new"; }
  [[nodiscard]] std::string success() const { return "_SUCCESS" + suffix(); }

  [[nodiscard]] std::string part(uint64_t chunk) const;       // part-00007.ndjson.zst
  [[nodiscard]] std::string open_part(uint64_t chunk) const;  // .part-00007.ndjson.zst
  [[nodiscard]] std::string journal(uint64_t chunk) const;    // .part-00007.frames

 private:
  [[nodiscard]] std::string suffix() const;  // "" or ".0-of-4"
};

inline constexpr std::string_view kSuccessOfAll = "_SUCCESS";

struct PartName {
  enum class Kind : uint8_t { part, open_part, journal } kind = Kind::part;
  uint64_t chunk = 0;
};
// Nothing when the name is none that this layout gives.
[[nodiscard]] std::optional<PartName> parse_part_name(const Layout& layout, std::string_view name);

}  // namespace zonesweep::engine
