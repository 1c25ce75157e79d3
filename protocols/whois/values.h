// protocols/whois/values.h - values as registries write them: hosts, addresses, states.
//
// Threads:    pure functions.
// Ownership:  pieces borrow from the value.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocols/registration/registration.h"

namespace zonesweep::whois {

// Without blanks, quotes and the words that stand for nothing: "null", "N/A", "<no value>", "-".
[[nodiscard]] std::string_view cleaned(std::string_view value) noexcept;

// Letters, digits, hyphens, underscores and non-ASCII in labels of 1 to 63 octets, at least one
// dot, no address.
[[nodiscard]] bool is_host_name(std::string_view text) noexcept;
[[nodiscard]] bool is_address(std::string_view text) noexcept;

// The words of a line of name servers: brackets, commas and blanks separate.
class HostWords {
 public:
  explicit HostWords(std::string_view line) noexcept : left_(line) {}
  bool next() noexcept;
  [[nodiscard]] std::string_view word() const noexcept { return word_; }  // without a final dot

 private:
  std::string_view left_;
  std::string_view word_;
};

// The states that one value lists; links to their explanation left out.
class StatusPieces {
 public:
  explicit StatusPieces(std::string_view value) noexcept;
  bool next() noexcept;
  [[nodiscard]] std::string_view piece() const noexcept { return piece_; }

 private:
  std::string_view left_;
  std::string_view piece_;
  char separator_ = '\0';  // '\0': the whole value is one
};

[[nodiscard]] registration::Dnssec dnssec_from(std::string_view value) noexcept;

}  // namespace zonesweep::whois
