// protocols/zone/zone_file.h - master files (RFC 1035 section 5, RFC 2308 $TTL, BIND's $GENERATE)
// to delegated names.
//
// Lines of the shape `owner [TTL] [class] type data` without quotes, escapes, comments and
// parentheses, which is all that a large zone has, are read by plain_lines() from bit masks; every
// other entry goes through read_record(). Both accept the same lines and give the same names; a
// test holds one against the other.
//
// Threads:    one.
// Invariants: linear time, fixed memory, no recursion, no other file is opened ($INCLUDE is an
//             error).
// Errors:     malformed text ends the file; TextError::line is the line it is on.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "protocols/zone/delegations.h"
#include "protocols/zone/generate.h"
#include "protocols/zone/parser.h"
#include "protocols/zone/record.h"
#include "protocols/zone/scan.h"
#include "protocols/zone/words.h"

namespace zonesweep::zone {

struct ZoneOptions {
  std::string origin;  // of relative names before the first $ORIGIN; empty: none
  uint64_t key = 0;    // secret of this run, for the hashes of names
  bool plain = true;   // false: every line goes the long way
  Classify classify = best_classify();
  size_t seen_buckets = limits::kSeenBuckets;
};

class ZoneParser final : public Parser {
 public:
  explicit ZoneParser(ZoneOptions options);
  [[nodiscard]] std::expected<Step, TextError> parse(TextBuffer& in, Output& out) override;

 private:
  using Failure = std::optional<std::string>;
  struct Fields;  // of one plain line

  [[nodiscard]] Failure begin(TextBuffer& in);
  [[nodiscard]] std::expected<const char*, TextError> entries(const char* at, const char* end,
                                                              bool ended, Output& out);

  // Takes what plain lines it can from [at, end) and returns where it stopped.
  const char* plain_lines(const char* at, const char* end, Output& out);
  const char* plain_line(const char* at, const char* end, Output& out);
  [[nodiscard]] bool plain_fields(const char* line, uint64_t words, Fields& fields);
  [[nodiscard]] bool plain_time(const char* token, unsigned size);
  [[nodiscard]] bool plain_owner(const char* token, unsigned size, uint64_t dots);
  [[nodiscard]] bool one_word(const char* data, uint64_t starts, bool whole) const;

  // One entry, of any shape. The number of bytes taken; 0: needs more text.
  [[nodiscard]] std::expected<size_t, TextError> any_entry(std::string_view text, bool ended,
                                                           Output& out);
  [[nodiscard]] Failure directive(const Record& record);
  [[nodiscard]] Failure set_origin(const Token& token);
  [[nodiscard]] Failure generate(const Record& record);
  [[nodiscard]] Failure generate_names(Output& out);
  [[nodiscard]] Failure resource(const Record& record, Output& out);
  [[nodiscard]] Failure set_owner(const Token& token);
  [[nodiscard]] const ZoneName& owner();
  // Reads [TTL] [class] type from token `at` on; moves `at` behind the type.
  [[nodiscard]] Failure read_type(const Record& record, size_t& at, TypeWord& type,
                                  bool& internet) const;

  struct Generation {
    std::string pattern;
    Range range;
    uint64_t next = 0;
    uint64_t line = 0;
    std::string name;  // room for one
  };

  ZoneOptions options_;
  MaskWindow window_;
  Delegations delegations_;
  bool begun_ = false;
  bool in_comment_ = false;  // one that fills the text
  uint64_t line_ = 1;        // of the next byte
  size_t wait_for_ = 0;      // bytes of text before an unfinished entry is tried again
  std::optional<Generation> generation_;
  uint64_t generated_ = 0;

  std::unique_ptr<ZoneName> origin_;
  // The owner of the last record, as written and, where owner() was called for it, as a name.
  std::array<char, limits::kNameTextBytes> token_{};
  unsigned token_size_ = 0;   // 0: there is none, or $ORIGIN has changed since
  bool token_plain_ = false;  // at most 63 bytes, no escapes
  uint64_t token_dots_ = 0;   // if plain: where they are
  bool owner_done_ = false;   // its delegation has been decided
  std::unique_ptr<ZoneName> owner_;
  bool owner_current_ = false;
  uint64_t time_ = 0;  // the last plain TTL, as written
};

}  // namespace zonesweep::zone
