#include "protocols/registration/date.h"

#include <gtest/gtest.h>

#include <string>

namespace zonesweep::registration {
namespace {

std::string iso(std::string_view text, DateOrder order = DateOrder::unknown) {
  std::string out;
  append_iso(date_from_text(text, order), out);
  return out;
}

TEST(Date, reads_iso_with_and_without_time_and_zone) {
  EXPECT_EQ(iso("2014-03-27"), "2014-03-27");
  EXPECT_EQ(iso("2014/03/27"), "2014-03-27");
  EXPECT_EQ(iso("2010-2-14"), "2010-02-14");
  EXPECT_EQ(iso("2014-03-27T04:00:00Z"), "2014-03-27T04:00:00Z");
  EXPECT_EQ(iso("2014-03-27T04:00:00.123456Z"), "2014-03-27T04:00:00Z");
  EXPECT_EQ(iso("2014-03-27 04:00:00"), "2014-03-27T04:00:00");
  EXPECT_EQ(iso("2010-03-08T04:00:00.0Z"), "2010-03-08T04:00:00Z");
  EXPECT_EQ(iso("2009-10-02 21:37:00Z"), "2009-10-02T21:37:00Z");
  EXPECT_EQ(iso("2026-07-12T11:12:35.988898+00:00"), "2026-07-12T11:12:35Z");
  EXPECT_EQ(iso("2003-03-28 00:00:00+01:00"), "2003-03-27T23:00:00Z");
  EXPECT_EQ(iso("2023-07-05T00:00:00"), "2023-07-05T00:00:00");
  EXPECT_EQ(iso("2013-12-02/14:12:36"), "2013-12-02T14:12:36");
}

TEST(Date, converts_the_zones_it_knows_and_leaves_the_ambiguous_ones) {
  EXPECT_EQ(iso("2018/12/01 01:01:57 (JST)"), "2018-11-30T16:01:57Z");
  EXPECT_EQ(iso("1999-06-07 14:01:43 (GMT+0:00)"), "1999-06-07T14:01:43Z");
  EXPECT_EQ(iso("2024-01-15 06:59:05 (UTC+8)"), "2024-01-14T22:59:05Z");
  EXPECT_EQ(iso("07-01-1998 00:00:00 GMT+1", DateOrder::day_first), "1998-01-06T23:00:00Z");
  EXPECT_EQ(iso("Mar 25 01:57:22 PDT 2009"), "2009-03-25T08:57:22Z");
  EXPECT_EQ(iso("Fri Mar 29 22:03:53 GMT 2002"), "2002-03-29T22:03:53Z");
  EXPECT_EQ(iso("Fri, 21 Nov 2014 01:00:00 +0200"), "2014-11-20T23:00:00Z");
  EXPECT_EQ(iso("2014-03-27 04:00:00 CST"), "2014-03-27T04:00:00");
  EXPECT_EQ(iso("31 Oct 2002 00:00 UTC"), "2002-10-31T00:00:00Z");
}

TEST(Date, crosses_months_and_years_when_it_converts) {
  EXPECT_EQ(iso("2013-01-01 00:30:00+0100"), "2012-12-31T23:30:00Z");
  EXPECT_EQ(iso("2012-12-31 23:30:00-0100"), "2013-01-01T00:30:00Z");
  EXPECT_EQ(iso("2012-02-28 23:30:00-0100"), "2012-02-29T00:30:00Z");
}

TEST(Date, reads_month_names_in_any_place) {
  EXPECT_EQ(iso("12-nov-2013"), "2013-11-12");
  EXPECT_EQ(iso("06 Sep 2025"), "2025-09-06");
  EXPECT_EQ(iso("02nd August 2000"), "2000-08-02");
  EXPECT_EQ(iso("28th April 2014"), "2014-04-28");
  EXPECT_EQ(iso("Monday 16th March 2026"), "2026-03-16");
  EXPECT_EQ(iso("Friday 7th November 2003"), "2003-11-07");
  EXPECT_EQ(iso("March 25, 2009"), "2009-03-25");
  EXPECT_EQ(iso("10:51:43 02-May-2012"), "2012-05-02T10:51:43");
  EXPECT_EQ(iso("30th April 2003 at 00:00:00.000"), "2003-04-30T00:00:00");
  EXPECT_EQ(iso("15-Mar-99"), "1999-03-15");
  EXPECT_EQ(iso("2012-Apr-16."), "2012-04-16");
  EXPECT_EQ(iso("13 de agosto de 2004"), "2004-08-13");
  EXPECT_EQ(iso("Aug-1996"), "1996-08");
}

TEST(Date, reads_the_layouts_of_single_registries) {
  EXPECT_EQ(iso("2014. 03. 27."), "2014-03-27");
  EXPECT_EQ(iso("20140327 #12345"), "2014-03-27");
  EXPECT_EQ(iso("20241113 19:36:02"), "2024-11-13T19:36:02");
  EXPECT_EQ(iso("20140327093015"), "2014-03-27T09:30:15");
  EXPECT_EQ(iso("cm@nic.priv.at 20021013"), "2002-10-13");
  EXPECT_EQ(iso("30.6.2006 00:00:00"), "2006-06-30T00:00:00");
  EXPECT_EQ(iso("07.11.2008 22:02:11"), "2008-11-07T22:02:11");
  EXPECT_EQ(iso("2007-04-29 4:09:23 pm"), "2007-04-29T16:09:23");
}

TEST(Date, takes_the_order_of_slashed_dates_from_the_digits_or_the_caller_and_never_guesses) {
  EXPECT_EQ(iso("03/27/2014"), "2014-03-27");
  EXPECT_EQ(iso("27/03/2014"), "2014-03-27");
  EXPECT_EQ(iso("03/04/2014", DateOrder::day_first), "2014-04-03");
  EXPECT_EQ(iso("03/04/2014", DateOrder::month_first), "2014-03-04");
  EXPECT_EQ(iso("03/04/2014"), "2014");
  EXPECT_EQ(iso("04/04/2014"), "2014-04-04");
  EXPECT_EQ(iso("09/01/2003 00:00:00", DateOrder::day_first), "2003-01-09T00:00:00");
  EXPECT_EQ(order_of("28/02/2027 23:59:00"), DateOrder::day_first);
  EXPECT_EQ(order_of("03/27/2014"), DateOrder::month_first);
  EXPECT_EQ(order_of("03/04/2014"), DateOrder::unknown);
}

TEST(Date, keeps_a_bound_apart_from_a_date) {
  const Date date = date_from_text("before Aug-1996", DateOrder::unknown);
  EXPECT_TRUE(date.before);
  EXPECT_EQ(date.precision, Precision::month);
  EXPECT_EQ(iso("before Aug-1996"), "");
}

TEST(Date, refuses_what_is_no_date) {
  for (const char* text : {"",
                           "null",
                           "None",
                           "see at www.register.bg",
                           "0000-00-00",
                           "2014-13-01",
                           "2013-02-30",
                           "99999-01-01",
                           "-5",
                           "until expiry date",
                           "Registered until cancelled",
                           "1234567890123456789",
                           "192.0.2.1",
                           "12",
                           "12:30",
                           "mmmm",
                           "0000-00-00 00:00:00",
                           "2014-03",
                           ":",
                           "@",
                           "a@b",
                           "a@b c@d e@f g@h i@j k@l m@n o@p",
                           "Not Available",
                           "03/27/20145"}) {
    EXPECT_NE(date_from_text(text, DateOrder::day_first).precision, Precision::day) << text;
    EXPECT_NE(date_from_text(text, DateOrder::day_first).precision, Precision::second) << text;
  }
}

TEST(Date, never_reads_past_any_prefix) {
  const std::string text = "Fri, 21 Nov 2014 01:00:00.123 +0200 (2014-03-27T04:00:00Z) 27/03/2014";
  for (size_t from = 0; from < text.size(); ++from) {
    for (size_t size = 0; from + size <= text.size(); ++size) {
      const std::string part = text.substr(from, size);
      const Date date = date_from_text(part, DateOrder::day_first);
      EXPECT_LE(date.month, 12);
      EXPECT_LE(date.day, 31);
    }
  }
}

}  // namespace
}  // namespace zonesweep::registration
