#include "protocols/whois/servers.h"

#include <gtest/gtest.h>

#include "protocols/whois/labels.h"
#include "protocols/whois/session.h"

namespace zonesweep::whois {
namespace {

TEST(WhoisServers, are_found_by_the_longest_zone) {
  EXPECT_EQ(server_for("example.de").server, "whois.denic.de");
  EXPECT_EQ(server_for("example.com").server, "whois.verisign-grs.com");
  EXPECT_EQ(server_for("example.uk.com").zone, "uk.com");
  EXPECT_EQ(server_for("example.academy").server, "whois.nic.academy");
}

TEST(WhoisServers, are_not_guessed_for_unknown_zones) {
  EXPECT_EQ(server_for("example.nosuchzone").server, "");
  EXPECT_EQ(server_for("").server, "");
  EXPECT_EQ(server_for(".").server, "");
}

TEST(WhoisServers, get_the_query_they_want) {
  std::string query;
  append_query("whois.denic.de", "example.de", query);
  EXPECT_EQ(query, "-T dn,ace example.de\r\n");
  query.clear();
  append_query("whois.jprs.jp", "example.jp", query);
  EXPECT_EQ(query, "example.jp/e\r\n");
  query.clear();
  append_query("whois.unheard.example", "example.org", query);
  EXPECT_EQ(query, "example.org\r\n");
}

TEST(WhoisServers, write_dates_as_their_country_does) {
  using registration::DateOrder;
  EXPECT_EQ(conventions_of("", "fr").order, DateOrder::day_first);
  EXPECT_EQ(conventions_of("", "us").order, DateOrder::month_first);
  EXPECT_EQ(conventions_of("", "com").order, DateOrder::unknown);
  EXPECT_EQ(conventions_of("", "tv").order, DateOrder::unknown);
  EXPECT_EQ(conventions_of("whois.kg", "kg").charset, "windows-1251");
}

TEST(Labels, are_found_in_any_spelling) {
  for (const char* label :
       {"Name Server", "name server 2", "NAME-SERVER:", "[Name Server]", "Name_Server..."}) {
    ASSERT_NE(find_label(label), nullptr) << label;
    EXPECT_EQ(find_label(label)->meaning_in(Section::none)->field, Field::nameserver) << label;
  }
  ASSERT_NE(find_label("Fecha de Creación"), nullptr);
  EXPECT_EQ(find_label("no label of any registry"), nullptr);
  EXPECT_EQ(find_label(std::string(1000, 'a')), nullptr);
}

TEST(WhoisSession, ends_only_when_the_peer_closes) {
  Session session;
  EXPECT_EQ(session.start("whois.example", "example.org"), Session::Step::send);
  const std::string answer = "Domain: example.org\r\n";
  for (const char c : answer) {
    EXPECT_EQ(session.received(std::as_bytes(std::span{&c, 1})), Session::Step::need_bytes);
  }
  EXPECT_EQ(session.peer_closed(), Session::Step::done);
  EXPECT_EQ(session.answer(), answer);
  EXPECT_FALSE(session.cut());
}

TEST(WhoisSession, keeps_what_came_before_a_reset) {
  Session session;
  (void)session.start("whois.example", "example.org");
  (void)session.received(std::as_bytes(std::span{std::string_view{"Quota exceeded\r\n"}}));
  EXPECT_EQ(session.interrupted(), Session::Step::done);
  EXPECT_TRUE(session.cut());
  EXPECT_EQ(session.answer(), "Quota exceeded\r\n");
}

TEST(WhoisSession, stops_an_endless_answer) {
  Session session;
  (void)session.start("whois.example", "example.org");
  const std::string flood(64 * 1024, 'x');
  auto step = Session::Step::need_bytes;
  size_t sent = 0;
  while (step == Session::Step::need_bytes) {
    step = session.received(std::as_bytes(std::span{flood}));
    sent += flood.size();
  }
  EXPECT_EQ(step, Session::Step::too_large);
  EXPECT_LE(sent, limits::kAnswerBytes + flood.size());
  EXPECT_EQ(session.answer().size(), limits::kAnswerBytes);
}

}  // namespace
}  // namespace zonesweep::whois
