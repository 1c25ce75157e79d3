#include "protocols/whois/session.h"

#include <cassert>

#include "protocols/whois/servers.h"

namespace zonesweep::whois {

Session::Step Session::start(std::string_view server, std::string_view name) {
  query_.clear();
  answer_.clear();
  cut_ = false;
  append_query(server, name, query_);
  state_ = State::reading;
  return Step::send;
}

// A peer may close on us before it has read the question: bytes count from the start.
Session::Step Session::received(std::span<const std::byte> in) {
  assert(state_ == State::reading);
  const size_t room = limits::kAnswerBytes - answer_.size();
  answer_.append(reinterpret_cast<const char*>(in.data()), std::min(in.size(), room));
  if (in.size() <= room) return Step::need_bytes;
  state_ = State::finished;
  cut_ = true;
  return Step::too_large;
}

Session::Step Session::peer_closed() {
  assert(state_ == State::reading);
  state_ = State::finished;
  return Step::done;
}

Session::Step Session::interrupted() {
  assert(state_ == State::reading);
  state_ = State::finished;
  cut_ = true;
  return Step::done;
}

}  // namespace zonesweep::whois
