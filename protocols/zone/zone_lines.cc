// The plain lines of a zone: the fast half of ZoneParser.
#include <bit>
#include <cstring>

#include "protocols/zone/name_text.h"
#include "protocols/zone/zone_file.h"

namespace zonesweep::zone {

static_assert(std::endian::native == std::endian::little, "words are compared as integers");

// A plain line within the 64 bytes that the masks show.
struct ZoneParser::Fields {
  unsigned owner_size = 0;  // 0: omitted
  TypeWord type = TypeWord::none;
  uint64_t data = 0;  // bits of the starts of the words behind the type
};

namespace {

constexpr uint64_t word(std::string_view letters) {
  uint64_t value = 0;
  for (size_t i = letters.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(letters[i]);
  return value;
}

constexpr uint64_t kBlanks8 = 0x2020202020202020;

// Up to eight bytes of a token, the rest zero.
uint64_t load(const char* token, unsigned size) {
  uint64_t value = 0;
  std::memcpy(&value, token, sizeof value);
  return size >= 8 ? value : value & below(8 * size);
}

// The types of a large zone. Any other goes the long way.
TypeWord plain_type(uint64_t lower_case) {
  switch (lower_case) {
    case word("ns"): return TypeWord::ns;
    case word("a"):
    case word("aaaa"):
    case word("ds"):
    case word("rrsig"):
    case word("nsec"):
    case word("nsec3"): return TypeWord::other;
    default: return TypeWord::none;
  }
}

}  // namespace

const char* ZoneParser::plain_lines(const char* at, const char* end, Output& out) {
  if (!options_.plain || !delegations_.settled()) return at;
  while (!out.full() && at < end) {
    const char* const next = plain_line(at, end, out);
    if (next == nullptr) return at;
    ++line_;
    at = next;
  }
  return at;
}

// Where the next line begins, or nullptr when this one must go the long way.
const char* ZoneParser::plain_line(const char* at, const char* end, Output& out) {
  window_.seek(at, end);
  const Masks masks = window_.at(at);
  const bool whole = masks.newline != 0;
  uint64_t line = ~uint64_t{0};
  const char* newline = nullptr;
  if (whole) {
    const auto size = static_cast<unsigned>(std::countr_zero(masks.newline));
    line = below(size);
    newline = at + size;
  } else {
    newline = window_.plain_line_end(at);
  }
  if (newline == nullptr || newline >= end || (masks.special & line) != 0) return nullptr;
  const uint64_t words = ~masks.blank & line;
  if (words == 0) {
    counts_.skipped += whole;
    return whole ? newline + 1 : nullptr;
  }
  Fields fields;
  if (!plain_fields(at, words, fields)) return nullptr;
  if (fields.type == TypeWord::ns && !one_word(at, fields.data, whole)) return nullptr;
  const bool known =
      fields.owner_size != 0 ? plain_owner(at, fields.owner_size, masks.dot) : token_plain_;
  if (!known) return nullptr;
  if (fields.type == TypeWord::ns && !owner_done_) {
    delegations_.plain_ns(token_.data(), token_size_, token_dots_, origin_.get(), out);
    owner_done_ = true;
  }
  return newline + 1;
}

// NS has one word of data. `starts` are the starts of words from there on.
bool ZoneParser::one_word(const char* line, uint64_t starts, bool whole) const {
  if ((starts & (starts - 1)) != 0) return false;
  if (whole) return true;
  const Masks masks = window_.at(line + std::countr_zero(starts));
  if (masks.newline == 0) return false;
  const uint64_t words =
      ~masks.blank & below(static_cast<unsigned>(std::countr_zero(masks.newline)));
  return (words & (words + 1)) == 0;
}

// [owner] [TTL] [class] type data; each of them must begin and, but for the data, end within the 64
// bytes.
bool ZoneParser::plain_fields(const char* line, uint64_t words, Fields& fields) {
  uint64_t starts = words & ~(words << 1);
  uint64_t ends = ~words & words << 1;
  if ((words & 1) != 0) {
    if (ends == 0) return false;
    fields.owner_size = static_cast<unsigned>(std::countr_zero(ends));
    starts &= starts - 1;
    ends &= ends - 1;
  }
  bool time = false;
  bool internet = false;
  while (starts != 0 && ends != 0) {
    const char* const token = line + std::countr_zero(starts);
    const auto size = static_cast<unsigned>(std::countr_zero(ends) - std::countr_zero(starts));
    starts &= starts - 1;
    ends &= ends - 1;
    if (starts == 0 || size > 8) return false;  // no data, or a word that is not plain
    const uint64_t lower_case =
        load(token, size) | (kBlanks8 & (size == 8 ? ~uint64_t{0} : below(8 * size)));
    if (is_digit(*token)) {
      if (time || !plain_time(token, size)) return false;
      time = true;
    } else if (lower_case == word("in")) {
      if (internet) return false;
      internet = true;
    } else {
      fields.type = plain_type(lower_case);
      fields.data = starts;
      return fields.type != TypeWord::none;
    }
  }
  return false;
}

// A whole zone has few TTLs: the last one is remembered as it was written.
bool ZoneParser::plain_time(const char* token, unsigned size) {
  const uint64_t written = load(token, size);
  if (written == time_) return true;
  for (unsigned i = 0; i < size; ++i) {
    if (!is_digit(token[i])) return false;
  }
  time_ = written;
  return true;
}

// Makes it the owner of what follows. False: it must go the long way.
bool ZoneParser::plain_owner(const char* token, unsigned size, uint64_t dots) {
  if (size == token_size_ && std::memcmp(token, token_.data(), size) == 0) return token_plain_;
  dots &= below(size);
  const bool absolute = token[size - 1] == '.';
  if (token[0] == '$' || token[0] == '@' || (dots & (dots << 1 | 1)) != 0) return false;
  if (!absolute && (origin_ == nullptr || size + 1 + origin_->wire().size() > limits::kWireName))
    return false;
  std::memcpy(token_.data(), token, 64);
  token_size_ = size;
  token_plain_ = true;
  token_dots_ = dots;
  owner_done_ = false;
  owner_current_ = false;
  return true;
}

}  // namespace zonesweep::zone
