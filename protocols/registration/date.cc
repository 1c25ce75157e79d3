#include "protocols/registration/date.h"

#include <array>
#include <cstdlib>
#include <iterator>
#include <optional>

namespace zonesweep::registration {
namespace {

[[nodiscard]] bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
[[nodiscard]] bool is_letter(char c) noexcept {
  const char l = lower(c);
  return (l >= 'a' && l <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

struct Word {
  std::string_view text;
  int value;
};

// Beginnings of month names, longest alternative first where one begins another.
constexpr Word kMonths[] = {
    {"jan", 1},
    {"feb", 2},
    {"mar", 3},
    {"apr", 4},
    {"may", 5},
    {"jun", 6},
    {"jul", 7},
    {"aug", 8},
    {"sep", 9},
    {"oct", 10},
    {"nov", 11},
    {"dec", 12},
    // Spanish, Portuguese, French, Italian, German, Dutch, Turkish, where they differ
    {"ene", 1},
    {"gen", 1},
    {"oca", 1},
    {"fev", 2},
    {"f\xc3\xa9v", 2},
    {"\xc5\x9fub", 2},
    {"m\xc3\xa4r", 3},
    {"maa", 3},
    {"mrt", 3},
    {"abr", 4},
    {"avr", 4},
    {"nis", 4},
    {"mai", 5},
    {"mag", 5},
    {"mei", 5},
    {"juin", 6},
    {"giu", 6},
    {"haz", 6},
    {"juil", 7},
    {"lug", 7},
    {"tem", 7},
    {"ago", 8},
    {"ao\xc3\xbb", 8},
    {"a\xc4\x9fu", 8},
    {"set", 9},
    {"eyl", 9},
    {"out", 10},
    {"okt", 10},
    {"ott", 10},
    {"eki", 10},
    {"kas", 11},
    {"dic", 12},
    {"dez", 12},
    {"d\xc3\xa9"
     "c",
     12},
    {"ara", 12}};

// Zones in minutes east of UTC. Abbreviations with two meanings (CST, IST, AST) are left out: a
// wrong zone is worse than none.
constexpr Word kZones[] = {
    {"z", 0},      {"utc", 0},     {"gmt", 0},    {"wet", 0},     {"west", 60},  {"bst", 60},
    {"cet", 60},   {"met", 60},    {"cest", 120}, {"mest", 120},  {"eet", 120},  {"eest", 180},
    {"msk", 180},  {"est", -300},  {"edt", -240}, {"cdt", -300},  {"mst", -420}, {"mdt", -360},
    {"pst", -480}, {"pdt", -420},  {"jst", 540},  {"kst", 540},   {"hkt", 480},  {"sgt", 480},
    {"brt", -180}, {"brst", -120}, {"clt", -240}, {"clst", -180}, {"art", -180}, {"aest", 600},
    {"aedt", 660}, {"nzst", 720},  {"nzdt", 780}, {"sast", 120},  {"wib", 420},  {"ict", 420},
    {"trt", 180}};

// Words that stand before or inside a date and say nothing.
constexpr std::string_view kFillers[] = {"on",  "at",  "the", "of",  "de",  "mon",
                                         "tue", "wed", "thu", "fri", "sat", "sun"};

[[nodiscard]] bool begins_with(std::string_view text, std::string_view lower_prefix) noexcept {
  if (text.size() < lower_prefix.size()) return false;
  for (size_t i = 0; i < lower_prefix.size(); ++i) {
    if (lower(text[i]) != lower_prefix[i]) return false;
  }
  return true;
}
[[nodiscard]] bool is_word(std::string_view text, std::string_view lower_word) noexcept {
  return text.size() == lower_word.size() && begins_with(text, lower_word);
}

[[nodiscard]] int month_of(std::string_view word) noexcept {
  for (const Word& month : kMonths) {
    if (begins_with(word, month.text)) return month.value;
  }
  return 0;
}

[[nodiscard]] bool is_filler(std::string_view word) noexcept {
  for (const std::string_view filler : kFillers) {
    // Weekdays may be spelled out; the others are whole words.
    if (is_word(word, filler)) return true;
    if (filler.size() == 3 && filler != "the" && begins_with(word, filler) && word.size() >= 6 &&
        is_word(word.substr(word.size() - 3), "day")) {
      return true;
    }
  }
  return false;
}

[[nodiscard]] int days_in_month(int year, int month) noexcept {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[static_cast<size_t>(month - 1)];
}

struct Number {
  int value = 0;
  int digits = 0;
};

struct Time {
  int hour = 0, minute = 0, second = 0;
};

// Reads one value from left to right; every step consumes text, so it is linear.
class Reader {
 public:
  explicit Reader(std::string_view text) noexcept : text_(text) {}

  [[nodiscard]] bool at_end() const noexcept { return at_ == text_.size(); }
  [[nodiscard]] char peek(size_t ahead = 0) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void skip(size_t count = 1) noexcept { at_ = std::min(at_ + count, text_.size()); }
  void skip_any(std::string_view characters) noexcept {
    while (!at_end() && characters.find(text_[at_]) != std::string_view::npos) ++at_;
  }
  [[nodiscard]] size_t mark() const noexcept { return at_; }
  void back_to(size_t mark) noexcept { at_ = mark; }

  [[nodiscard]] std::string_view peek_word() const noexcept {
    size_t end = at_;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }
  std::string_view word() noexcept {
    const std::string_view found = peek_word();
    at_ += found.size();
    return found;
  }
  [[nodiscard]] size_t digits_ahead() const noexcept {
    size_t end = at_;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    return end - at_;
  }
  Number number() noexcept {
    Number n;
    for (; is_digit(peek()) && n.digits < 9; ++at_, ++n.digits)
      n.value = n.value * 10 + (peek() - '0');
    return n;
  }
  // Exactly `count` digits, which the caller knows to be there.
  int fixed(int count) noexcept {
    int value = 0;
    for (; count > 0; --count, ++at_) value = value * 10 + (peek() - '0');
    return value;
  }
  [[nodiscard]] std::string_view rest() const noexcept { return text_.substr(at_); }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kDateSeparators = "-/. \t,_";

[[nodiscard]] bool is_ordinal(std::string_view word) noexcept {
  return is_word(word, "st") || is_word(word, "nd") || is_word(word, "rd") || is_word(word, "th");
}

class DateParser {
 public:
  DateParser(std::string_view text, DateOrder order) noexcept : in_(text), order_(order) {}

  [[nodiscard]] Date run() noexcept {
    if (!lead_in() || !calendar_date()) return {};
    if (!time_) {
      in_.back_to(after_date_);
      clock();
      if (time_) zone();
    }
    return finish();
  }
  [[nodiscard]] DateOrder proof() const noexcept { return proof_; }

 private:
  // Weekdays, "on", "before", and the mail address that RPSL puts before the date of a change.
  [[nodiscard]] bool lead_in() noexcept {
    for (int words = 0; words < 6; ++words) {
      in_.skip_any(" \t,([\"'.;:");
      if (in_.at_end()) return false;
      if (is_digit(in_.peek())) return skip_address_or_stay();
      const std::string_view word = in_.peek_word();
      if (word.empty()) return false;
      if (is_word(word, "before")) {
        date_.before = true;
      } else if (!is_filler(word)) {
        if (month_of(word) != 0 && in_.peek(word.size()) != '@') return true;
        if (!skip_mail_address()) return false;
        continue;
      }
      in_.skip(word.size());
    }
    return false;
  }
  [[nodiscard]] bool skip_address_or_stay() noexcept {
    (void)skip_mail_address();
    in_.skip_any(kBlanks);
    return is_digit(in_.peek());
  }
  bool skip_mail_address() noexcept {
    const std::string_view rest = in_.rest();
    const size_t end = rest.find_first_of(kBlanks);
    if (end == std::string_view::npos || rest.substr(0, end).find('@') == std::string_view::npos) {
      return false;
    }
    in_.skip(end);
    return true;
  }

  [[nodiscard]] bool calendar_date() noexcept {
    if (!is_digit(in_.peek())) return month_first_by_name();
    switch (const size_t digits = in_.digits_ahead(); digits) {
      case 14: return packed() && packed_clock();
      case 8: return packed();
      case 4: return year_first();
      case 1:
      case 2:
        if (in_.peek(digits) == ':') return clock_first();
        return day_or_month_first();
      default: return false;
    }
  }

  [[nodiscard]] bool packed() noexcept {  // 20140327
    year_ = in_.fixed(4);
    month_ = in_.fixed(2);
    day_ = in_.fixed(2);
    return done(Precision::day);
  }
  [[nodiscard]] bool packed_clock() noexcept {  // ...093015
    time_ = Time{in_.fixed(2), in_.fixed(2), in_.fixed(2)};
    zone();
    return true;
  }

  [[nodiscard]] bool year_first() noexcept {  // 2014-03-27, 2014. 03. 27., 2014-Mar-27
    year_ = in_.fixed(4);
    const char separator = in_.peek();
    const size_t mark = in_.mark();
    in_.skip_any(kDateSeparators);
    if (const int month = month_of(in_.peek_word()); month != 0) {
      (void)in_.word();
      month_ = month;
    } else if (const size_t digits = in_.digits_ahead();
               digits >= 1 && digits <= 2 && in_.peek(digits) != ':' && separator != ' ') {
      month_ = in_.number().value;
    } else {
      in_.back_to(mark);
      return in_.at_end() && done(Precision::year);
    }
    const size_t after_month = in_.mark();
    in_.skip_any(kDateSeparators);
    const size_t digits = in_.digits_ahead();
    if (digits < 1 || digits > 2 || in_.peek(digits) == ':') {
      in_.back_to(after_month);
      return done(Precision::month);
    }
    day_ = in_.number().value;
    return done(Precision::day);
  }

  [[nodiscard]] bool clock_first() noexcept {  // 10:51:43 02-May-2012
    clock();
    if (!time_) return false;
    zone();
    in_.skip_any(" \t,");
    if (const std::string_view word = in_.peek_word(); is_filler(word)) in_.skip(word.size());
    in_.skip_any(" \t,");
    const size_t digits = in_.digits_ahead();
    if (digits == 4) return year_first();
    if (digits == 1 || digits == 2) return in_.peek(digits) != ':' && day_or_month_first();
    return month_of(in_.peek_word()) != 0 && month_first_by_name();
  }

  [[nodiscard]] bool day_or_month_first() noexcept {
    const Number first = in_.number();
    if (is_ordinal(in_.peek_word())) (void)in_.word();
    const char separator = in_.peek();
    in_.skip_any(kDateSeparators);
    if (is_word(in_.peek_word(), "of") || is_word(in_.peek_word(), "de")) {
      (void)in_.word();
      in_.skip_any(kBlanks);
    }
    if (const int month = month_of(in_.peek_word()); month != 0) {
      (void)in_.word();
      day_ = first.value;
      month_ = month;
      return year_after_name();
    }
    return separator != ' ' && numeric(first, separator);
  }

  // 27/03/2014, 27.3.2014, 03/27/2014
  [[nodiscard]] bool numeric(Number first, char separator) noexcept {
    const size_t digits = in_.digits_ahead();
    if (digits < 1 || digits > 2) return false;
    const Number second = in_.number();
    if (in_.peek() == ':') return false;
    in_.skip_any(kDateSeparators);
    if (!year()) return false;
    settle_order(first.value, second.value, separator);
    switch (order_) {
      case DateOrder::day_first: day_ = first.value, month_ = second.value; break;
      case DateOrder::month_first: month_ = first.value, day_ = second.value; break;
      case DateOrder::unknown:
        if (first.value == second.value) {
          day_ = month_ = first.value;
          break;
        }
        month_ = day_ = 1;
        return done(Precision::year);
    }
    return done(Precision::day);
  }
  void settle_order(int first, int second, char separator) noexcept {
    if (first > 12 && second <= 12) proof_ = DateOrder::day_first;
    if (second > 12 && first <= 12) proof_ = DateOrder::month_first;
    if (proof_ != DateOrder::unknown) {
      order_ = proof_;
    } else if (separator == '.') {
      order_ = DateOrder::day_first;  // nobody writes m.d.y
    }
  }

  [[nodiscard]] bool month_first_by_name() noexcept {  // Mar 25 2009, Aug-1996
    month_ = month_of(in_.word());
    in_.skip_any(kDateSeparators);
    const size_t digits = in_.digits_ahead();
    if (digits == 4) {
      year_ = in_.fixed(4);
      return done(Precision::month);
    }
    if (digits < 1 || digits > 2) return false;
    day_ = in_.number().value;
    if (is_ordinal(in_.peek_word())) (void)in_.word();
    return year_after_name();
  }

  // The year may stand behind the time: Mar 25 01:57:22 PDT 2009.
  [[nodiscard]] bool year_after_name() noexcept {
    in_.skip_any(kDateSeparators);
    if (in_.peek() == '\'') in_.skip();
    if (is_word(in_.peek_word(), "de") || is_word(in_.peek_word(), "of")) {
      (void)in_.word();
      in_.skip_any(kBlanks);
    }
    const size_t digits = in_.digits_ahead();
    if (digits >= 1 && digits <= 2 && in_.peek(digits) == ':') {
      clock();
      if (!time_) return false;
      zone();
      in_.skip_any(" \t,");
    }
    return year() && done(Precision::day);
  }

  [[nodiscard]] bool year() noexcept {
    switch (in_.digits_ahead()) {
      case 4: year_ = in_.fixed(4); return true;
      case 2:
        if (in_.peek(2) == ':') return false;
        year_ = in_.fixed(2);
        year_ += year_ < 60 ? 2000 : 1900;  // the first .com is of 1985
        return true;
      default: return false;
    }
  }

  [[nodiscard]] bool done(Precision precision) noexcept {
    if (year_ < limits::kYearMin || year_ > limits::kYearMax) return false;
    if (precision >= Precision::month && (month_ < 1 || month_ > 12)) return false;
    if (precision >= Precision::day && (day_ < 1 || day_ > days_in_month(year_, month_)))
      return false;
    precision_ = precision;
    after_date_ = in_.mark();
    return true;
  }

  void clock() noexcept {
    in_.skip_any(" \t,/T[(._-");
    if (const std::string_view word = in_.peek_word(); is_word(word, "at") || is_word(word, "t")) {
      in_.skip(word.size());
      in_.skip_any(kBlanks);
    }
    const size_t digits = in_.digits_ahead();
    if (digits < 1 || digits > 2 || in_.peek(digits) != ':') return;
    Time time;
    time.hour = in_.number().value;
    in_.skip();
    if (in_.digits_ahead() != 2) return;
    time.minute = in_.fixed(2);
    if (in_.peek() == ':' && is_digit(in_.peek(1))) {
      in_.skip();
      time.second = in_.number().value;
    }
    if (in_.peek() == '.' && is_digit(in_.peek(1))) {
      in_.skip();
      while (is_digit(in_.peek())) in_.skip();
    }
    half_of_day(time);
    if (time.hour > 23 || time.minute > 59 || time.second > 60) return;
    if (time.second == 60) time.second = 59;  // a leap second has no place of its own
    time_ = time;
  }
  void half_of_day(Time& time) noexcept {
    const size_t mark = in_.mark();
    in_.skip_any(kBlanks);
    const std::string_view word = in_.peek_word();
    const bool pm = is_word(word, "pm");
    if (!pm && !is_word(word, "am")) return in_.back_to(mark);
    in_.skip(word.size());
    if (time.hour > 12) return;
    time.hour = time.hour % 12 + (pm ? 12 : 0);
  }

  void zone() noexcept {
    const size_t mark = in_.mark();
    in_.skip_any(" \t([])");
    const std::string_view word = in_.peek_word();
    bool named = false;
    for (const Word& zone : kZones) {
      if (!is_word(word, zone.text)) continue;
      offset_minutes_ = zone.value;
      named = true;
      break;
    }
    if (named) in_.skip(word.size());
    const bool numeric = numeric_zone(named);
    if (!named && !numeric) return in_.back_to(mark);
    utc_ = true;
    in_.skip_any(")]");
  }
  // +02, +0200, +2:00; behind UTC or GMT the same in brackets or not.
  bool numeric_zone(bool named) noexcept {
    const char sign = in_.peek();
    if ((sign != '+' && sign != '-') || !is_digit(in_.peek(1))) return false;
    if (named && offset_minutes_ != 0) return false;
    in_.skip();
    int hours = 0;
    int minutes = 0;
    if (in_.digits_ahead() == 4) {
      hours = in_.fixed(2);
      minutes = in_.fixed(2);
    } else {
      if (in_.digits_ahead() > 2) return false;
      hours = in_.number().value;
      if (in_.peek() == ':' && is_digit(in_.peek(1))) {
        in_.skip();
        minutes = in_.number().value;
      }
    }
    if (hours > 14 || minutes > 59) return false;
    offset_minutes_ = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
    return true;
  }

  [[nodiscard]] Date finish() noexcept {
    date_.year = static_cast<int16_t>(year_);
    date_.month = static_cast<uint8_t>(precision_ >= Precision::month ? month_ : 0);
    date_.day = static_cast<uint8_t>(precision_ >= Precision::day ? day_ : 0);
    date_.precision = precision_;
    if (precision_ != Precision::day || !time_) return date_;
    date_.precision = Precision::second;
    date_.utc = utc_;
    to_utc();
    return date_;
  }
  void to_utc() noexcept {
    int minutes = time_->hour * 60 + time_->minute - (utc_ ? offset_minutes_ : 0);
    int day = day_;
    int month = month_;
    int year = year_;
    while (minutes < 0) minutes += 1440, --day;
    while (minutes >= 1440) minutes -= 1440, ++day;
    if (day < 1) {
      if (--month < 1) month = 12, --year;
      day += days_in_month(year, month);
    } else if (day > days_in_month(year, month)) {
      day -= days_in_month(year, month);
      if (++month > 12) month = 1, ++year;
    }
    date_.year = static_cast<int16_t>(year);
    date_.month = static_cast<uint8_t>(month);
    date_.day = static_cast<uint8_t>(day);
    date_.hour = static_cast<uint8_t>(minutes / 60);
    date_.minute = static_cast<uint8_t>(minutes % 60);
    date_.second = static_cast<uint8_t>(time_->second);
  }

  Reader in_;
  DateOrder order_;
  DateOrder proof_ = DateOrder::unknown;
  Date date_;
  int year_ = 0, month_ = 0, day_ = 0;
  Precision precision_ = Precision::none;
  size_t after_date_ = 0;
  std::optional<Time> time_;
  bool utc_ = false;
  int offset_minutes_ = 0;
};

void append_padded(int value, int width, std::string& out) {
  char digits[8];
  for (int i = width - 1; i >= 0; --i, value /= 10) digits[i] = static_cast<char>('0' + value % 10);
  out.append(digits, static_cast<size_t>(width));
}

}  // namespace

Date date_from_text(std::string_view text, DateOrder order) noexcept {
  return DateParser{text.substr(0, limits::kDateTextBytes), order}.run();
}

DateOrder order_of(std::string_view text) noexcept {
  DateParser parser{text.substr(0, limits::kDateTextBytes), DateOrder::unknown};
  (void)parser.run();
  return parser.proof();
}

void append_iso(const Date& date, std::string& out) {
  if (!date.known() || date.before) return;
  append_padded(date.year, 4, out);
  if (date.precision == Precision::year) return;
  out += '-';
  append_padded(date.month, 2, out);
  if (date.precision == Precision::month) return;
  out += '-';
  append_padded(date.day, 2, out);
  if (date.precision == Precision::day) return;
  out += 'T';
  append_padded(date.hour, 2, out);
  out += ':';
  append_padded(date.minute, 2, out);
  out += ':';
  append_padded(date.second, 2, out);
  if (date.utc) out += 'Z';
}

}  // namespace zonesweep::registration
