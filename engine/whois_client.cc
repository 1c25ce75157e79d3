#include "engine/whois_client.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace zonesweep::engine {

WhoisClient::WhoisClient(io::Transport& transport, Client& client, const WhoisOptions& options)
    : transport_(transport),
      client_(client),
      options_(options),
      exchanges_(options.exchanges),
      timers_(options.exchanges, transport.now()) {
  for (uint32_t slot = options.exchanges; slot-- > 0;) free_.push_back(slot);
}

bool WhoisClient::ask(uint64_t token, std::span<const io::Endpoint> addresses,
                      std::string_view server, std::string_view name) {
  assert(!addresses.empty());
  if (free_.empty()) return false;
  const uint32_t slot = free_.back();
  Exchange& exchange = exchanges_[slot];
  exchange.token = token;
  exchange.address = 0;
  exchange.address_count =
      static_cast<uint8_t>(std::min<size_t>(addresses.size(), limits::kWhoisAddresses));
  std::copy_n(addresses.begin(), exchange.address_count, exchange.addresses.begin());
  exchange.began = transport_.now();
  (void)exchange.session.start(server, name);
  if (!connect(slot)) return false;
  free_.pop_back();
  in_flight_++;
  return true;
}

// False: no stream is free.
bool WhoisClient::connect(uint32_t slot) {
  Exchange& exchange = exchanges_[slot];
  const auto stream = transport_.open_stream(exchange.addresses[exchange.address], slot);
  if (!stream) return false;
  exchange.stream = *stream;
  exchange.state = Exchange::State::connecting;
  exchange.step = transport_.now();
  // Before it is up: the query then leaves with the connect.
  (void)transport_.write(*stream, exchange.session.query());
  timers_.arm(slot, deadline(exchange));
  return true;
}

void WhoisClient::on_event(const io::Event& event) {
  if (event.token >= exchanges_.size()) return;
  const uint32_t slot = event.token;
  if (exchanges_[slot].stream != event.stream) return;
  switch (event.kind) {
    case io::EventKind::stream_opened: return opened(slot);
    case io::EventKind::stream_data: return received(slot, event.bytes);
    case io::EventKind::stream_closed: return closed(slot, event.error);
    default: return;
  }
}

void WhoisClient::opened(uint32_t slot) {
  Exchange& exchange = exchanges_[slot];
  if (exchange.state != Exchange::State::connecting) return;
  exchange.state = Exchange::State::reading;
  exchange.step = transport_.now();
  timers_.arm(slot, deadline(exchange));
}

void WhoisClient::received(uint32_t slot, std::span<const std::byte> bytes) {
  Exchange& exchange = exchanges_[slot];
  if (exchange.state == Exchange::State::connecting) opened(slot);
  if (exchange.state != Exchange::State::reading) return;
  const bool first = exchange.session.answer().empty();
  exchange.step = transport_.now();
  const auto step = exchange.session.received(bytes);
  // The idle limit may be nearer than that of the first byte; later ones only move it on, which the
  // timer sees when it fires.
  if (first) timers_.arm(slot, deadline(exchange));
  if (step == whois::Session::Step::too_large)
    return finish(slot, {.kind = WhoisResult::Kind::too_large, .reason = "answer too long"});
  if (exchange.is_long || exchange.session.answer().size() <= limits::kWhoisBytesKept) return;
  exchange.is_long = long_answers_ < limits::kWhoisLongAnswers;
  if (exchange.is_long) {
    ++long_answers_;
  } else {
    constexpr auto kWhy = io::Error::overload;
    finish(slot,
           {.kind = WhoisResult::Kind::net_error, .error = kWhy, .reason = io::name_of(kWhy)});
  }
}

void WhoisClient::closed(uint32_t slot, io::Error error) {
  Exchange& exchange = exchanges_[slot];
  switch (exchange.state) {
    case Exchange::State::free: return;
    case Exchange::State::closing: return tell(slot);
    case Exchange::State::dropped: return release(slot);
    case Exchange::State::connecting: return connect_failed(slot, error);
    case Exchange::State::reading: break;
  }
  const bool silent = exchange.session.answer().empty();
  if (error == io::Error::none) {
    (void)exchange.session.peer_closed();
    finish(slot, {.kind = WhoisResult::Kind::answer, .answer = exchange.session.answer()});
  } else if (silent) {
    finish(slot,
           {.kind = WhoisResult::Kind::net_error, .error = error, .reason = io::name_of(error)});
  } else {
    (void)exchange.session.interrupted();
    finish(slot, {.kind = WhoisResult::Kind::answer,
                  .error = error,
                  .reason = io::name_of(error),
                  .answer = exchange.session.answer(),
                  .cut = true});
  }
  tell(slot);
}

void WhoisClient::connect_failed(uint32_t slot, io::Error error) {
  Exchange& exchange = exchanges_[slot];
  if (!io::is_local(error) && ++exchange.address < exchange.address_count) {
    if (transport_.now() - exchange.began < options_.total_timeout && connect(slot)) return;
  }
  exchange.address = std::min<uint8_t>(exchange.address, exchange.address_count - 1);
  const bool late = error == io::Error::timed_out;
  finish(slot, {.kind = late ? WhoisResult::Kind::timeout : WhoisResult::Kind::net_error,
                .error = error,
                .reason = late ? std::string_view{"connect"} : io::name_of(error)});
  tell(slot);
}

Instant WhoisClient::deadline(const Exchange& exchange) const {
  Duration patience = options_.idle_timeout;
  if (exchange.state == Exchange::State::connecting) {
    patience = options_.connect_timeout;
  } else if (exchange.session.answer().empty()) {
    patience = options_.first_byte_timeout;
  }
  return std::min(exchange.step + patience, exchange.began + options_.total_timeout);
}

void WhoisClient::expire(Instant now) {
  due_.clear();
  timers_.expire(now, due_);
  for (const uint32_t slot : due_) {
    const Exchange& exchange = exchanges_[slot];
    const bool open =
        exchange.state == Exchange::State::connecting || exchange.state == Exchange::State::reading;
    if (!open) continue;
    if (deadline(exchange) > now) {
      timers_.arm(slot, deadline(exchange));
    } else {
      overdue(slot);
    }
  }
}

void WhoisClient::overdue(uint32_t slot) {
  Exchange& exchange = exchanges_[slot];
  if (exchange.state == Exchange::State::connecting) {
    // The stream's end goes on to the next address.
    if (exchange.address + 1 < exchange.address_count) return transport_.close(exchange.stream);
    return finish(slot, {.kind = WhoisResult::Kind::timeout, .reason = "connect"});
  }
  const std::string_view answer = exchange.session.answer();
  const bool total = transport_.now() - exchange.began >= options_.total_timeout;
  if (answer.empty()) {
    return finish(slot, {.kind = WhoisResult::Kind::timeout, .reason = "first byte"});
  }
  (void)exchange.session.interrupted();
  // Many servers say all they have and then forget to close.
  const bool blank = answer.find_first_not_of(" \t\r\n") == std::string_view::npos;
  const bool whole = !total && !blank && answer.ends_with('\n');
  finish(slot, {.kind = whole ? WhoisResult::Kind::answer : WhoisResult::Kind::timeout,
                .reason = whole   ? std::string_view{}
                          : total ? "total"
                                  : "idle",
                .answer = answer,
                .cut = !whole});
}

// The exchange is over, but for its connection.
void WhoisClient::finish(uint32_t slot, WhoisResult result) {
  Exchange& exchange = exchanges_[slot];
  exchange.state = Exchange::State::closing;
  timers_.disarm(slot);
  transport_.close(exchange.stream);
  result.peer = &exchange.addresses[exchange.address];
  result.rtt = transport_.now() - exchange.began;
  exchange.result = result;
}

void WhoisClient::tell(uint32_t slot) {
  in_flight_--;
  client_.on_whois_end(exchanges_[slot].token, exchanges_[slot].result);
  release(slot);
}

void WhoisClient::release(uint32_t slot) {
  Exchange& exchange = exchanges_[slot];
  exchange.state = Exchange::State::free;
  exchange.stream = {};
  if (exchange.session.answer().size() > limits::kWhoisBytesKept) {
    whois::Session fresh;  // an assignment would keep the memory
    std::swap(exchange.session, fresh);
  }
  if (std::exchange(exchange.is_long, false)) --long_answers_;
  free_.push_back(slot);
}

void WhoisClient::drop_all() {
  for (uint32_t slot = 0; slot < exchanges_.size(); ++slot) {
    Exchange& exchange = exchanges_[slot];
    if (exchange.state == Exchange::State::free || exchange.state == Exchange::State::dropped)
      continue;
    exchange.state = Exchange::State::dropped;
    timers_.disarm(slot);
    in_flight_--;
    transport_.close(exchange.stream);
  }
}

}  // namespace zonesweep::engine
