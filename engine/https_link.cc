#include "engine/https_link.h"

#include <algorithm>
#include <cassert>
#include <span>

namespace zonesweep::engine {
namespace {

using Kind = HttpsResult::Kind;

constexpr size_t kWriteBytes = 32 * 1024;  // a piece of what the transport takes at most

[[nodiscard]] std::span<const std::byte> bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span{text.data(), text.size()});
}

[[nodiscard]] HttpsResult net_error(HttpsStage stage, io::Error error) noexcept {
  return {.kind = Kind::net_error,
          .stage = stage,
          .error = error == io::Error::none ? io::Error::reset : error};
}
[[nodiscard]] HttpsResult tls_error(HttpsStage stage, std::string_view reason) noexcept {
  return {.kind = Kind::tls_error, .stage = stage, .reason = reason};
}
[[nodiscard]] HttpsResult problem(http::Problem what) noexcept {
  return {.kind = Kind::problem, .stage = HttpsStage::idle, .problem = what};
}

}  // namespace

// -- Opening

bool HttpsLink::open(const Target& target, std::vector<std::byte>& scratch) {
  assert(state_ == State::free);
  const auto stream = transport_.open_stream(target.peer, HttpsClient::kOwnerTag | index_);
  if (!stream) return false;
  state_ = State::connecting;
  stream_ = *stream;
  origin_ = target.origin;
  peer_ = target.peer;
  host_ = target.host;
  port_ = target.port;
  plaintext_ = &scratch;
  draining_ = served_ = false;
  used_ = heard_ = transport_.now();
  why_ = {};
  return true;
}

void HttpsLink::connected() {
  auto session = io::TlsSession::client(context_, host_, port_);
  if (!session) return fail(tls_error(HttpsStage::handshake, io::name_of(session.error())));
  tls_.emplace(std::move(*session));
  state_ = State::handshake;
  owner_.on_link_connected(*this);
}

// Without ALPN it is HTTP/1.1: servers that do not know the extension know no HTTP/2.
void HttpsLink::went_up() {
  state_ = State::up;
  used_ = transport_.now();
  why_ = problem(http::Problem::bad_framing);  // until something else ends it
  if (tls_->alpn() == "h2") {
    http2_ = std::make_unique<http::Http2>(*this, &bodies_);
  } else {
    http1_ = std::make_unique<http::Http1>(&bodies_);
  }
  owner_.on_link_up(*this);
}

// -- Receiving

void HttpsLink::on_event(const io::Event& event) {
  if (state_ == State::free) return;
  const bool closed = event.kind == io::EventKind::stream_closed;
  if (state_ == State::closing) return closed ? release() : void();
  if (closed) return peer_closed(event.error);
  if (event.kind == io::EventKind::stream_opened) return connected();
  if (event.kind == io::EventKind::stream_data && tls_) return received(event.bytes);
}

void HttpsLink::received(std::span<const std::byte> ciphertext) {
  tls_->received(ciphertext);
  const auto tls = tls_->state();
  const bool verified =
      tls == io::TlsSession::State::open || tls == io::TlsSession::State::peer_closed;
  if (state_ == State::handshake && verified) went_up();
  if (state_ == State::up) take_plaintext();
  if (state_ == State::closing) return;
  if (tls == io::TlsSession::State::failed) {
    write_out();  // the alert
    const auto stage = state_ == State::up ? HttpsStage::idle : HttpsStage::handshake;
    return fail(tls_error(stage, tls_->reason()));
  }
  if (tls == io::TlsSession::State::peer_closed) return peer_closed(io::Error::none);
  settle();
}

void HttpsLink::take_plaintext() {
  plaintext_->clear();
  if (tls_->take_plaintext(*plaintext_) == 0) return;
  if (http1_) return feed_http1(*plaintext_);
  if (!http2_->received(*plaintext_)) fail(problem(http::Problem::bad_framing));
}

void HttpsLink::feed_http1(std::span<const std::byte> plaintext) {
  if (!request_) return fail(problem(http::Problem::unexpected));
  request_heard_ = served_ = true;
  heard_ = transport_.now();
  owner_.on_link_progress(*this, *request_);
  end_http1(http1_->received(plaintext));
}

// The request is in flight until it was told: its answer lives in the session.
void HttpsLink::end_http1(http::Http1::Step step) {
  if (step == http::Http1::Step::need_bytes) return;
  http::Event event{.token = *request_};
  if (step == http::Http1::Step::done) {
    event.kind = http::EndKind::response;
    event.response = &http1_->response();
  } else {
    event.kind = http::EndKind::problem;
    event.problem = http1_->problem();
  }
  used_ = transport_.now();
  owner_.on_link_answer(*this, event);
  request_.reset();
  if (http1_) http1_->forget_body();
}

void HttpsLink::on_end(const http::Event& event) {
  used_ = transport_.now();
  owner_.on_link_answer(*this, event);
}

void HttpsLink::on_progress(uint64_t token) {
  served_ = true;
  heard_ = transport_.now();
  owner_.on_link_progress(*this, token);
}

// By its goodbye (close_notify) or by the end of the stream.
void HttpsLink::peer_closed(io::Error error) {
  const bool stream_is_gone = !tls_ || tls_->state() != io::TlsSession::State::peer_closed;
  if (stream_is_gone && tls_) tls_->end_of_input();
  if (state_ == State::up && http1_ && request_ && request_heard_ && error == io::Error::none) {
    end_http1(http1_->peer_closed(tls_->closed_cleanly()));
    if (state_ == State::closing) return stream_is_gone ? release() : void();
  }
  if (state_ == State::connecting) {
    why_ = net_error(HttpsStage::connect, error);
  } else if (state_ == State::handshake && error == io::Error::none) {
    why_ = tls_error(HttpsStage::handshake, tls_->reason());
  } else {
    why_ = net_error(state_ == State::up ? HttpsStage::idle : HttpsStage::handshake, error);
  }
  finish(stream_is_gone);
}

// -- Sending

uint32_t HttpsLink::room() const noexcept {
  if (state_ != State::up || draining_) return 0;
  if (http2_) return http2_->room();
  return !request_ && http1_->reusable() ? 1 : 0;
}

uint32_t HttpsLink::in_flight() const noexcept {
  if (http2_) return http2_->in_flight();
  return request_ ? 1 : 0;
}

bool HttpsLink::send(uint64_t id, const http::Request& request) {
  if (room() == 0) return false;
  used_ = transport_.now();
  if (http2_) return http2_->submit(id, request);
  request_ = id;
  request_heard_ = false;
  http1_->start(request, unencrypted_);
  return true;
}

void HttpsLink::cancel(uint64_t id) {
  if (http2_) return http2_->cancel(id);
  // The answer may still come, and must not become another's.
  if (request_ == id) close();
}

bool HttpsLink::flush() {
  if (!tls_ || state_ == State::closing) return true;
  if (!write_out()) return false;
  bool sound = true;
  if (http2_) {
    unencrypted_.clear();
    sound = http2_->append_output(unencrypted_);
  }
  if (!unencrypted_.empty() && state_ == State::up) {
    sound = tls_->write(bytes_of(unencrypted_)) && sound;
    unencrypted_.clear();
  }
  const bool all_left = write_out();
  if (!sound) {
    fail(problem(http::Problem::bad_framing));
  } else {
    settle();  // a cancelled request is gone only now
  }
  return all_left || state_ == State::closing;
}

bool HttpsLink::write_out() {
  tls_->take_ciphertext(out_);
  while (out_sent_ < out_.size()) {
    const auto piece = bytes_of(std::string_view{out_}.substr(out_sent_, kWriteBytes));
    if (!transport_.write(stream_, piece)) return false;
    out_sent_ += piece.size();
  }
  out_.clear();
  out_sent_ = 0;
  return true;
}

// -- Ending

// What takes no more requests is closed as soon as nothing is in flight.
void HttpsLink::settle() {
  if (state_ != State::up) return;
  const bool worn = draining() || (http1_ && !request_ && !http1_->reusable());
  if (worn && in_flight() == 0) return fail({.kind = Kind::unprocessed});
  owner_.on_link_room(*this);
}

void HttpsLink::fail(const HttpsResult& why) {
  if (state_ == State::free || state_ == State::closing) return;
  why_ = why;
  finish(/*stream_is_gone=*/false);
}

void HttpsLink::finish(bool stream_is_gone) {
  state_ = State::closing;
  if (!stream_is_gone) transport_.close(stream_);
  if (http2_) http2_->peer_closed();
  if (request_) owner_.on_link_answer(*this, {.token = *request_, .kind = http::EndKind::closed});
  request_.reset();
  owner_.on_link_lost(*this);
  if (stream_is_gone) release();
}

void HttpsLink::close() {
  if (state_ == State::free || state_ == State::closing) return;
  if (state_ == State::up) {
    tls_->close();
    write_out();
  }
  state_ = State::closing;
  transport_.close(stream_);
}

void HttpsLink::release() {
  state_ = State::free;
  tls_.reset();
  http2_.reset();
  http1_.reset();
  request_.reset();
  unencrypted_.clear();
  out_.clear();
  out_sent_ = 0;
  owner_.on_link_free(*this);
}

}  // namespace zonesweep::engine
