// protocols/zone/parser.h - what the readers of lists, CSV and master files have in common.
//
// Threads:    one.
// Invariants: however the text is cut into pieces, the same names come out.
// Errors:     TextError is final; every name before it is already in the block.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "protocols/zone/name_block.h"
#include "protocols/zone/text_buffer.h"

namespace zonesweep::zone {

enum class Step : uint8_t {
  need_text,   // consumed what it could; give more, or finish() the buffer
  block_full,  // `limit` names are in the block
  ended,       // the buffer has ended and nothing is left
};

struct TextError {
  uint64_t line = 0;    // from 1
  std::string message;  // what is wrong and what to do
};

struct Counts {
  uint64_t names = 0;  // appended, illegal ones included
  uint64_t illegal = 0;
  uint64_t skipped = 0;      // blank lines, comments, CSV headers
  uint64_t duplicates = 0;   // delegations seen before
  uint64_t out_of_zone = 0;  // NS owners outside the apex

  Counts& operator+=(const Counts& other) noexcept {
    names += other.names;
    illegal += other.illegal;
    skipped += other.skipped;
    duplicates += other.duplicates;
    out_of_zone += other.out_of_zone;
    return *this;
  }
};

// Where names go. `seq` is that of the next name.
struct Output {
  NameBlock& block;
  size_t limit;  // of block.names.size()
  uint64_t seq;

  [[nodiscard]] bool full() const noexcept { return block.names.size() >= limit; }
};

class Parser {
 public:
  virtual ~Parser() = default;
  [[nodiscard]] virtual std::expected<Step, TextError> parse(TextBuffer& in, Output& out) = 0;
  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

 protected:
  Counts counts_;
};

}  // namespace zonesweep::zone
