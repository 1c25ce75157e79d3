// protocols/registration/date.h - dates as registries write them.
//
// Threads:    pure functions and value types.
// Invariants: (1) a Date never claims more than its text: precision says how much of it is known,
//             `utc` whether the text gave a zone (then it is converted); (2) the zone of this
//             machine is never used.
// Errors:     text that is no date is a Date with Precision::none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace zonesweep::registration {

enum class Precision : uint8_t { none, year, month, day, second };

struct Date {
  int16_t year = 0;
  uint8_t month = 0;
  uint8_t day = 0;
  uint8_t hour = 0;
  uint8_t minute = 0;
  uint8_t second = 0;
  Precision precision = Precision::none;
  bool utc = false;     // hour, minute and second are UTC; else the wall clock of the server
  bool before = false;  // an upper bound: "before Aug-1996"

  [[nodiscard]] bool known() const noexcept { return precision != Precision::none; }
  friend bool operator==(const Date&, const Date&) = default;
};

namespace limits {
inline constexpr size_t kDateTextBytes = 128;  // longer values are prose; the longest layout has 45
inline constexpr int kYearMin = 1960;          // older than any registry
inline constexpr int kYearMax = 9999;          // "9999-12-31" stands for "never"
}  // namespace limits

// How 03/04/2014 is meant where the digits do not tell.
enum class DateOrder : uint8_t { unknown, day_first, month_first };

// The date that `text` begins with or consists of, blanks and punctuation around it ignored.
// An ambiguous d/m/y with DateOrder::unknown has the precision of its year.
[[nodiscard]] Date date_from_text(std::string_view text, DateOrder order) noexcept;

// What the digits of one value prove: 27/03/2014 is day_first. unknown when they prove nothing.
[[nodiscard]] DateOrder order_of(std::string_view text) noexcept;

// ISO 8601 at its precision: 2014, 2014-03, 2014-03-27, 2014-03-27T10:00:00, and ...Z when in UTC.
// Nothing for none, and nothing for `before`: a bound is no date.
void append_iso(const Date& date, std::string& out);

}  // namespace zonesweep::registration
