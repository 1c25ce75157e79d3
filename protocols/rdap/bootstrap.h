// protocols/rdap/bootstrap.h - which RDAP server holds a zone (RFC 9224).
//
// A compiled-in table (protocols/rdap/data/bootstrap.tsv), replaced zone by zone by a file of
// IANA's format where one is loaded, and by overrides.
//
// Threads:    built by one thread, then read by any.
// Invariants: base URLs are https, end in '/', and have no user, query or fragment. What a file
//             says otherwise is left out and counted.
// Ownership:  results borrow from the table.
// Errors:     BootstrapError; a file that fails changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace zonesweep::rdap {

namespace limits {
inline constexpr size_t kBootstrapBytes = 4 * 1024 * 1024;  // IANA's file has 70 KB
inline constexpr size_t kBootstrapZones = 20'000;           // IANA's file has 1,200
}  // namespace limits

// The date of the compiled-in facts, for warnings about their age.
inline constexpr std::string_view kBootstrapAsOf = "2024-07-25";

enum class BootstrapError : uint8_t { too_large, not_json, not_a_bootstrap, nothing_usable };
[[nodiscard]] std::string_view name_of(BootstrapError error) noexcept;

struct BootstrapLoad {
  std::string publication;  // as the file states it
  uint32_t zones = 0;       // taken
  uint32_t refused = 0;     // left out: no usable URL
};

struct Base {
  std::string_view url;   // empty: the zone has no RDAP
  std::string_view zone;  // the part of the name that it serves
};

class Bootstrap {
 public:
  Bootstrap();  // the compiled-in table
  ~Bootstrap();
  Bootstrap(Bootstrap&&) noexcept;
  Bootstrap& operator=(Bootstrap&&) noexcept;

  // A file of IANA's format. Zones that it does not name keep their server.
  [[nodiscard]] std::expected<BootstrapLoad, BootstrapError> load(std::string_view json);
  // One zone of the user's overrides. False for a URL that is refused.
  [[nodiscard]] bool set(std::string_view zone, std::string_view url);

  // The longest zone that `name` is in. `name`: A-labels, lower case, no final dot.
  [[nodiscard]] Base base_for(std::string_view name) const noexcept;

 private:
  struct Table;
  std::unique_ptr<Table> table_;
};

// An https URL with a host, without user, query and fragment.
[[nodiscard]] bool is_usable_base(std::string_view url) noexcept;

// Appends "https://…/domain/NAME".
void append_domain_url(std::string_view base, std::string_view name, std::string& out);

}  // namespace zonesweep::rdap
