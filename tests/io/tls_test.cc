#include "io/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "io/tls_authority.h"

namespace zonesweep::io {
namespace {

using namespace std::chrono_literals;
using State = TlsSession::State;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

const TlsAuthority& authority() {
  static const TlsAuthority made = *TlsAuthority::create();
  return made;
}

std::unique_ptr<TlsContext> server_with(const TlsLeafOptions& leaf_options,
                                        TlsContext::ServerOptions options = {}) {
  const TlsLeaf leaf = *authority().issue(leaf_options);
  options.chain_pem = leaf.chain_pem;
  options.key_pem = leaf.key_pem;
  auto context = TlsContext::server(options);
  EXPECT_TRUE(context) << name_of(context.error());
  return std::move(*context);
}

std::unique_ptr<TlsContext> client_with(TlsContext::ClientOptions options = {}) {
  options.system_store = false;
  if (options.ca_pem.empty()) options.ca_pem = authority().certificate_pem();
  auto context = TlsContext::client(options);
  EXPECT_TRUE(context) << name_of(context.error());
  return std::move(*context);
}

// Both ends, and the wire between them.
class Pair {
 public:
  Pair(TlsContext& client_context, TlsContext& server_context,
       std::string_view host = "rdap.example", uint16_t port = 443)
      : client(*TlsSession::client(client_context, host, port)),
        server(*TlsSession::server(server_context)) {}

  // Until nothing moves any more, in pieces of the size that `size` gives.
  template <typename Size>
  void pump(Size size) {
    while (carry(client, server, size) || carry(server, client, size)) {
    }
    client.take_plaintext(at_client);
    server.take_plaintext(at_server);
  }
  void pump() {
    pump([] { return size_t{1} << 20; });
  }

  TlsSession client;
  TlsSession server;
  std::string at_client;
  std::string at_server;
  size_t carried = 0;

 private:
  template <typename Size>
  bool carry(TlsSession& from, TlsSession& to, Size size) {
    std::vector<std::byte> wire;
    if (from.take_ciphertext(wire) == 0) return false;
    carried += wire.size();
    for (std::span<const std::byte> rest = wire; !rest.empty();) {
      const auto piece = rest.first(std::min(rest.size(), size()));
      to.received(piece);
      rest = rest.subspan(piece.size());
    }
    return true;
  }
};

TlsFailure failure_against(TlsContext& server, TlsContext& client,
                           std::string_view host = "rdap.example") {
  Pair pair(client, server, host);
  EXPECT_TRUE(pair.client.write(bytes_of("secret")));
  pair.pump();
  EXPECT_EQ(pair.at_server, pair.client.is_open() ? "secret" : "");
  if (pair.client.is_open()) return TlsFailure::none;
  EXPECT_EQ(pair.client.state(), State::failed);
  EXPECT_FALSE(pair.client.write(bytes_of("more")));
  return pair.client.failure();
}

TlsFailure failure_of(const TlsLeafOptions& leaf, std::string_view host = "rdap.example") {
  return failure_against(*server_with(leaf), *client_with(), host);
}

TEST(Tls, carries_bytes_both_ways_whatever_the_pieces) {
  const auto server = server_with({.dns_names = {"rdap.example"}});
  std::string long_text(300'000, 'x');
  for (size_t i = 0; i < long_text.size(); ++i) long_text[i] = static_cast<char>(i * 7 % 251);
  std::mt19937 random(1);
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, size_t{1'000}, size_t{0}}) {
    SCOPED_TRACE(piece);
    const auto client = client_with();  // no ticket from the round before
    const auto size = [&] { return piece != 0 ? piece : 1 + random() % 40'000; };
    Pair pair(*client, *server);
    EXPECT_EQ(pair.client.state(), State::handshake);
    EXPECT_TRUE(pair.client.write(bytes_of("GET / HTTP/1.1\r\n\r\n")));
    pair.pump(size);
    ASSERT_TRUE(pair.client.is_open() && pair.server.is_open()) << pair.client.reason();
    EXPECT_EQ(pair.at_server, "GET / HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(pair.server.write(bytes_of(long_text)));
    pair.pump(size);
    EXPECT_EQ(pair.at_client, long_text);
    EXPECT_EQ(pair.client.version(), TlsVersion::tls1_3);
    EXPECT_EQ(pair.server.server_name(), "rdap.example");
    EXPECT_EQ(pair.client.failure(), TlsFailure::none);
  }
}

TEST(Tls, speaks_version_1_2_too) {
  const auto server = server_with({.dns_names = {"rdap.example"}}, {.newest = TlsVersion::tls1_2});
  const auto client = client_with();
  Pair pair(*client, *server);
  pair.client.write(bytes_of("question"));
  pair.pump();
  EXPECT_EQ(pair.at_server, "question");
  EXPECT_EQ(pair.client.version(), TlsVersion::tls1_2);
}

TEST(Tls, refuses_what_is_older_than_1_2) {
  const auto server = server_with({.dns_names = {"rdap.example"}}, {.newest = TlsVersion::tls1_1});
  EXPECT_EQ(failure_against(*server, *client_with()), TlsFailure::protocol_version);
  const auto modern = server_with({.dns_names = {"rdap.example"}});
  EXPECT_EQ(failure_against(*modern, *client_with({.newest = TlsVersion::tls1_1})),
            TlsFailure::protocol_version);
}

TEST(Tls, refuses_certificates_out_of_their_time) {
  EXPECT_EQ(failure_of({.dns_names = {"rdap.example"}, .not_before = -48h, .not_after = -2h}),
            TlsFailure::expired);
  EXPECT_EQ(failure_of({.dns_names = {"rdap.example"}, .not_before = 24h, .not_after = 48h}),
            TlsFailure::not_yet_valid);
}

TEST(Tls, refuses_certificates_of_other_hosts) {
  EXPECT_EQ(failure_of({.dns_names = {"rdap.example"}}), TlsFailure::none);
  EXPECT_EQ(failure_of({.dns_names = {"rdap.example"}}, "RDAP.Example."), TlsFailure::none);
  EXPECT_EQ(failure_of({.dns_names = {"whois.example"}}), TlsFailure::wrong_host);
  EXPECT_EQ(failure_of({.dns_names = {"example"}}), TlsFailure::wrong_host);
  EXPECT_EQ(failure_of({}), TlsFailure::wrong_host);  // nor is the subject looked at
  const TlsLeafOptions wildcard{.dns_names = {"*.nic.example", "*.example"}};
  EXPECT_EQ(failure_of(wildcard, "rdap.nic.example"), TlsFailure::none);
  EXPECT_EQ(failure_of(wildcard, "a.rdap.nic.example"), TlsFailure::wrong_host);
  EXPECT_EQ(failure_of(wildcard, "nic.example"), TlsFailure::wrong_host);  // of a whole TLD
  EXPECT_EQ(failure_of({.dns_names = {"r*.nic.example"}}, "rdap.nic.example"),
            TlsFailure::wrong_host);
}

TEST(Tls, compares_addresses_with_addresses_only) {
  EXPECT_EQ(failure_of({.addresses = {"192.0.2.1"}}, "192.0.2.1"), TlsFailure::none);
  EXPECT_EQ(failure_of({.addresses = {"2001:db8::1"}}, "2001:db8:0::1"), TlsFailure::none);
  EXPECT_EQ(failure_of({.addresses = {"192.0.2.1"}}, "192.0.2.2"), TlsFailure::wrong_host);
  EXPECT_EQ(failure_of({.dns_names = {"192.0.2.1"}}, "192.0.2.1"), TlsFailure::wrong_host);
}

TEST(Tls, refuses_authorities_that_it_was_not_given) {
  EXPECT_EQ(failure_of({.dns_names = {"rdap.example"}, .self_signed = true}),
            TlsFailure::self_signed);
  const TlsAuthority stranger = *TlsAuthority::create();  // of the same name
  const auto client = client_with({.ca_pem = stranger.certificate_pem()});
  const auto server = server_with({.dns_names = {"rdap.example"}});
  EXPECT_THAT(failure_against(*server, *client),
              ::testing::AnyOf(TlsFailure::unknown_ca, TlsFailure::bad_certificate));
  const TlsAuthority other = *TlsAuthority::create("another authority");
  EXPECT_EQ(failure_against(*server, *client_with({.ca_pem = other.certificate_pem()})),
            TlsFailure::unknown_ca);
  auto machines_own = TlsContext::client({});
  ASSERT_TRUE(machines_own);
  EXPECT_EQ(failure_against(*server, **machines_own), TlsFailure::unknown_ca);
}

TEST(Tls, the_peer_is_told_by_an_alert) {
  const auto server = server_with({.dns_names = {"whois.example"}});
  const auto client = client_with();
  Pair pair(*client, *server);
  pair.pump();
  EXPECT_EQ(pair.client.failure(), TlsFailure::wrong_host);
  EXPECT_EQ(pair.client.reason(), "certificate of another host");
  EXPECT_EQ(pair.server.state(), State::failed);
  EXPECT_EQ(pair.server.failure(), TlsFailure::refused_by_peer);
}

TEST(Tls, agrees_on_an_application_protocol) {
  const TlsLeafOptions leaf{.dns_names = {"rdap.example"}};
  const auto agreed = [&](std::vector<std::string> ours, std::vector<std::string> theirs) {
    const auto server = server_with(leaf, {.alpn = std::move(theirs)});
    const auto client = client_with({.alpn = std::move(ours)});
    Pair pair(*client, *server);
    pair.pump();
    return pair.client.is_open() ? std::string(pair.client.alpn())
                                 : std::string(pair.client.reason());
  };
  EXPECT_EQ(agreed({"h2", "http/1.1"}, {"h2", "http/1.1"}), "h2");
  EXPECT_EQ(agreed({"h2", "http/1.1"}, {"http/1.1"}), "http/1.1");
  EXPECT_EQ(agreed({"h2", "http/1.1"}, {"http/1.1", "h2"}), "http/1.1");
  EXPECT_EQ(agreed({"h2", "http/1.1"}, {}), "");
  EXPECT_EQ(agreed({}, {"h2"}), "");
  EXPECT_EQ(agreed({"h2"}, {"smtp"}), "no application protocol in common");
}

TEST(Tls, tells_a_clean_end_from_a_cut) {
  const auto server = server_with({.dns_names = {"rdap.example"}});
  const auto client = client_with();
  for (const bool clean : {true, false}) {
    SCOPED_TRACE(clean);
    Pair pair(*client, *server);
    pair.pump();
    pair.server.write(bytes_of("half an ans"));
    if (clean) pair.server.close();
    EXPECT_EQ(pair.server.write(bytes_of("too late")), !clean);
    std::vector<std::byte> wire;
    pair.server.take_ciphertext(wire);
    if (!clean) wire.resize(wire.size() - 1);  // in the middle of the second record
    pair.client.received(wire);
    pair.client.end_of_input();
    EXPECT_EQ(pair.client.state(), State::peer_closed);
    EXPECT_EQ(pair.client.closed_cleanly(), clean);
    pair.client.take_plaintext(pair.at_client);
    EXPECT_EQ(pair.at_client, "half an ans");
    EXPECT_FALSE(pair.client.write(bytes_of("x")));
  }
}

TEST(Tls, an_end_inside_the_handshake_is_a_failure) {
  const auto client = client_with();
  auto session = *TlsSession::client(*client, "rdap.example", 443);
  session.end_of_input();
  EXPECT_EQ(session.failure(), TlsFailure::cut_off);
}

TEST(Tls, what_is_no_tls_is_malformed) {
  const auto client = client_with();
  for (const std::string_view text : {"HTTP/1.1 400 Bad Request\r\n\r\n", "220 mail ESMTP\r\n"}) {
    auto session = *TlsSession::client(*client, "rdap.example", 443);
    session.received(bytes_of(text));
    EXPECT_EQ(session.failure(), TlsFailure::malformed) << session.reason();
  }
}

TEST(Tls, a_changed_byte_ends_the_session_and_yields_nothing) {
  const auto server = server_with({.dns_names = {"rdap.example"}});
  const auto client = client_with();
  Pair pair(*client, *server);
  pair.pump();
  pair.server.write(bytes_of("the truth"));
  std::vector<std::byte> wire;
  pair.server.take_ciphertext(wire);
  wire[wire.size() / 2] ^= std::byte{1};
  pair.client.received(wire);
  EXPECT_EQ(pair.client.state(), State::failed);
  EXPECT_EQ(pair.client.take_plaintext(pair.at_client), 0);
}

// Whatever the wire does to a handshake: no crash, no plaintext that was not sent.
TEST(Tls, damaged_handshakes_end_in_a_failure_or_wait_for_more) {
  const auto server = server_with({.dns_names = {"rdap.example"}});
  std::mt19937 random(7);
  uint32_t failed = 0;
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    const auto client = client_with();
    Pair pair(*client, *server);
    pair.client.write(bytes_of("question"));
    pair.server.write(bytes_of("answer"));
    const bool towards_client = round % 2 == 0;
    for (int flight = 0; flight < 6; ++flight) {
      TlsSession& from = flight % 2 == 0 ? pair.client : pair.server;
      TlsSession& to = flight % 2 == 0 ? pair.server : pair.client;
      std::vector<std::byte> wire;
      from.take_ciphertext(wire);
      if (!wire.empty() && (&to == &pair.client) == towards_client) {
        wire[random() % wire.size()] ^= static_cast<std::byte>(1U << random() % 8);
      }
      to.received(wire);
    }
    pair.client.take_plaintext(pair.at_client);
    pair.server.take_plaintext(pair.at_server);
    EXPECT_TRUE(pair.at_client.empty() || pair.at_client == "answer");
    EXPECT_TRUE(pair.at_server.empty() || pair.at_server == "question");
    failed += pair.client.state() == State::failed || pair.server.state() == State::failed;
  }
  EXPECT_GE(failed, 300);
}

TEST(Tls, resumes_by_a_ticket_of_the_same_host_and_port) {
  const auto server = server_with({.dns_names = {"rdap.example", "other.example"}});
  for (const TlsVersion newest : {TlsVersion::tls1_2, TlsVersion::tls1_3}) {
    SCOPED_TRACE(static_cast<int>(newest));
    const auto client = client_with({.newest = newest});
    Pair first(*client, *server);
    first.pump();
    ASSERT_TRUE(first.client.is_open());
    EXPECT_FALSE(first.client.resumed());
    EXPECT_EQ(client->tickets(), 1);
    Pair second(*client, *server, "RDAP.example");
    second.client.write(bytes_of("again"));
    second.pump();
    EXPECT_TRUE(second.client.resumed());
    EXPECT_TRUE(second.server.resumed());
    EXPECT_EQ(second.at_server, "again");
    EXPECT_EQ(second.client.alpn(), "h2");
    EXPECT_LT(second.carried, first.carried);
    for (const auto& [host, port] : {std::pair{"other.example", 443}, {"rdap.example", 8443}}) {
      Pair other(*client, *server, host, static_cast<uint16_t>(port));
      other.pump();
      EXPECT_FALSE(other.client.resumed()) << host << port;
    }
  }
}

TEST(Tls, a_ticket_that_the_server_does_not_know_costs_nothing_but_time) {
  const auto client = client_with();
  for (int i = 0; i < 2; ++i) {  // each with ticket keys of its own
    const auto server = server_with({.dns_names = {"rdap.example"}});
    Pair pair(*client, *server);
    pair.pump();
    EXPECT_TRUE(pair.client.is_open());
    EXPECT_FALSE(pair.client.resumed());
  }
}

TEST(Tls, keeps_tickets_for_a_bounded_number_of_hosts) {
  const auto server = server_with({.dns_names = {"*.nic.example"}});
  const auto client = client_with();
  for (uint32_t i = 0; i < limits::kTlsTicketHosts + 10; ++i) {
    Pair pair(*client, *server, "h" + std::to_string(i) + ".nic.example");
    pair.pump();
    ASSERT_TRUE(pair.client.is_open());
  }
  EXPECT_EQ(client->tickets(), limits::kTlsTicketHosts);
}

TEST(Tls, an_endless_handshake_is_stopped) {
  const auto client = client_with();
  auto session = *TlsSession::client(*client, "rdap.example", 443);
  // A handshake record of 16 KiB whose message claims 16 MB.
  std::string record = std::string("\x16\x03\x03\x40\x00", 5) + std::string("\x02\xff\xff\xff", 4);
  record.resize(5 + 16'384, '\0');
  for (int i = 0; i < 100 && session.state() == State::handshake; ++i)
    session.received(bytes_of(record));
  EXPECT_EQ(session.state(), State::failed);
}

TEST(Tls, refuses_more_than_it_can_hold) {
  const auto server = server_with({.dns_names = {"rdap.example"}});
  const auto client = client_with();
  Pair pair(*client, *server);
  const std::string half(limits::kTlsUnsentBytes / 2, 'x');
  EXPECT_TRUE(pair.client.write(bytes_of(half)));
  EXPECT_FALSE(pair.client.write(bytes_of(half)));  // the ClientHello waits too
  pair.pump();
  EXPECT_EQ(pair.at_server.size(), half.size());
  EXPECT_TRUE(pair.client.write(bytes_of(half)));
  EXPECT_FALSE(pair.client.write(bytes_of(half)));
}

TEST(Tls, hosts_that_cannot_be_are_refused) {
  const auto client = client_with();
  EXPECT_FALSE(TlsSession::client(*client, "", 443));
  EXPECT_FALSE(TlsSession::client(*client, ".", 443));
  EXPECT_FALSE(TlsSession::client(*client, std::string("a\0b", 3), 443));
  EXPECT_FALSE(TlsSession::client(*client, std::string(254, 'a'), 443));
}

TEST(Tls, says_what_is_wrong_with_its_files) {
  const auto error = [](const TlsContext::ClientOptions& options) {
    return TlsContext::client(options).error();
  };
  EXPECT_EQ(error({.ca_file = "/nonexistent"}), TlsSetupError::ca_unreadable);
  EXPECT_EQ(error({.ca_pem = "no certificate"}), TlsSetupError::ca_empty);
  EXPECT_EQ(error({.alpn = {""}}), TlsSetupError::bad_alpn);
  const TlsLeaf one = *authority().issue({.dns_names = {"a.example"}});
  const TlsLeaf two = *authority().issue({.dns_names = {"b.example"}});
  EXPECT_EQ(TlsContext::server({.chain_pem = "", .key_pem = one.key_pem}).error(),
            TlsSetupError::bad_certificate);
  EXPECT_EQ(TlsContext::server({.chain_pem = one.chain_pem, .key_pem = two.key_pem}).error(),
            TlsSetupError::bad_key);
  EXPECT_FALSE(authority().issue({.dns_names = {"a.example,IP:192.0.2.1"}}));
}

TEST(Tls, takes_a_ca_file) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("zonesweep_tls_test_" + std::to_string(::getpid()) + ".pem");
  std::ofstream(path) << "a comment\n" << authority().certificate_pem();
  const auto server = server_with({.dns_names = {"rdap.example"}});
  auto client = TlsContext::client({.system_store = false, .ca_file = path.string()});
  std::filesystem::remove(path);
  ASSERT_TRUE(client);
  EXPECT_EQ(failure_against(*server, **client), TlsFailure::none);
}

}  // namespace
}  // namespace zonesweep::io
