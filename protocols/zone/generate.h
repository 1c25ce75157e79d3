// protocols/zone/generate.h - $GENERATE as BIND has it: one line that stands for many records.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace zonesweep::zone {

namespace limits {
inline constexpr uint64_t kGeneratedRecords = 10'000'000;  // over a whole file; FAULTS 3.4
inline constexpr size_t kGeneratedNameBytes =
    1'024;  // text of one owner: 255 octets, every one escaped
}  // namespace limits

// start-stop[/step], all of 31 bits as in BIND.
struct Range {
  uint64_t start = 0;
  uint64_t stop = 0;
  uint64_t step = 1;

  [[nodiscard]] static std::expected<Range, std::string> parse(std::string_view text);
  [[nodiscard]] uint64_t size() const noexcept { return (stop - start) / step + 1; }
};

// Writes `pattern` with `$`, `$$`, `\$` and `${offset,width,base}` replaced into `out`. Errors: a
// message.
[[nodiscard]] std::expected<void, std::string> expand(std::string_view pattern, uint64_t value,
                                                      std::string& out);

}  // namespace zonesweep::zone
