#include "protocols/zone/zone_file.h"

#include <algorithm>
#include <cstring>

#include "protocols/zone/name_text.h"

namespace zonesweep::zone {
namespace {

// Special: what a plain line does not have: " ( ) ; \ and control bytes.
constexpr Classes zone_classes() {
  Classes classes{};
  const auto set = [&](uint8_t bit, size_t high, auto&& low) {
    classes.high[high] |= bit;
    for (size_t l = 0; l < 16; ++l) {
      if (low(l)) classes.low[l] |= bit;
    }
  };
  set(0x01, 0, [](size_t l) { return l == 0x9 || l == 0xd; });
  set(0x02, 2, [](size_t l) { return l == 0x0; });
  set(0x04, 0, [](size_t l) { return l == 0xa; });
  set(0x08, 0, [](size_t l) { return l != 0x9 && l != 0xa && l != 0xd; });
  set(0x10, 1, [](size_t) { return true; });
  set(0x20, 2, [](size_t l) { return l == 0x2 || l == 0x8 || l == 0x9; });
  set(0x40, 3, [](size_t l) { return l == 0xb; });
  // A backslash is 5c; 7f is a control byte and 5f, 7c come along: rare, and only slower.
  set(0x80, 5, [](size_t l) { return l == 0xc || l == 0xf; });
  classes.high[7] |= 0x80;
  classes.blank = 0x03;
  classes.newline = 0x04;
  classes.ordinary_or_special = 0xf8;
  classes.rest_is_special = false;
  return classes;
}

constexpr Classes kClasses = zone_classes();

std::string quoted(std::string_view text) {
  constexpr size_t shown = 80;
  return "'" + std::string(text.substr(0, shown)) + (text.size() > shown ? "..." : "") + "'";
}

std::unique_ptr<ZoneName> on_heap(ZoneName&& name) {
  return std::make_unique<ZoneName>(std::move(name));
}

// An unfinished entry is read again only when a quarter more is there, so that the time stays
// linear.
size_t worth_trying(size_t size) {
  constexpr size_t small = 4'096;
  return size < small ? 0 : std::min(size + size / 4, limits::kRecordBytes + 1);
}

}  // namespace

ZoneParser::ZoneParser(ZoneOptions options)
    : options_(std::move(options)),
      window_(kClasses, options_.classify),
      delegations_(options_.key, options_.seen_buckets, counts_) {}

ZoneParser::Failure ZoneParser::begin(TextBuffer& in) {
  begun_ = true;
  if (in.text().starts_with("\xef\xbb\xbf")) in.consume(3);
  if (options_.origin.empty()) return std::nullopt;
  const ZoneName root = *ZoneName::make(".", nullptr);
  auto origin = ZoneName::make(options_.origin, &root);
  if (!origin) return "--origin: " + origin.error();
  origin_ = on_heap(std::move(*origin));
  delegations_.origin(*origin_);
  return std::nullopt;
}

std::expected<Step, TextError> ZoneParser::parse(TextBuffer& in, Output& out) {
  if (!begun_) {
    if (in.text().size() < 3 && !in.ended()) return Step::need_text;
    if (auto failure = begin(in)) return std::unexpected(TextError{0, std::move(*failure)});
  }
  const std::string_view text = in.text();
  if (text.size() < wait_for_ && !in.ended()) return Step::need_text;
  window_.reset();
  delegations_.resume(out);
  const auto stopped = entries(text.data(), text.data() + text.size(), in.ended(), out);
  if (!stopped) {
    delegations_.finish(out);
    return std::unexpected(stopped.error());
  }
  in.consume(static_cast<size_t>(*stopped - text.data()));
  delegations_.flush(out);
  if (out.full()) return Step::block_full;
  if (!in.ended()) return Step::need_text;
  delegations_.finish(out);
  return Step::ended;
}

std::expected<const char*, TextError> ZoneParser::entries(const char* at, const char* end,
                                                          bool ended, Output& out) {
  while (true) {
    if (out.full()) delegations_.flush(out);
    if (out.full()) return at;
    if (generation_) {
      if (auto failure = generate_names(out))
        return std::unexpected(TextError{generation_->line, std::move(*failure)});
      continue;
    }
    if (at == end) return at;
    if (!in_comment_) at = plain_lines(at, end, out);
    if (at == end || out.full()) continue;
    const std::string_view rest{at, end};
    const auto taken = any_entry(rest, ended, out);
    if (!taken) return std::unexpected(taken.error());
    wait_for_ = *taken == 0 ? worth_trying(rest.size()) : 0;
    if (*taken == 0) return at;
    at += *taken;
  }
}

std::expected<size_t, TextError> ZoneParser::any_entry(std::string_view text, bool ended,
                                                       Output& out) {
  if (in_comment_) {
    const size_t end = text.find('\n');
    in_comment_ = end == text.npos;
    if (in_comment_) return text.size();
    ++line_;
    ++counts_.skipped;
    return end + 1;
  }
  const auto record = read_record(text, ended);
  if (!record)
    return std::unexpected(TextError{line_ + record.error().line, record.error().message});
  switch (record->form) {
    case Record::Form::incomplete: return size_t{0};
    case Record::Form::open_comment: in_comment_ = true; return text.size();
    case Record::Form::blank: ++counts_.skipped; break;
    case Record::Form::record: {
      const bool is_directive =
          !record->owner_omitted && !record->head[0].quoted && record->head[0].text[0] == '$';
      auto failure = is_directive ? directive(*record) : resource(*record, out);
      if (failure) return std::unexpected(TextError{line_, std::move(*failure)});
    }
  }
  line_ += record->lines;
  return record->size;
}

ZoneParser::Failure ZoneParser::directive(const Record& record) {
  const std::string_view word = record.head[0].text;
  if (equal_words(word, "$include")) {
    return "$INCLUDE is off: no other file is opened; put that file in here, or give it as an "
           "input of its own";
  }
  if (equal_words(word, "$generate")) return generate(record);
  const bool is_origin = equal_words(word, "$origin");
  if (!is_origin && !equal_words(word, "$ttl")) return "unknown directive " + quoted(word);
  if (record.tokens != 2) return std::string(word) + " needs one word behind it";
  if (is_origin) return set_origin(record.head[1]);
  if (!time_of(record.head[1].text)) return quoted(record.head[1].text) + " is no TTL";
  return std::nullopt;
}

ZoneParser::Failure ZoneParser::set_origin(const Token& token) {
  auto name = ZoneName::make(token.text, origin_.get());
  if (!name) return name.error();
  if (token_size_ != 0) (void)owner();  // it belongs to the old origin
  token_size_ = 0;
  token_plain_ = false;
  origin_ = on_heap(std::move(*name));
  delegations_.origin(*origin_);
  return std::nullopt;
}

// $GENERATE range owner [TTL] [class] type data
ZoneParser::Failure ZoneParser::generate(const Record& record) {
  if (record.tokens < 5) return std::string("$GENERATE needs a range, an owner, a type and data");
  const auto range = Range::parse(record.head[1].text);
  if (!range) return range.error();
  if (generated_ + range->size() > limits::kGeneratedRecords) {
    return "$GENERATE makes more than " + std::to_string(limits::kGeneratedRecords) +
           " records in this file";
  }
  generated_ += range->size();
  size_t at = 3;
  TypeWord type = TypeWord::none;
  bool internet = true;
  if (auto failure = read_type(record, at, type, internet)) return failure;
  if (type != TypeWord::ns || !internet) return std::nullopt;
  const std::string_view pattern = record.head[2].text;
  if (pattern.size() > limits::kGeneratedNameBytes)
    return std::string("the owner of $GENERATE is too long");
  generation_ = Generation{std::string(pattern), *range, range->start, line_, {}};
  return std::nullopt;
}

ZoneParser::Failure ZoneParser::generate_names(Output& out) {
  Generation& run = *generation_;
  while (run.next <= run.range.stop) {
    if (out.full()) return std::nullopt;
    if (const auto made = expand(run.pattern, run.next, run.name); !made) return made.error();
    const auto name = ZoneName::make(run.name, origin_.get());
    if (!name) return name.error();
    delegations_.ns(*name, out);
    run.next += run.range.step;
  }
  generation_.reset();
  return std::nullopt;
}

ZoneParser::Failure ZoneParser::resource(const Record& record, Output& out) {
  if (!record.owner_omitted) {
    if (auto failure = set_owner(record.head[0])) return failure;
  } else if (token_size_ == 0 && !owner_) {
    return std::string("a record without an owner, and none before it");
  }
  size_t at = record.owner_omitted ? 0 : 1;
  TypeWord type = TypeWord::none;
  bool internet = true;
  if (auto failure = read_type(record, at, type, internet)) return failure;
  if (type == TypeWord::text && record.longest_string > limits::kCharacterString) {
    return std::string("a character-string of more than 255 octets");
  }
  if (type == TypeWord::text && record.octets > limits::kRecordOctets) {
    return std::string("a record with more than 65,535 octets of data");
  }
  if (!internet || (type != TypeWord::ns && type != TypeWord::soa)) return std::nullopt;
  // RFC 3597: "\# size hex..." stands for any data.
  const bool generic = record.head[at].text == "\\#";
  if (type == TypeWord::ns && record.tokens != at + 1 && !generic) {
    return std::string("more than one word behind NS");
  }
  if (type == TypeWord::soa) {
    delegations_.soa(owner(), out);
  } else if (!owner_done_) {
    delegations_.ns(owner(), out);
    owner_done_ = true;
  }
  return std::nullopt;
}

ZoneParser::Failure ZoneParser::set_owner(const Token& token) {
  if (token.quoted) return std::string("a name in quotes; write odd characters as escapes");
  if (token.text == std::string_view(token_.data(), token_size_)) return std::nullopt;
  auto name = ZoneName::make(token.text, origin_.get());
  if (!name) return name.error();
  owner_ = on_heap(std::move(*name));
  owner_current_ = true;
  owner_done_ = false;
  std::ranges::copy(token.text, token_.begin());
  token_size_ = static_cast<unsigned>(token.text.size());
  token_plain_ = token_size_ < 64 && token.text != "@" && token.text != "." &&
                 token.text.find('\\') == token.text.npos;
  token_dots_ = 0;
  for (size_t i = 0; token_plain_ && i < token_size_; ++i)
    token_dots_ |= uint64_t{token.text[i] == '.'} << i;
  return std::nullopt;
}

const ZoneName& ZoneParser::owner() {
  if (!owner_current_) {
    // A plain owner was checked when it was read.
    owner_ = on_heap(std::move(*ZoneName::make({token_.data(), token_size_}, origin_.get())));
    owner_current_ = true;
  }
  return *owner_;
}

ZoneParser::Failure ZoneParser::read_type(const Record& record, size_t& at, TypeWord& type,
                                          bool& internet) const {
  bool time = false;
  bool has_class = false;
  for (; at < std::min(record.tokens, record.head.size()); ++at) {
    const Token& token = record.head[at];
    const ClassWord class_found = class_word(token.text);
    if (!token.quoted && !has_class && class_found != ClassWord::none) {
      has_class = true;
      internet = class_found == ClassWord::internet;
    } else if (!token.quoted && !time && is_digit(token.text[0])) {
      if (!time_of(token.text)) return quoted(token.text) + " is no TTL";
      time = true;
    } else {
      type = token.quoted ? TypeWord::none : type_word(token.text);
      if (type == TypeWord::none)
        return quoted(token.text) + " is no record type (a new one is written TYPEnnn)";
      ++at;
      if (at >= record.tokens && type != TypeWord::empty)
        return "no data behind " + std::string(token.text);
      return std::nullopt;
    }
  }
  return std::string("a record without a type");
}

}  // namespace zonesweep::zone
