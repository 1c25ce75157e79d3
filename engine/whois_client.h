// engine/whois_client.h - WHOIS exchanges over one lane's streams: a connection for each question.
//
// Threads:    one lane.
// Invariants: (1) each exchange that ask() took ends in exactly one on_whois_end(), unless all were
//             dropped; (2) on_whois_end() comes only from inside on_event() and expire(), and may
//             call ask(); (3) bytes of one connection never reach another exchange.
// Ownership:  streams belong to the transport; a result and what it points to are lent for the
//             call.
// Errors:     WhoisResult.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "io/endpoint.h"
#include "io/timers.h"
#include "io/transport.h"
#include "protocols/whois/session.h"

namespace zonesweep::engine {

using io::Duration;
using io::Instant;

namespace limits {
inline constexpr uint32_t kWhoisExchanges = 1'024;    // at once
inline constexpr uint32_t kWhoisAddresses = 4;        // of one server, tried one after the other
inline constexpr size_t kWhoisBytesKept = 16 * 1024;  // of an exchange's memory, over its reuse
// Longer answers at once; one more has to come again. They bound the memory: 1 MiB for each.
inline constexpr uint32_t kWhoisLongAnswers = 32;
}  // namespace limits

struct WhoisOptions {
  Duration connect_timeout = std::chrono::seconds{10};     // FAULTS 3.4, for each address
  Duration first_byte_timeout = std::chrono::seconds{10};  // FAULTS 3.4
  Duration idle_timeout = std::chrono::seconds{5};         // FAULTS 3.4
  Duration total_timeout = std::chrono::seconds{20};       // FAULTS 3.4
  uint32_t exchanges = limits::kWhoisExchanges;
};

struct WhoisResult {
  enum class Kind : uint8_t {
    answer,     // the server closed, or fell silent behind a whole line: FAULTS W6
    net_error,  // `error`: never connected, or reset before a byte
    timeout,    // `answer` holds what came until then
    too_large,
  };
  Kind kind = Kind::net_error;
  io::Error error = io::Error::none;
  std::string_view reason;  // a closed set of short ASCII texts; of timeouts and errors
  std::string_view answer;
  bool cut = false;  // the answer may lack its end
  const io::Endpoint* peer = nullptr;
  Duration rtt{};
};

class WhoisClient {
 public:
  class Client {
   public:
    virtual void on_whois_end(uint64_t token, const WhoisResult& result) = 0;

   protected:
    ~Client() = default;
  };

  WhoisClient(io::Transport& transport, Client& client, const WhoisOptions& options);

  [[nodiscard]] uint32_t room() const noexcept { return static_cast<uint32_t>(free_.size()); }
  // False: no room. `token` comes back with the result. `server` picks the form of the query; it
  // and `name` as whois::Session::start() wants them.
  [[nodiscard]] bool ask(uint64_t token, std::span<const io::Endpoint> addresses,
                         std::string_view server, std::string_view name);
  void drop_all();  // no results any more; connections are closed

  // Once per turn: every event that is of no other client, then expire().
  void on_event(const io::Event& event);
  void expire(Instant now);
  [[nodiscard]] Instant wake_at(Instant limit) const { return timers_.next(limit); }
  [[nodiscard]] uint32_t in_flight() const noexcept { return in_flight_; }

 private:
  struct Exchange {
    enum class State : uint8_t {
      free,
      connecting,
      reading,
      closing,  // `result` is told when the connection is gone: the server counts it until then
      dropped,
    };
    State state = State::free;
    uint64_t token = 0;
    io::StreamId stream;
    std::array<io::Endpoint, limits::kWhoisAddresses> addresses;
    uint8_t address_count = 0;
    uint8_t address = 0;  // the one that is tried
    bool is_long = false;
    Instant began{};
    Instant step{};  // when it connected, or the last byte came
    whois::Session session;
    WhoisResult result;  // of `closing`
  };

  bool connect(uint32_t slot);
  void connect_failed(uint32_t slot, io::Error error);
  void opened(uint32_t slot);
  void received(uint32_t slot, std::span<const std::byte> bytes);
  void closed(uint32_t slot, io::Error error);
  void overdue(uint32_t slot);
  [[nodiscard]] Instant deadline(const Exchange& exchange) const;
  void finish(uint32_t slot, WhoisResult result);
  void tell(uint32_t slot);
  void release(uint32_t slot);

  io::Transport& transport_;
  Client& client_;
  const WhoisOptions options_;
  std::vector<Exchange> exchanges_;
  std::vector<uint32_t> free_;
  io::TimerWheel timers_;
  std::vector<uint32_t> due_;
  uint32_t in_flight_ = 0;
  uint32_t long_answers_ = 0;
};

}  // namespace zonesweep::engine
