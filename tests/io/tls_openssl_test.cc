// Our client against another implementation's server, over real sockets.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "io/tls.h"
#include "io/tls_authority.h"
#include "tests/io/loopback_peer.h"

namespace zonesweep::io {
namespace {

using namespace std::chrono_literals;

// `openssl s_server -www`: answers each GET by a page, then closes.
class OpensslServer {
 public:
  OpensslServer(const TlsLeaf& leaf, std::vector<std::string> more) {
    folder_ = std::filesystem::temp_directory_path() /
              ("zonesweep_s_server_" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
    std::ofstream(folder_ / "chain.pem") << leaf.chain_pem;
    std::ofstream(folder_ / "key.pem") << leaf.key_pem;
    std::vector<std::string> words{"openssl", "s_server",           "-quiet", "-www",
                                   "-accept", endpoint.to_string(), "-cert",  folder_ / "chain.pem",
                                   "-key",    folder_ / "key.pem"};
    words.insert(words.end(), more.begin(), more.end());
    child_ = ::fork();
    if (child_ == 0) run(words);
  }
  ~OpensslServer() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }
  OpensslServer(const OpensslServer&) = delete;
  OpensslServer& operator=(const OpensslServer&) = delete;

  [[nodiscard]] static bool installed() { return std::filesystem::exists("/usr/bin/openssl"); }

  const Endpoint endpoint = dead_port(SOCK_STREAM);

 private:
  [[noreturn]] static void run(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::close(STDIN_FILENO);
    ::execv("/usr/bin/openssl", arguments.data());
    ::_exit(127);
  }

  std::filesystem::path folder_;
  pid_t child_ = -1;
};

struct Fetched {
  std::string page;
  TlsSession::State state = TlsSession::State::handshake;
  TlsFailure failure = TlsFailure::none;
  TlsVersion version = TlsVersion::tls1_1;
  bool resumed = false;
};

bool opened(Harness& net, StreamId stream) {
  for (;;) {
    for (const Event& event : net.transport->turn(net.transport->now() + 100ms, 1)) {
      if (event.stream == stream) return event.kind == EventKind::stream_opened;
    }
  }
}

// Again and again until the server is up.
StreamId connect(Harness& net, const Endpoint& server) {
  for (int i = 0; i < 500; ++i) {
    const StreamId stream = *net.transport->open_stream(server, 0);
    if (opened(net, stream)) return stream;
    std::this_thread::sleep_for(10ms);
  }
  ADD_FAILURE() << "no server";
  return {};
}

Fetched fetch(Harness& net, const OpensslServer& server, TlsContext& context,
              std::string_view host) {
  Fetched fetched;
  const StreamId stream = connect(net, server.endpoint);
  TlsSession tls = *TlsSession::client(context, host, server.endpoint.port);
  const std::string request = "GET / HTTP/1.0\r\n\r\n";
  tls.write(std::as_bytes(std::span(request)));
  const auto end = std::chrono::steady_clock::now() + 10s;
  for (bool closed = false; !closed && std::chrono::steady_clock::now() < end;) {
    std::vector<std::byte> out;
    if (tls.take_ciphertext(out) > 0) net.transport->write(stream, out);
    for (const Event& event : net.transport->turn(net.transport->now() + 100ms, 1)) {
      if (event.kind == EventKind::stream_data) tls.received(event.bytes);
      if (event.kind == EventKind::stream_closed) closed = true;
    }
    tls.take_plaintext(fetched.page);
    if (tls.state() == TlsSession::State::failed) net.transport->close(stream);
  }
  tls.end_of_input();
  fetched.state = tls.state();
  fetched.failure = tls.failure();
  if (tls.failure() == TlsFailure::none) {
    fetched.version = tls.version();
    fetched.resumed = tls.resumed();
  }
  return fetched;
}

class TlsOpenssl : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!OpensslServer::installed()) GTEST_SKIP() << "no openssl";
  }
  TlsAuthority authority_ = *TlsAuthority::create();
  std::unique_ptr<TlsContext> context_ = *TlsContext::client(
      {.system_store = false, .ca_pem = authority_.certificate_pem(), .alpn = {"http/1.1"}});
  Harness net_;
};

TEST_F(TlsOpenssl, fetches_a_page_and_resumes) {
  for (const bool old : {false, true}) {
    SCOPED_TRACE(old ? "TLS 1.2" : "TLS 1.3");
    OpensslServer server(*authority_.issue({.dns_names = {"rdap.example"}}),
                         old ? std::vector<std::string>{"-tls1_2"} : std::vector<std::string>{});
    for (const bool again : {false, true}) {
      const Fetched fetched = fetch(net_, server, *context_, "rdap.example");
      EXPECT_EQ(fetched.failure, TlsFailure::none) << name_of(fetched.failure);
      EXPECT_TRUE(fetched.page.starts_with("HTTP/1.0 200")) << fetched.page.size();
      EXPECT_TRUE(fetched.page.ends_with("</HTML>\r\n\r\n") || fetched.page.contains("</pre>"));
      EXPECT_EQ(fetched.version, old ? TlsVersion::tls1_2 : TlsVersion::tls1_3);
      EXPECT_EQ(fetched.resumed, again);
    }
  }
}

TEST_F(TlsOpenssl, says_nothing_to_a_server_of_another_name) {
  OpensslServer server(*authority_.issue({.dns_names = {"rdap.example"}}), {});
  const Fetched fetched = fetch(net_, server, *context_, "whois.example");
  EXPECT_EQ(fetched.failure, TlsFailure::wrong_host);
  EXPECT_EQ(fetched.page, "");
}

TEST_F(TlsOpenssl, refuses_a_server_of_tls_1_1) {
  OpensslServer server(*authority_.issue({.dns_names = {"rdap.example"}}),
                       {"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"});
  EXPECT_EQ(fetch(net_, server, *context_, "rdap.example").failure, TlsFailure::protocol_version);
}

}  // namespace
}  // namespace zonesweep::io
