#include "tools/loopback/rdap_server.h"

#include <algorithm>
#include <span>
#include <utility>

#include "protocols/http/http1_server.h"
#include "protocols/http/http2_server.h"
#include "tools/loopback/http_floods.h"
#include "tools/loopback/tls_hello.h"

namespace zonesweep::loopback {
namespace {

constexpr size_t kWriteBytes = 256 * 1024;  // to TLS at a time; it refuses above 1 MiB
constexpr uint32_t kInternalError = 2;      // RFC 9113 section 7
constexpr uint32_t kStreams = 100;
constexpr auto kSlowGap = std::chrono::seconds{1};
constexpr size_t kHelloBytes = 32 * 1024;
constexpr std::string_view kNoTls = "HTTP/1.0 400 Bad Request\r\n\r\nThis is no TLS.\r\n";

}  // namespace

struct RdapServer::Client : http::ServerListener {
  struct Later {
    std::chrono::nanoseconds due{0};
    uint32_t stream = 0;
    RdapPlan plan;
  };

  RdapServer& server;
  Id id;
  std::string hello;  // until there is a session
  std::string host;   // that was dialled, if the client named it
  std::optional<io::TlsSession> tls;
  std::unique_ptr<http::ServerSession> http;
  bool mute = false;  // it gets nothing any more
  bool over = false;  // it gets what was sent, and the end
  bool cut = false;   // it gets what was sent, and an end that TLS does not announce
  uint32_t streams_at_once = kStreams;
  uint32_t requests = 0;
  std::string raw;   // goes out behind the frames of the session
  std::string more;  // of a flood
  std::vector<Later> later;

  Client(RdapServer& owner, Id number) : server(owner), id(number) {}
  void on_request(uint32_t stream, const http::ServerRequest& asked) override {
    server.request(*this, stream, asked);
  }
};

RdapServer::RdapServer(double per_second, RateLimit::Mode mode) : counts_(per_second, mode) {}
RdapServer::~RdapServer() { stop(); }

std::expected<uint16_t, std::string> RdapServer::listen(uint16_t port) {
  auto service = TcpService::listen(port);
  if (!service) return std::unexpected("RDAP: " + service.error());
  identities_ = TlsIdentities::create();
  if (!identities_) return std::unexpected("RDAP: OpenSSL makes no authority");
  service_ = std::move(*service);
  return service_->port();
}

const std::string& RdapServer::authority_pem() const { return identities_->authority_pem(); }

void RdapServer::start(const RegistrationWorld& world, std::string bootstrap) {
  world_ = &world;
  responder_ = std::make_unique<RdapResponder>(world, world.dns().seed(), std::move(bootstrap));
  thread_ = std::thread([this] { service_->run(*this, stop_); });
}

void RdapServer::stop() {
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

void RdapServer::on_open(Id id) {
  if (id >= clients_.size()) clients_.resize(id + 1);
  clients_[id] = std::make_unique<Client>(*this, id);
  counts_.opened(service_->address(id));
}

void RdapServer::on_gone(Id id) {
  counts_.closed(service_->address(id));
  clients_[id].reset();
}

void RdapServer::on_bytes(Id id, std::string_view bytes) {
  Client& client = *clients_[id];
  if (client.mute || client.over) return;
  if (client.tls) {
    client.tls->received(std::as_bytes(std::span{bytes}));
  } else {
    client.hello.append(bytes);
    greet(client);
  }
  pump(client);
}

// The name in the hello decides who answers it, and how badly.
void RdapServer::greet(Client& client) {
  const TlsHello hello = read_hello(client.hello);
  if (hello.state == TlsHello::State::incomplete && client.hello.size() < kHelloBytes) return;
  const uint32_t address = service_->address(client.id);
  const bool named = !hello.server_name.empty();
  const std::string host = named ? hello.server_name : dotted(address);
  const auto known = registration_host(host, world_->dns().seed());
  if (known && known->exists && known->address == address) client.host = host;
  const RegistrationFaultCall call = world_->zone_of(host).fault;
  const RegistrationFault fault = call.fault;
  switch (fault) {
    case RegistrationFault::rstreams: client.streams_at_once = call.number_or(1); break;
    case RegistrationFault::rslowtls: service_->drip(client.id, 1, kSlowGap); break;
    case RegistrationFault::rreset: client.mute = true; return service_->reset(client.id);
    case RegistrationFault::rhandshake: client.mute = true; return;
    case RegistrationFault::rgarbage:
      client.mute = true;
      service_->send(client.id, kNoTls);
      return service_->end(client.id);
    default: break;
  }
  io::TlsContext* const context = identities_->context_of(host, fault);
  auto session = context == nullptr ? std::unexpected(io::TlsFailure::local)
                                    : io::TlsSession::server(*context);
  if (!session) {
    client.mute = true;
    return service_->reset(client.id);
  }
  client.tls = std::move(*session);
  client.tls->received(std::as_bytes(std::span{client.hello}));
}

void RdapServer::pump(Client& client) {
  if (!client.tls || client.mute) return;
  const bool goes_on = exchange(client);
  if (client.mute) return;
  send_out(client);
  if (goes_on) return;
  client.over = true;
  client.tls->close();
  send_out(client);
  service_->end(client.id);
}

// False: the connection is over.
bool RdapServer::exchange(Client& client) {
  std::string plain;
  client.tls->take_plaintext(plain);
  if (client.tls->is_open() && !client.http) {
    const bool h2 = client.tls->alpn() == "h2";
    if (h2) {
      client.http = std::make_unique<http::Http2Server>(client, client.streams_at_once);
    } else {
      client.http = std::make_unique<http::Http1Server>(client);
    }
  }
  if (client.http && !plain.empty() && !client.http->received(std::as_bytes(std::span{plain}))) {
    return false;
  }
  const auto state = client.tls->state();
  return state == io::TlsSession::State::handshake || state == io::TlsSession::State::open;
}

// What HTTP has to say goes through TLS in pieces, since a session holds no more than it must.
void RdapServer::send_out(Client& client) {
  std::string out;
  const bool goes_on = !client.http || client.http->append_output(out);
  out += std::exchange(client.raw, {});
  std::string cipher;
  for (std::string_view rest = out; !rest.empty();) {
    const std::string_view piece = rest.substr(0, kWriteBytes);
    if (!client.tls->write(std::as_bytes(std::span{piece}))) break;
    client.tls->take_ciphertext(cipher);
    rest.remove_prefix(piece.size());
  }
  if (!goes_on && !client.over) {
    client.over = true;
    client.tls->close();
  }
  client.tls->take_ciphertext(cipher);
  if (!cipher.empty()) service_->send(client.id, cipher);
  if (client.over || client.cut) service_->end(client.id);
}

void RdapServer::request(Client& client, uint32_t stream, const http::ServerRequest& asked) {
  ++client.requests;
  const RdapQuestion question = RdapResponder::read(asked.target);
  const bool admitted =
      counts_.asked(service_->address(client.id), client.host, question.name, service_->now());
  carry_out(client, stream,
            admitted ? responder_->respond(client.host, asked, client.requests)
                     : RdapResponder::too_many());
}

void RdapServer::carry_out(Client& client, uint32_t stream, RdapPlan plan) {
  if (plan.delay.count() != 0) {
    const auto due = service_->now() + std::exchange(plan.delay, {});
    client.later.push_back({due, stream, std::move(plan)});
    return service_->wake(client.id, due);
  }
  if (plan.byte_gap.count() != 0) service_->drip(client.id, 1, plan.byte_gap);
  if (plan.last) client.http->last(stream);
  for (uint32_t i = 0; i < plan.informs; ++i) client.http->inform(stream, 103);
  switch (plan.act) {
    case RdapPlan::Act::respond: return client.http->respond(stream, std::move(plan.response));
    case RdapPlan::Act::silence: return;
    case RdapPlan::Act::reset: return client.http->reset(stream, plan.code);
    case RdapPlan::Act::close: client.mute = true; return service_->end(client.id);
    case RdapPlan::Act::bad_frames:
      if (client.tls->alpn() != "h2") return client.http->reset(stream, 0);
      client.raw += bad_frames(plan.code, stream);
      return;
    case RdapPlan::Act::raw:
    case RdapPlan::Act::raw_end:
      if (client.tls->alpn() == "h2") return client.http->reset(stream, kInternalError);
      client.raw += plan.raw;
      client.cut = plan.act == RdapPlan::Act::raw_end;
      return;
    default: return flood(client, plan.act, stream);
  }
}

void RdapServer::flood(Client& client, RdapPlan::Act act, uint32_t stream) {
  if (client.tls->alpn() != "h2") return client.http->reset(stream, 0);
  HttpFlood frames = http_flood(act, stream);
  client.raw = std::move(frames.begin) + frames.more;
  client.more = std::move(frames.more);
}

void RdapServer::on_drained(Id id) {
  Client& client = *clients_[id];
  if (client.more.empty() || client.mute || client.over) return;
  client.raw = client.more;
  send_out(client);
}

void RdapServer::on_timer(Id id) {
  Client& client = *clients_[id];
  auto due = std::exchange(client.later, {});
  for (auto& entry : due) {
    if (client.mute || client.over) return;
    if (entry.due <= service_->now()) {
      carry_out(client, entry.stream, std::move(entry.plan));
    } else {
      service_->wake(id, entry.due);
      client.later.push_back(std::move(entry));
    }
  }
  pump(client);
}

void RdapServer::on_peer_end(Id id) {
  clients_[id]->over = true;
  if (service_->unsent(id) != 0) return service_->reset(id);
  service_->end(id);
}

}  // namespace zonesweep::loopback
