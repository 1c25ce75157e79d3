// protocols/whois/session.h - one question over one WHOIS connection (RFC 3912): bytes in, step
// out.
//
// Threads:    none; a session belongs to its exchange.
// Invariants: (1) only the peer's close or the caller's deadline ends an answer; (2) at most
//             limits::kAnswerBytes are kept; (3) what came before a reset is kept: it may be the
//             refusal.
// Ownership:  spans passed in are lent for the call; query() and answer() live as long as the
//             session, until the next start().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocols/whois/text.h"

namespace zonesweep::whois {

class Session {
 public:
  enum class Step : uint8_t {
    send,  // query() has to go out
    need_bytes,
    done,       // answer() is whole
    too_large,  // the answer has reached its limit: reset the connection
  };

  // `name`: A-labels, lower case, checked by the caller.
  Step start(std::string_view server, std::string_view name);
  [[nodiscard]] std::span<const std::byte> query() const noexcept {
    return std::as_bytes(std::span{query_});
  }
  Step received(std::span<const std::byte> in);
  Step peer_closed();
  // A reset, or the idle or total deadline: what came is what there is.
  Step interrupted();

  [[nodiscard]] std::string_view answer() const noexcept { return answer_; }
  // The answer was ended by interrupted().
  [[nodiscard]] bool cut() const noexcept { return cut_; }

 private:
  enum class State : uint8_t { idle, reading, finished };
  State state_ = State::idle;
  bool cut_ = false;
  std::string query_;
  std::string answer_;
};

}  // namespace zonesweep::whois
