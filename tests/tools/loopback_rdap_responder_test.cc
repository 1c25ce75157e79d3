#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "protocols/http/response.h"
#include "protocols/rdap/parser.h"
#include "tools/loopback/rdap_responder.h"

namespace zonesweep::loopback {
namespace {

using testing::HasSubstr;

const World kDns;
const RegistrationWorld kWorld{kDns, {}};

class RdapResponderTest : public testing::Test {
 protected:
  RdapPlan ask(const std::string& host, const std::string& target, uint32_t number = 1) {
    request_.method = "GET";
    request_.target = target;
    return responder_.respond(host, request_, number);
  }
  static std::string field(const RdapPlan& plan, std::string_view name) {
    for (const auto& [key, value] : plan.response.fields) {
      if (key == name) return value;
    }
    return "";
  }
  http::ServerRequest request_;
  RdapResponder responder_{kWorld, 1, "{\"services\":[]}"};
};

TEST_F(RdapResponderTest, the_registry_answers_for_its_zone_only) {
  EXPECT_EQ(ask("rdap.nic.r1", "/domain/name1.r1").response.status, 200);
  EXPECT_EQ(ask("rdap.nic.r1", "/domain/NAME1.R1.").response.status, 200);
  EXPECT_EQ(ask("rdap.nic.r1", "/domain/f-r404.r1").response.status, 404);
  EXPECT_EQ(ask("rdap.nic.r1", "/domain/name1.r2").response.status, 400);
  EXPECT_EQ(ask("rdap.nic.r1", "/help").response.status, 200);
  EXPECT_EQ(ask("rdap.nic.r1", "/nonsense").response.status, 400);
  EXPECT_EQ(ask("", "/domain/name1.r1").response.status, 421);
}

TEST_F(RdapResponderTest, zones_with_an_odd_number_pack_where_the_client_unpacks) {
  request_.accept_encoding = "gzip";
  const RdapPlan packed = ask("rdap.nic.r1", "/domain/name1.r1");
  EXPECT_EQ(field(packed, "content-encoding"), "gzip");
  http::ResponseReader reader;
  reader.status(200);
  for (const auto& [name, value] : packed.response.fields) reader.header(name, value);
  reader.head_done();
  EXPECT_EQ(reader.body(std::as_bytes(std::span{packed.response.body})), http::Problem::none);
  EXPECT_EQ(reader.finish(), http::Problem::none);
  EXPECT_THAT(reader.response().body, testing::StartsWith("{\"rdapConformance\""));
  EXPECT_EQ(field(ask("rdap.nic.r2", "/domain/name1.r2"), "content-encoding"), "");
}

TEST_F(RdapResponderTest, what_the_client_has_is_not_sent_again) {
  request_.if_none_match = field(ask("rdap.nic.r2", "/domain/name1.r2"), "etag");
  EXPECT_EQ(ask("rdap.nic.r2", "/domain/name1.r2").response.status, 304);
  request_.if_none_match = "";
  request_.if_none_match = field(ask("data.iana.test", "/rdap/dns.json"), "etag");
  EXPECT_EQ(ask("data.iana.test", "/rdap/dns.json").response.status, 304);
}

TEST_F(RdapResponderTest, hops_end_at_the_registrys_answer) {
  RdapPlan plan = ask("rdap.nic.r1", "/domain/f-rredirect-3.r1");
  const std::string host = registrar_rdap_host(kWorld.look_up("f-rredirect-3.r1").registrar);
  EXPECT_EQ(field(plan, "location"),
            fmt::format("https://{}:4443/hop/3/domain/f-rredirect-3.r1", host));
  plan = ask(host, "/hop/3/domain/f-rredirect-3.r1");
  EXPECT_EQ(field(plan, "location"), "/hop/2/domain/f-rredirect-3.r1");
  plan = ask(host, "/hop/1/domain/f-rredirect-3.r1");
  EXPECT_EQ(plan.response.status, 200);
}

TEST_F(RdapResponderTest, the_registrar_has_data_of_its_own) {
  const Holding holding = kWorld.look_up("name1.r1");
  const std::string host = registrar_rdap_host(holding.registrar);
  const RdapPlan plan = ask(host, "/domain/name1.r1");
  EXPECT_THAT(plan.response.body, HasSubstr("\"registrar expiration\""));
  EXPECT_EQ(ask("rdap.reg0.test", "/domain/name1.r1").response.status,
            holding.registrar == 0 ? 200 : 400);
}

TEST_F(RdapResponderTest, goaway_comes_behind_the_last_request_that_it_looks_at) {
  EXPECT_FALSE(ask("rdap.nic.f-rgoaway-3-0", "/domain/a.f-rgoaway-3-0", 2).last);
  EXPECT_TRUE(ask("rdap.nic.f-rgoaway-3-0", "/domain/a.f-rgoaway-3-0", 3).last);
}

TEST_F(RdapResponderTest, throttling_says_when_to_come_back) {
  EXPECT_EQ(field(ask("rdap.nic.r1", "/domain/f-r429-7.r1"), "retry-after"), "7");
  EXPECT_EQ(field(RdapResponder::too_many(), "retry-after"), "1");
  EXPECT_EQ(ask("rdap.nic.r1", "/domain/f-r403.r1").response.status, 403);
}

// Bodies that are no answer about the name must never read as one.
TEST_F(RdapResponderTest, our_reader_finds_each_spoilt_body_out) {
  rdap::Parser parser;
  registration::Registration out;
  for (const char* word : {"rhtml", "rempty", "rarray", "robject", "rclass", "rother", "rhalf",
                           "rtail", "rdup", "rdeep"}) {
    const std::string name = fmt::format("f-{}.r1", word);
    const RdapPlan plan = ask("rdap.nic.r1", "/domain/" + name);
    EXPECT_EQ(plan.response.status, 200) << word;
    EXPECT_NE(parser.parse(plan.response.body, name, out), rdap::Problem::none) << word;
  }
  const RdapPlan notice = ask("rdap.nic.r1", "/domain/f-rnotice.r1");
  EXPECT_EQ(parser.parse(notice.response.body, "f-rnotice.r1", out), rdap::Problem::none);
  EXPECT_EQ(out.outcome, registration::Outcome::throttled);
}

}  // namespace
}  // namespace zonesweep::loopback
