// engine/dns_tcp.h - questions over TCP: connections kept open and pipelined (RFC 7766).
//
// Threads:    one lane.
// Invariants: (1) an id of a link stands for one waiting question; (2) every question that ask()
//             took ends by on_tcp_message(), on_tcp_lost() or forget(); (3) callbacks come only
//             from inside on_event().
// Ownership:  streams belong to the transport; links and their 64 KiB readers to this class.
// Errors:     a message that parses but belongs to nothing waiting is counted and dropped: late
//             answers of a forgotten question must never answer another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/message_ids.h"
#include "engine/pace.h"
#include "io/transport.h"
#include "protocols/dns/query.h"
#include "protocols/dns/stream.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr uint32_t kTcpLinks = 64;  // per lane; 64 KiB of reader each
inline constexpr uint32_t kTcpLinksPerServer = 4;
inline constexpr uint32_t kTcpPipeline = 64;               // waiting questions per link
inline constexpr uint32_t kTcpIdPlaces = 256;              // per link: at most a quarter full
inline constexpr auto kTcpIdle = std::chrono::seconds{5};  // RFC 7766 section 6.2.3: seconds
}  // namespace limits

class DnsTcp {
 public:
  class Client {
   public:
    virtual void on_tcp_message(uint32_t slot, uint32_t link, uint16_t id,
                                std::span<const std::byte> message) = 0;
    // The connection ended first. `unserved`: it had answered others, so this question was merely
    // cut off.
    virtual void on_tcp_lost(uint32_t slot, uint32_t link, uint16_t id, io::Error error,
                             bool unserved) = 0;

   protected:
    ~Client() = default;
  };
  struct Ticket {
    uint32_t link;
    uint16_t id;
  };

  DnsTcp(io::Transport& transport, RandomIds& random, Client& client, uint32_t servers);

  // Sends `query` (its id is chosen here). Nothing: no room on any link now; ask again later.
  [[nodiscard]] std::optional<Ticket> ask(uint32_t server, const io::Endpoint& peer, uint32_t slot,
                                          dns::Query query);
  // The question is settled, or has waited long enough. `timed_out`: nothing came back for it.
  void forget(uint32_t link, uint16_t id, bool timed_out);
  void on_event(const io::Event& event);
  void tick(Instant now);  // closes idle links
  void close_all();

 private:
  struct Link {
    enum class State : uint8_t { free, up, closing };
    State state = State::free;
    bool heard = false;  // bytes came since the last timeout
    uint32_t server = 0;
    uint32_t waiting = 0;
    uint32_t served = 0;
    io::StreamId stream;
    Instant used{};
    IdTable ids{limits::kTcpIdPlaces};
    std::vector<std::pair<uint16_t, uint32_t>> questions;  // id, slot; at most kTcpPipeline
    std::unique_ptr<dns::StreamReader> reader;
  };

  [[nodiscard]] uint32_t link_for(uint32_t server, const io::Endpoint& peer);
  [[nodiscard]] uint32_t open(uint32_t server, const io::Endpoint& peer);
  void received(uint32_t index, std::span<const std::byte> bytes);
  void message(uint32_t index, std::span<const std::byte> bytes);
  void ended(uint32_t index, io::Error error);
  bool remove(Link& link, uint16_t id);

  io::Transport& transport_;
  RandomIds& random_;
  Client& client_;
  std::vector<Link> links_;
  std::vector<uint8_t> pipeline_;  // per server: how many questions at once a link of it bears
  std::vector<std::byte> wire_;
};

}  // namespace zonesweep::engine
