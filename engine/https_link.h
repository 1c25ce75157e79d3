// engine/https_link.h - one connection of an HttpsClient: stream, TLS, and the HTTP session in it.
//
// It knows no requests but by the ids that its owner gives, and no deadlines.
//
// Threads:    one lane.
// Invariants: (1) each id that send() took ends in one on_link_answer(), unless it was cancelled or
//             the owner closed the link; (2) the owner is called only from inside on_event(),
//             fail() and flush(), and may call send(), cancel() and close() from there.
// Ownership:  sessions are kept until the stream is gone: they may be on the call stack when the
//             link closes.
// Errors:     why(), once on_link_lost() was called.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/https_client.h"
#include "io/tls.h"
#include "io/transport.h"
#include "protocols/http/http1.h"
#include "protocols/http/http2.h"

namespace zonesweep::engine {

class HttpsLink final : public http::Http2Listener {
 public:
  enum class State : uint8_t { free, connecting, handshake, up, closing };

  class Owner {
   public:
    virtual void on_link_connected(HttpsLink& link) = 0;
    virtual void on_link_up(HttpsLink& link) = 0;
    virtual void on_link_progress(HttpsLink& link, uint64_t id) = 0;
    // EndKind::closed: why() tells.
    virtual void on_link_answer(HttpsLink& link, const http::Event& event) = 0;
    virtual void on_link_room(HttpsLink& link) = 0;  // there may be more room than before
    virtual void on_link_lost(HttpsLink& link) = 0;  // its answers have been told; it is closing
    virtual void on_link_free(HttpsLink& link) = 0;  // may be opened again

   protected:
    ~Owner() = default;
  };
  struct Target {
    std::string_view host;
    uint16_t port = 0;
    io::Endpoint peer;
    uint32_t origin = 0;
  };

  HttpsLink(io::Transport& transport, io::TlsContext& tls, http::BodyRoom& bodies, Owner& owner,
            uint32_t index)
      : transport_(transport), context_(tls), bodies_(bodies), owner_(owner), index_(index) {}

  // False: the transport has no stream left. `scratch` is shared by the links of a lane.
  [[nodiscard]] bool open(const Target& target, std::vector<std::byte>& scratch);
  void on_event(const io::Event& event);

  [[nodiscard]] uint32_t room() const noexcept;
  [[nodiscard]] bool send(uint64_t id, const http::Request& request);
  void cancel(uint64_t id);
  void drain() noexcept { draining_ = true; }  // takes no new requests
  // Output leaves for the transport. False: it takes no more now; call again.
  [[nodiscard]] bool flush();
  // Ends it for a reason: on_link_answer() for what is in flight, then on_link_lost().
  void fail(const HttpsResult& why);
  void close();  // without a word to the owner but on_link_free()

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] uint32_t index() const noexcept { return index_; }
  [[nodiscard]] uint32_t origin() const noexcept { return origin_; }
  [[nodiscard]] const io::Endpoint& peer() const noexcept { return peer_; }
  [[nodiscard]] io::StreamId stream() const noexcept { return stream_; }
  [[nodiscard]] bool opening() const noexcept {
    return state_ == State::connecting || state_ == State::handshake;
  }
  [[nodiscard]] bool usable() const noexcept {
    return opening() || (state_ == State::up && !draining());
  }
  [[nodiscard]] bool draining() const noexcept {
    return draining_ || (http2_ && http2_->draining());
  }
  [[nodiscard]] bool idle() const noexcept { return state_ == State::up && in_flight() == 0; }
  [[nodiscard]] uint32_t in_flight() const noexcept;
  [[nodiscard]] bool speaks_http2() const noexcept { return http2_ != nullptr; }
  [[nodiscard]] bool served() const noexcept { return served_; }
  // When a piece of an answer came last.
  [[nodiscard]] Instant heard() const noexcept { return heard_; }
  [[nodiscard]] Instant used() const noexcept { return used_; }  // a request left or ended last
  [[nodiscard]] const HttpsResult& why() const noexcept { return why_; }

  bool queued = false;  // the owner's: it stands in the list of those to flush

 private:
  void on_end(const http::Event& event) override;
  void on_progress(uint64_t token) override;

  void connected();
  void received(std::span<const std::byte> ciphertext);
  void went_up();
  void take_plaintext();
  void feed_http1(std::span<const std::byte> plaintext);
  void end_http1(http::Http1::Step step);
  void peer_closed(io::Error error);
  void settle();
  void finish(bool stream_is_gone);
  void release();
  bool write_out();

  io::Transport& transport_;
  io::TlsContext& context_;
  http::BodyRoom& bodies_;
  Owner& owner_;
  const uint32_t index_;

  State state_ = State::free;
  uint32_t origin_ = 0;
  io::StreamId stream_;
  io::Endpoint peer_;
  std::string host_;
  uint16_t port_ = 0;
  std::vector<std::byte>* plaintext_ = nullptr;
  std::optional<io::TlsSession> tls_;
  std::unique_ptr<http::Http2> http2_;
  std::unique_ptr<http::Http1> http1_;
  std::optional<uint64_t> request_;  // of HTTP/1.1: in flight, or being told
  bool request_heard_ = false;
  bool draining_ = false;
  bool served_ = false;
  Instant heard_{};
  Instant used_{};
  HttpsResult why_;
  std::string unencrypted_;
  std::string out_;  // encrypted, not yet with the transport
  size_t out_sent_ = 0;
};

}  // namespace zonesweep::engine
