#include "protocols/zone/record.h"

#include <algorithm>
#include <string>

#include "protocols/zone/words.h"

namespace zonesweep::zone {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
constexpr bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}
constexpr bool ends_token(char c) {
  return is_blank(c) || c == '\n' || c == ';' || c == '(' || c == ')' || c == '"';
}

class Tokenizer {
 public:
  Tokenizer(std::string_view text, bool ended) : text_(text), ended_(ended) {}

  std::expected<Record, TextError> run() {
    record_.owner_omitted = !text_.empty() && is_blank(text_[0]);
    while (!done_ && error_.empty() && at_ < text_.size()) step();
    if (!error_.empty()) return std::unexpected(TextError{record_.lines, std::move(error_)});
    if (!done_) return end_of_text();
    if (at_ > limits::kRecordBytes) return too_long();
    record_.size = at_;
    return record_;
  }

 private:
  void step() {
    switch (const char c = text_[at_]) {
      case ' ':
      case '\t':
      case '\r': ++at_; return;
      case '\n': return end_line();
      case ';': return comment();
      case '(': return open();
      case ')': return close();
      case '"': return quoted();
      default: return is_control(c) ? control(c) : word();
    }
  }

  void end_line() {
    ++at_;
    ++record_.lines;
    if (depth_ != 0) return;
    record_.form = record_.tokens == 0 ? Record::Form::blank : Record::Form::record;
    done_ = true;
  }

  void comment() {
    const size_t end = text_.find('\n', at_);
    if (end != text_.npos) {
      at_ = end;
    } else {
      at_ = text_.size();
      if (record_.tokens == 0 && depth_ == 0) {
        record_.form = Record::Form::open_comment;
        done_ = true;
      }
    }
  }

  void open() {
    if (depth_ == 0) opened_at_ = record_.lines;
    if (++depth_ > limits::kParentheses) error_ = "too many open parentheses";
    ++at_;
  }

  void close() {
    if (depth_ == 0) {
      error_ = "')' without '('";
      return;
    }
    --depth_;
    ++at_;
  }

  void quoted() {
    const size_t from = ++at_;
    size_t octets = 0;
    for (; at_ < text_.size() && text_[at_] != '"'; ++octets) {
      const char c = text_[at_];
      if (c == '\n') {
        error_ = "a quote is not closed on its line";
        return;
      }
      if (is_control(c) && c != '\t' && c != '\r') return control(c);
      if (!skip_octet()) return;
    }
    if (at_ == text_.size()) return;  // incomplete
    add(text_.substr(from, at_ - from), true, octets);
    ++at_;
  }

  void word() {
    const size_t from = at_;
    size_t octets = 0;
    for (; at_ < text_.size() && !ends_token(text_[at_]); ++octets) {
      if (is_control(text_[at_])) return control(text_[at_]);
      if (!skip_octet()) return;
    }
    if (at_ == text_.size()) return;  // incomplete
    add(text_.substr(from, at_ - from), false, octets);
  }

  // Moves over one byte or one escape; false at the end of the text or on an error.
  bool skip_octet() {
    if (text_[at_] != '\\') {
      ++at_;
      return true;
    }
    const std::string_view rest = text_.substr(at_ + 1, 3);
    if (rest.empty() || (is_digit(rest[0]) && rest.size() < 3 && rest.find('\n') == rest.npos)) {
      at_ = text_.size();
      return false;
    }
    if (is_digit(rest[0])) {
      const bool digits = rest.size() == 3 && is_digit(rest[1]) && is_digit(rest[2]);
      if (!digits || rest > "255") {
        error_ = "bad escape '\\" + std::string(rest.substr(0, rest.find('\n'))) +
                 "': \\000 to \\255, or \\ and a character";
        return false;
      }
      at_ += 4;
      return true;
    }
    if (is_control(rest[0])) {
      error_ = "'\\' at the end of a line or before a control byte";
      return false;
    }
    at_ += 2;
    return true;
  }

  void add(std::string_view text, bool is_quoted, size_t octets) {
    if (record_.tokens < record_.head.size()) record_.head[record_.tokens] = {text, is_quoted};
    if (record_.tokens != 0) record_.longest_string = std::max(record_.longest_string, octets);
    ++record_.tokens;
    record_.octets += octets;
  }

  void control(char c) {
    constexpr std::string_view hex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    error_ = std::string("control byte 0x") + hex[byte >> 4] + hex[byte & 15] +
             "; write it as an escape, \\DDD";
  }

  std::expected<Record, TextError> end_of_text() {
    if (text_.size() > limits::kRecordBytes) return too_long();
    if (!ended_) return Record{};
    return std::unexpected(TextError{opened_at_, "'(' is never closed"});
  }

  std::unexpected<TextError> too_long() {
    return std::unexpected(TextError{0, "a record of more than 1 MiB"});
  }

  std::string_view text_;
  bool ended_;
  bool done_ = false;
  size_t at_ = 0;
  uint32_t depth_ = 0;
  uint64_t opened_at_ = 0;
  std::string error_;
  Record record_;
};

}  // namespace

std::expected<Record, TextError> read_record(std::string_view text, bool ended) {
  return Tokenizer(text, ended).run();
}

}  // namespace zonesweep::zone
