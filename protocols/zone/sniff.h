// protocols/zone/sniff.h - what a text is, by its first bytes.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

namespace zonesweep::zone {

enum class Format : uint8_t { list, csv, zone };

// `front` is the first piece of the text; `whole` when there is no more. Errors: a message for what
// cannot be read at all (binary, UTF-16, an archive, something compressed twice).
[[nodiscard]] std::expected<Format, std::string_view> format_of(std::string_view front, bool whole);

// True when `front` holds a line that is neither blank nor a comment, and its end: enough to judge
// by.
[[nodiscard]] bool can_judge(std::string_view front) noexcept;

// The words that a header has above names: domain, name, host, hostname, fqdn; any case.
[[nodiscard]] bool is_name_header(std::string_view cell) noexcept;

// The separator of CSV text, or 0: the one of `,` TAB `;` that the first line has, together with
// most of the lines that follow or with a header that says where the names are.
[[nodiscard]] char separator_of(std::string_view front, bool whole) noexcept;

}  // namespace zonesweep::zone
