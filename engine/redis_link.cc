#include "engine/redis_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <initializer_list>
#include <utility>

namespace zonesweep::engine {
namespace {

using cache::RedisReply;
using Kind = RedisFailure::Kind;
using Step = cache::RedisReader::Step;

constexpr size_t kWriteBytes = 32 * 1024;  // a piece of what the transport takes at most
static_assert(std::has_single_bit(limits::kRedisPipeline));  // the ring's counters wrap

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

RedisFailure refused_by(cache::RedisError error) {
  return {.kind = Kind::server_error, .server_error = error};
}

constexpr RedisFailure kNoRedis{.kind = Kind::no_redis};
constexpr RedisFailure kNoAnswer{.kind = Kind::no_answer};

}  // namespace

std::string_view text_of(const RedisFailure& failure) {
  switch (failure.kind) {
    case Kind::none: return "none";
    case Kind::net_error: return io::name_of(failure.net_error);
    case Kind::tls_error: return io::name_of(failure.tls_error);
    case Kind::server_error: return cache::name_of(failure.server_error);
    case Kind::no_redis: return "does not speak the Redis protocol";
    case Kind::no_answer: return "does not answer in time";
    case Kind::no_host: return "its name has no address";
  }
  return "none";
}

// -- Opening

bool RedisLink::open(const Target& target) {
  assert(state_ == State::free);
  const auto stream = transport_.open_stream(target.peer, token_);
  if (!stream) return false;
  state_ = State::connecting;
  stream_ = *stream;
  who_ = target.who;
  host_ = target.host;
  port_ = target.peer.port;
  why_ = {};
  owed_.resize(limits::kRedisPipeline);
  head_ = tail_ = timed_ = 0;
  reader_.emplace();
  return true;
}

void RedisLink::connected() {
  if (!who_->tls) return greet();
  auto session = io::TlsSession::client(*context_, host_, port_);
  if (!session) return fail({.kind = Kind::tls_error, .tls_error = session.error()});
  tls_.emplace(std::move(*session));
  state_ = State::handshake;
  write_out();
}

// All at once; the first that is refused ends it. PING tells apart a server that is up from one that
// still loads.
void RedisLink::greet() {
  state_ = State::greeting;
  if (!who_->password.empty()) {
    who_->user.empty() ? send(Command::greeting, {"AUTH", who_->password})
                       : send(Command::greeting, {"AUTH", who_->user, who_->password});
  }
  if (who_->database != 0)
    send(Command::greeting, {"SELECT", fmt::format_int(who_->database).c_str()});
  ask_slots();
  send(Command::ping, {"PING"});
  flush();
}

// -- Sending

bool RedisLink::room() const noexcept {
  constexpr uint32_t kReserve = 2;  // ASKING; CLUSTER SLOTS
  return tail_ - head_ + kReserve < limits::kRedisPipeline &&
         commands_.size() + out_.size() - out_sent_ < limits::kRedisUnsentBytes;
}

bool RedisLink::send(Command command, std::initializer_list<std::string_view> words, uint32_t id) {
  if (!cache::append_redis_command(words, commands_)) return false;
  owed(tail_++) = {.sent = transport_.now(), .id = id, .command = command};
  return true;
}

bool RedisLink::get(std::string_view key, uint32_t id, bool asking) {
  if (state_ != State::up || !room()) return false;
  if (asking && !send(Command::asking, {"ASKING"})) return false;
  return send(Command::get, {"GET", key}, id);
}

bool RedisLink::set(std::string_view key, std::string_view value, uint64_t milliseconds) {
  if (state_ != State::up || !room()) return false;
  const fmt::format_int time(milliseconds);
  return send(Command::set, {"SET", key, value, "PX", {time.data(), time.size()}});
}

void RedisLink::ask_slots() { send(Command::slots, {"CLUSTER", "SLOTS"}); }

void RedisLink::flush() {
  if (state_ != State::greeting && state_ != State::up) return;
  if (tls_ && !commands_.empty()) {
    if (!tls_->write(bytes_of(commands_))) return;  // it holds much already: later
    commands_.clear();
  }
  write_out();
}

// False: the transport takes no more now.
bool RedisLink::write_out() {
  if (tls_) {
    tls_->take_ciphertext(out_);
  } else if (out_.empty()) {
    std::swap(out_, commands_);
  } else {
    out_ += commands_;
    commands_.clear();
  }
  while (out_sent_ < out_.size()) {
    const auto piece = bytes_of(std::string_view{out_}.substr(out_sent_, kWriteBytes));
    if (!transport_.write(stream_, piece)) return false;
    out_sent_ += piece.size();
  }
  out_.clear();
  out_sent_ = 0;
  return true;
}

// -- Receiving

void RedisLink::on_event(const io::Event& event) {
  if (state_ == State::free || !(event.stream == stream_)) return;
  const bool closed = event.kind == io::EventKind::stream_closed;
  if (state_ == State::closing) return closed ? release() : void();
  if (closed) {
    fail({.kind = Kind::net_error,
          .net_error = event.error == io::Error::none ? io::Error::reset : event.error});
    return release();
  }
  if (event.kind == io::EventKind::stream_opened) return connected();
  if (event.kind == io::EventKind::stream_data) return received(event.bytes);
}

void RedisLink::received(std::span<const std::byte> bytes) {
  if (tls_) return received_secure(bytes);
  if (state_ == State::connecting) return fail(kNoRedis);
  read(bytes);
}

void RedisLink::received_secure(std::span<const std::byte> ciphertext) {
  tls_->received(ciphertext);
  const auto tls = tls_->state();
  if (tls == io::TlsSession::State::failed) {
    write_out();  // the alert
    return fail({.kind = Kind::tls_error, .tls_error = tls_->failure()});
  }
  if (state_ == State::handshake && tls == io::TlsSession::State::open) greet();
  plaintext_.clear();
  if (tls_->take_plaintext(plaintext_) > 0) read(plaintext_);
  if (state_ == State::closing) return;
  if (tls == io::TlsSession::State::peer_closed)
    return fail({.kind = Kind::net_error, .net_error = io::Error::reset});
  write_out();
}

void RedisLink::read(std::span<const std::byte> plaintext) {
  while (state_ == State::greeting || state_ == State::up) {
    const Step step = reader_->next(plaintext);
    if (step == Step::need_bytes) return;
    if (step == Step::broken || owes_nothing()) return fail(kNoRedis);
    on_reply();
  }
}

void RedisLink::on_reply() {
  const Owed due = owed(head_++);
  if (static_cast<int32_t>(timed_ - head_) < 0) timed_ = head_;
  const RedisReply reply = reader_->reply();
  const bool error = reply.kind == RedisReply::Kind::error;
  const bool fine = reply.kind == RedisReply::Kind::status;
  switch (due.command) {
    case Command::greeting:
    case Command::ping:
      if (error) return fail(refused_by(cache::redis_error(reply.text)));
      if (!fine) return fail(kNoRedis);
      if (due.command == Command::greeting) return;
      state_ = State::up;
      return owner_.on_redis_up(*this);
    case Command::slots: return on_slots(reply);
    case Command::asking: return error || fine ? void() : fail(kNoRedis);
    case Command::get:
      if (due.late) return;
      if (!error && reply.kind != RedisReply::Kind::text && reply.kind != RedisReply::Kind::nil) {
        owner_.on_redis_unanswered(*this, due.id);
        return fail(kNoRedis);
      }
      return owner_.on_redis_get(*this, due.id, reply);
    case Command::set: return error || fine ? owner_.on_redis_set(*this, reply) : fail(kNoRedis);
  }
}

// An error is a server that is no cluster, or that does not let us ask; but for one that ends it.
void RedisLink::on_slots(const RedisReply& reply) {
  if (reply.kind == RedisReply::Kind::array) return owner_.on_redis_slots(*this, *reader_);
  if (reply.kind != RedisReply::Kind::error) return fail(kNoRedis);
}

// -- Time

void RedisLink::expire(Duration limit) {
  const Instant now = transport_.now();
  if (state_ == State::up && head_ != tail_ && owed(head_).sent + limits::kRedisPatience <= now)
    return fail(kNoAnswer);
  for (; state_ == State::up && timed_ != tail_; ++timed_) {
    Owed& due = owed(timed_);
    if (due.command != Command::get) continue;
    if (due.sent + limit > now) return;
    due.late = true;
    owner_.on_redis_late(*this, due.id);
    if (state_ != State::up) return;
  }
}

Instant RedisLink::wake_at(Duration limit) const {
  if (state_ != State::up || head_ == tail_) return Instant::max();
  return timed_ == tail_ ? owed(head_).sent + limits::kRedisPatience : owed(timed_).sent + limit;
}

// -- Ending

void RedisLink::fail(const RedisFailure& why) {
  if (state_ == State::free || state_ == State::closing) return;
  why_ = why;
  close();
  for (; head_ != tail_; ++head_) {
    const Owed due = owed(head_);
    if (due.command == Command::get && !due.late) owner_.on_redis_unanswered(*this, due.id);
  }
  owner_.on_redis_lost(*this);
}

void RedisLink::close() {
  if (state_ == State::free || state_ == State::closing) return;
  if (tls_ && state_ == State::up) {
    tls_->close();
    write_out();
  }
  state_ = State::closing;
  transport_.close(stream_);
}

void RedisLink::release() {
  state_ = State::free;
  head_ = tail_ = timed_ = 0;
  tls_.reset();
  reader_.reset();
  commands_.clear();
  out_.clear();
  out_sent_ = 0;
}

}  // namespace zonesweep::engine
