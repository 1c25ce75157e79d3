// protocols/rdap/parser.h - the body of an RDAP answer to a registration (RFC 9083, 7095, 8056,
// 9537).
//
// Tolerant where servers err (numbers as strings, one text where a list is due, roles in any case,
// names with a final dot), strict in what counts: valid JSON, a domain object, the asked name.
//
// Threads:    none; one Parser per lane.
// Invariants: (1) Outcome::available only for an error object with code 404; (2) every text is
//             clean (protocols/registration/clean_text.h); (3) no allocation in the steady state.
// Ownership:  the registration borrows from the parser until its next parse(). The body is copied.
// Errors:     Problem.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "protocols/registration/registration.h"

namespace zonesweep::rdap {

namespace limits {
inline constexpr size_t kBodyBytes = 4 * 1024 * 1024;  // FAULTS 3.4, after inflating
inline constexpr size_t kDepth = 64;                   // FAULTS 3.4; real answers nest 12 deep
inline constexpr size_t kValueBytes = 1024;            // of one field; longer text is prose
inline constexpr size_t kNameservers = 64;
inline constexpr size_t kHostAddresses = 256;
inline constexpr size_t kStatuses = 64;
inline constexpr size_t kEntities = 64;  // looked at, on two levels
}  // namespace limits

enum class Problem : uint8_t {
  none,
  too_large,
  not_json,  // also: invalid UTF-8, truncated, trailing bytes
  too_deep,
  not_an_object,  // valid JSON of another shape
  duplicate,      // a member that says what object this is, twice
  wrong_class,    // an RDAP object that is no domain
  other_name,     // a domain, but not the one that was asked for
};
[[nodiscard]] std::string_view name_of(Problem problem) noexcept;

struct Details {
  uint16_t error_code = 0;  // of an error object
  // Members whose values nothing could be made of: the answer is partial.
  uint32_t damaged = 0;
};

class Parser {
 public:
  Parser();
  ~Parser();
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // `name`: A-labels, lower case, no final dot; empty: any domain.
  [[nodiscard]] Problem parse(std::string_view body, std::string_view name,
                              registration::Registration& out);
  [[nodiscard]] const Details& details() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace zonesweep::rdap
