// engine/https_client_state.h - the inside of an HttpsClient: its origins, requests and connections.
//
// https_client.cc has the interface and the turns, https_client_requests.cc what happens to a
// request, https_client_links.cc what happens to a connection.
//
// Threads:    one lane.
// Invariants: (1) a request waits in its origin's list, or was sent on one link; (2) a link belongs
//             to one origin from open() until it is free again; (3) nothing is held by reference
//             over a call that may reach the Client.
// Ownership:  slabs of this class; an id on a link is slot and generation.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/https_client.h"
#include "engine/https_link.h"
#include "io/timers.h"

namespace zonesweep::engine {

inline constexpr uint32_t kNoRequest = UINT32_MAX;

struct HttpsRequest {
  enum class State : uint8_t { free, waiting, sent };

  State state = State::free;
  bool heard = false;
  uint32_t generation = 0;
  uint32_t origin = 0;
  uint32_t link = 0;
  uint32_t next = kNoRequest;  // of those that wait for the same origin
  uint32_t previous = kNoRequest;
  uint32_t sends = 0;
  uint64_t token = 0;
  Instant asked{};
  Instant sent{};
  Instant last_heard{};
  std::string target;
  std::string if_none_match;
};

struct HttpsOrigin {
  enum class Speaks : uint8_t { unknown, http1, http2 };

  std::string host;
  std::string authority;
  uint16_t port = 0;
  Speaks speaks = Speaks::unknown;
  bool starved = false;  // it could not open a connection for want of a place
  uint32_t connections_max = 1;
  uint32_t next_address = 0;
  uint32_t failures = 0;       // connections in a row that brought nothing
  uint32_t head = kNoRequest;  // the requests that wait
  uint32_t tail = kNoRequest;
  uint32_t waiting = 0;
  Instant not_before{};  // of the next connection
  std::vector<io::Endpoint> addresses;
  std::vector<uint32_t> links;

  // What a connection that is not up yet is expected to bear.
  [[nodiscard]] uint32_t ahead() const noexcept {
    return speaks == Speaks::http1 ? 1 : limits::kHttpsRequestsAhead;
  }
};

class HttpsClient::State final : public HttpsLink::Owner {
 public:
  State(io::Transport& transport, io::TlsContext& tls, Client& client, HttpsOptions options)
      : transport_(transport),
        tls_(tls),
        client_(client),
        options_(std::move(options)),
        timers_(options_.requests_max + options_.connections_max, transport.now()) {}

  OriginId open_origin(std::string_view host, uint16_t port, std::vector<io::Endpoint> addresses,
                       uint32_t connections);
  void set_addresses(OriginId id, std::vector<io::Endpoint> addresses);
  void close_origin(OriginId id);
  void close_all();

  [[nodiscard]] uint32_t room(OriginId id) const;
  [[nodiscard]] uint32_t waiting(OriginId id) const { return origins_[id].waiting; }
  [[nodiscard]] bool ask(OriginId id, uint64_t token, std::string_view target,
                         std::string_view if_none_match);
  void cancel(uint64_t token);

  bool on_event(const io::Event& event);
  void expire(Instant now);
  [[nodiscard]] Instant wake_at(Instant limit) const;
  void flush();

  [[nodiscard]] uint32_t in_flight() const noexcept {
    return static_cast<uint32_t>(requests_.size() - free_requests_.size());
  }
  [[nodiscard]] uint32_t connections() const noexcept {
    return static_cast<uint32_t>(links_.size() - free_links_.size());
  }

 private:
  static uint64_t id_of(uint32_t slot, uint32_t generation) noexcept {
    return uint64_t{generation} << 32 | slot;
  }

  void on_link_connected(HttpsLink& link) override;
  void on_link_up(HttpsLink& link) override;
  void on_link_progress(HttpsLink& link, uint64_t id) override;
  void on_link_answer(HttpsLink& link, const http::Event& event) override;
  void on_link_room(HttpsLink& link) override { dispatch(link.origin()); }
  void on_link_lost(HttpsLink& link) override;
  void on_link_free(HttpsLink& link) override;

  // Requests.
  [[nodiscard]] uint32_t new_request();
  [[nodiscard]] std::optional<uint32_t> find(uint64_t id) const noexcept;
  void release(uint32_t slot);
  void end(uint32_t slot, HttpsResult result, const HttpsLink* link);
  [[nodiscard]] bool repeat(uint32_t slot);
  void give_up(uint32_t slot);
  void enqueue(uint32_t slot, bool first);
  void dequeue(uint32_t slot);
  [[nodiscard]] Instant due_of(const HttpsRequest& request) const noexcept;
  void expire_request(uint32_t slot, Instant now);
  [[nodiscard]] HttpsStage stage_of(const HttpsRequest& request, Instant now) const noexcept;

  // Connections.
  void dispatch(OriginId id);
  [[nodiscard]] HttpsLink* link_with_room(const HttpsOrigin& origin) const noexcept;
  void send(uint32_t slot, HttpsLink& link);
  [[nodiscard]] bool open_link(OriginId id);
  [[nodiscard]] HttpsLink* free_link();
  void drop_idle_link();
  void starve(OriginId id);
  void feed_starved();
  void fail_waiting(OriginId id, const HttpsResult& why, const HttpsLink& link);
  void expire_link(HttpsLink& link, Instant now);
  void touch(HttpsLink& link);
  [[nodiscard]] uint32_t timer_of(const HttpsLink& link) const noexcept {
    return options_.requests_max + link.index();
  }

  io::Transport& transport_;
  io::TlsContext& tls_;
  http::BodyRoom bodies_;
  Client& client_;
  const HttpsOptions options_;
  io::TimerWheel timers_;  // requests, then links
  std::vector<HttpsOrigin> origins_;
  std::vector<HttpsRequest> requests_;
  std::vector<uint32_t> free_requests_;
  std::vector<std::unique_ptr<HttpsLink>> links_;
  std::vector<uint32_t> free_links_;
  std::vector<uint32_t> to_flush_;
  std::vector<uint32_t> stuck_;  // the transport takes no more of their output now
  std::vector<OriginId> starved_;
  std::vector<uint32_t> due_;
  std::vector<uint64_t> doomed_;
  std::vector<std::byte> plaintext_;
};

}  // namespace zonesweep::engine
