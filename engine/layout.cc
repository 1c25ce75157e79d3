#include "engine/layout.h"

#include <fmt/format.h>

#include <charconv>

namespace zonesweep::engine {
namespace {

std::string_view extension(Compression compression) noexcept {
  switch (compression) {
    case Compression::zstd: return ".ndjson.zst";
    case Compression::gzip: return ".ndjson.gz";
    case Compression::none: break;
  }
  return ".ndjson";
}

}  // namespace

std::string_view name_of(Table table) noexcept {
  return table == Table::dns ? "dns" : "registration";
}

std::string_view name_of(Compression compression) noexcept {
  switch (compression) {
    case Compression::zstd: return "zstd";
    case Compression::gzip: return "gzip";
    case Compression::none: break;
  }
  return "none";
}

std::string Layout::suffix() const {
  return split_count == 1 ? std::string() : fmt::format(".{}-of-{}", split_index, split_count);
}

std::string Layout::part(uint64_t chunk) const {
  return fmt::format("part-{:05}{}", chunk, extension(compression));
}

std::string Layout::open_part(uint64_t chunk) const { return "." + part(chunk); }

std::string Layout::journal(uint64_t chunk) const {
  return fmt::format(".part-{:05}.frames", chunk);
}

std::optional<PartName> parse_part_name(const Layout& layout, std::string_view name) {
  const size_t digits = name.find_first_of("0123456789");
  if (digits == std::string_view::npos) return {};
  PartName part;
  const char* const end = name.data() + name.size();
  if (std::from_chars(name.data() + digits, end, part.chunk).ec != std::errc{}) return {};
  if (name == layout.part(part.chunk)) {
    part.kind = PartName::Kind::part;
  } else if (name == layout.open_part(part.chunk)) {
    part.kind = PartName::Kind::open_part;
  } else if (name == layout.journal(part.chunk)) {
    part.kind = PartName::Kind::journal;
  } else {
    return {};
  }
  return part;
}

}  // namespace zonesweep::engine
