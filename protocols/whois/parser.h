// protocols/whois/parser.h - the text of a WHOIS answer to a registration.
//
// Threads:    none; one Parser per lane. Its tables are shared and immutable.
// Invariants: (1) Outcome::available only by a rule for an explicit negative answer, in an answer
//             that holds no registration data, and for the asked name; (2) the same row for LF and
//             CRLF; (3) time is linear in the bytes; (4) no allocation in the steady state.
// Ownership:  the registration borrows from the answer and from the parser, until the next parse().
// Errors:     Problem: why the answer is no data. `out` is empty then but for the outcome.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocols/registration/registration.h"
#include "protocols/registration/text_arena.h"
#include "protocols/whois/collector.h"
#include "protocols/whois/outcome.h"
#include "protocols/whois/text.h"

namespace zonesweep::whois {

enum class Problem : uint8_t {
  none,
  answer_too_long,
  line_too_long,
  too_many_lines,
  binary,
  not_whois,   // HTML, HTTP, or the banner of a mail server
  other_name,  // all its records are about other names
};
[[nodiscard]] std::string_view name_of(Problem problem) noexcept;

class Parser {
 public:
  Parser() noexcept : collector_(arena_) {}

  [[nodiscard]] Problem parse(std::string_view answer, const Question& question,
                              registration::Registration& out);

 private:
  [[nodiscard]] Outcome conclude(std::span<const Line> lines, const Question& question,
                                 registration::Registration& out);

  TextReader reader_;
  registration::TextArena arena_;
  Collector collector_;
  OutcomeReader outcomes_;
};

}  // namespace zonesweep::whois
