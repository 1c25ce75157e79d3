#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/registration_record.h"
#include "protocols/whois/parser.h"
#include "tools/loopback/registration_expect.h"
#include "tools/loopback/whois_responder.h"
#include "tools/loopback/whois_text.h"

namespace zonesweep::loopback {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const World kDns;
const RegistrationWorld kWorld{kDns, {}};

WhoisPlan ask(std::string_view host, std::string_view line) {
  WhoisResponder responder{kWorld, 1};
  return responder.respond(responder.read(kWorld.address_of(host), line));
}

TEST(WhoisResponder, understands_what_clients_put_around_a_name) {
  WhoisResponder responder{kWorld, 1};
  const uint32_t address = kWorld.address_of("whois.nic.w1");
  for (const char* line : {"name1.w1", "NAME1.W1.", "domain name1.w1", "=name1.w1",
                           "domain=name1.w1", "-T dn,ace name1.w1", "name1.w1/e"}) {
    EXPECT_EQ(responder.read(address, line).name, "name1.w1") << line;
    EXPECT_EQ(responder.read(address, line).host, "whois.nic.w1") << line;
  }
}

TEST(WhoisResponder, the_root_refers_to_the_zone_and_the_zone_to_the_registrar) {
  EXPECT_THAT(ask(kRootWhoisHost, "w2").text, HasSubstr("refer:        whois.nic.w2:4343\r\n"));
  EXPECT_THAT(ask(kRootWhoisHost, "r2").text, testing::Not(HasSubstr("refer:")));
  const Holding holding = kWorld.look_up("name1.w2");
  const std::string registrar = registrar_whois_host(holding.registrar);
  EXPECT_THAT(ask("whois.nic.w2", "name1.w2").text,
              HasSubstr(fmt::format("Registrar WHOIS Server: {}:4343\r\n", registrar)));
  EXPECT_THAT(ask(registrar, "name1.w2").text,
              HasSubstr("Registrar Registration Expiration Date:"));
}

TEST(WhoisResponder, a_server_has_its_own_zone_only) {
  EXPECT_EQ(ask("whois.nic.w1", "name1.w2").text, "TLD is not supported.\r\n");
  EXPECT_EQ(ask("whois.reg1.test", "f-r404.w2").text, "TLD is not supported.\r\n");
}

// What our own reader makes of an answer with a fault is among what the world expects of it.
TEST(WhoisResponder, the_expected_row_of_each_fault_is_what_its_text_says) {
  whois::Parser parser;
  registration::Registration out;
  for (const std::string_view word : registration_fault_words()) {
    const std::string name = fmt::format("f-{}.w1", word);
    const WhoisPlan plan = ask("whois.nic.w1", name);
    const bool whole = plan.end == WhoisPlan::End::orderly || plan.end == WhoisPlan::End::never;
    const bool patient = plan.drip_bytes == 0;
    if (!whole || !patient || plan.text.empty()) continue;
    const whois::Problem problem =
        parser.parse(plan.text, {.name = name, .server = "whois.nic.w1"}, out);
    const bool too_large = problem == whois::Problem::line_too_long ||
                           problem == whois::Problem::too_many_lines ||
                           problem == whois::Problem::answer_too_long;
    const std::string_view status = problem == whois::Problem::none
                                        ? name_of(engine::status_of(out))
                                    : too_large ? "TOO_LARGE"
                                                : "BAD_DATA";
    EXPECT_THAT(expected_registration(kWorld, name, RegistrationProbe::whois),
                HasSubstr(fmt::format("\"{}\"", status)))
        << word << '\n'
        << plan.text.substr(0, 300);
  }
}

TEST(WhoisResponder, faults_shape_the_end) {
  EXPECT_EQ(ask("whois.nic.w1", "f-wrst-10.w1").end, WhoisPlan::End::reset);
  EXPECT_EQ(ask("whois.nic.w1", "f-wrst-10.w1").text.size(), 10U);
  EXPECT_EQ(ask("whois.nic.w1", "f-wmute.w1").end, WhoisPlan::End::never);
  EXPECT_EQ(ask("whois.nic.w1", "f-wslow-5.w1").drip_gap, std::chrono::milliseconds{5});
  EXPECT_EQ(ask("whois.nic.w1", "f-wflood.w1").end, WhoisPlan::End::flood);
  EXPECT_EQ(ask("whois.nic.w1", "f-wlate-7.w1").delay, std::chrono::milliseconds{7});
  EXPECT_EQ(ask("whois.nic.f-wempty-3", "x.f-wempty-3").text, "");
  EXPECT_THAT(ask("whois.nic.w1", "f-wref-1.w1").text,
              HasSubstr("Registrar WHOIS Server: 169.254.169.254\r\n"));
  EXPECT_THAT(ask("whois.nic.w1", "f-wloop.w1").text,
              HasSubstr("Registrar WHOIS Server: whois.nic.w1:4343\r\n"));
}

TEST(WhoisResponder, nothing_but_free_names_is_ever_available) {
  whois::Parser parser;
  registration::Registration out;
  for (const std::string_view word : registration_fault_words()) {
    for (uint32_t number = 0; number < 12; ++number) {
      const std::string name = fmt::format("f-{}-{}.w0", word, number);
      if (!kWorld.look_up(name).registered) continue;
      const WhoisPlan plan = ask("whois.nic.w0", name);
      (void)parser.parse(plan.text, {.name = name, .server = "whois.nic.w0"}, out);
      EXPECT_NE(out.outcome, registration::Outcome::available) << name;
    }
  }
}

}  // namespace
}  // namespace zonesweep::loopback
