// protocols/psl/suffix_list.h - registrable domains by the public suffix list.
//
// Threads:    built by one thread, then read by any.
// Invariants: without a rule for its zone a name's last label is the suffix (the list's own rule
//             "*").
// Ownership:  results borrow from the argument.
// Errors:     SuffixListError; the list that is built in always works.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace zonesweep::psl {

enum class SuffixListError : uint8_t { not_a_list };

class SuffixList {
 public:
  // The list that the library was built with: its age is that of the system.
  [[nodiscard]] static SuffixList builtin();
  // The text of a list (public_suffix_list.dat, with the marks of its two sections), read by the
  // caller.
  [[nodiscard]] static std::expected<SuffixList, SuffixListError> from_text(std::string_view text);

  ~SuffixList();
  SuffixList(SuffixList&&) noexcept;
  SuffixList& operator=(SuffixList&&) noexcept;

  // "a.b.example.co.uk" is in "example.co.uk". Empty when `name` is itself a public suffix, or no
  // name. `name`: A-labels, lower case, no final dot. Only suffixes of registries count where
  // `private_too` is false: then "x.github.io" is in "github.io".
  [[nodiscard]] std::string_view registrable(std::string_view name, bool private_too = false) const;

  [[nodiscard]] uint32_t rules() const noexcept;

 private:
  struct List;
  explicit SuffixList(std::unique_ptr<List> list);
  std::unique_ptr<List> list_;
};

}  // namespace zonesweep::psl
