#include "protocols/http/http2_server.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>

namespace zonesweep::http {
namespace {

struct Stream {
  ServerRequest request;
  size_t request_bytes = 0;
  bool told = false;  // the listener has heard of it
  std::string body;   // of the response
  size_t sent = 0;
};

[[nodiscard]] std::string_view text_of(const uint8_t* bytes, size_t size) noexcept {
  return {reinterpret_cast<const char*>(bytes), size};
}

[[nodiscard]] nghttp2_nv field_of(std::string_view name, std::string_view value) noexcept {
  // nghttp2 copies both; its interface has no const.
  const auto bytes = [](std::string_view text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

struct CallbacksDeleter {
  void operator()(nghttp2_session_callbacks* callbacks) const noexcept {
    nghttp2_session_callbacks_del(callbacks);
  }
};

}  // namespace

struct Http2Server::State {
  ServerListener& listener;
  nghttp2_session* session = nullptr;
  std::map<int32_t, Stream> streams;
  int32_t last_id = INT32_MAX;  // requests behind it are not looked at
  bool broken = false;

  explicit State(ServerListener& heard) : listener(heard) {}
  ~State() { nghttp2_session_del(session); }
  static State& of(void* user) { return *static_cast<State*>(user); }

  void open(uint32_t streams_at_once);
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                       void* user);
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int on_stream_close(nghttp2_session*, int32_t id, uint32_t, void* user);
  static ssize_t read_body(nghttp2_session*, int32_t id, uint8_t* into, size_t room,
                           uint32_t* flags, nghttp2_data_source*, void* user);
};

void Http2Server::State::open(uint32_t streams_at_once) {
  nghttp2_session_callbacks* raw = nullptr;
  nghttp2_session_callbacks_new(&raw);
  const std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter> callbacks{raw};
  nghttp2_session_callbacks_set_on_begin_headers_callback(raw, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(raw, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(raw, on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(raw, on_stream_close);
  nghttp2_session_server_new(&session, raw, this);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_at_once}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 1);
}

int Http2Server::State::on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    of(user).streams.try_emplace(frame->hd.stream_id);
  }
  return 0;
}

int Http2Server::State::on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                                  size_t name_size, const uint8_t* value, size_t value_size,
                                  uint8_t, void* user) {
  const auto place = of(user).streams.find(frame->hd.stream_id);
  if (place == of(user).streams.end()) return 0;
  Stream& stream = place->second;
  stream.request_bytes += name_size + value_size;
  if (stream.request_bytes > limits::kRequestBytes) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const std::string_view key = text_of(name, name_size);
  const std::string_view text = text_of(value, value_size);
  ServerRequest& request = stream.request;
  if (key == ":method") request.method = text;
  if (key == ":path") request.target = text;
  if (key == ":authority") request.authority = text;
  if (key == "accept") request.accept = text;
  if (key == "accept-encoding") request.accept_encoding = text;
  if (key == "if-none-match") request.if_none_match = text;
  if (key == "user-agent") request.user_agent = text;
  return 0;
}

int Http2Server::State::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  State& state = of(user);
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool of_request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (!of_request || !ends || frame->hd.stream_id > state.last_id) return 0;
  const auto place = state.streams.find(frame->hd.stream_id);
  if (place == state.streams.end() || place->second.told) return 0;
  place->second.told = true;
  state.listener.on_request(static_cast<uint32_t>(frame->hd.stream_id), place->second.request);
  return 0;
}

int Http2Server::State::on_stream_close(nghttp2_session*, int32_t id, uint32_t, void* user) {
  of(user).streams.erase(id);
  return 0;
}

ssize_t Http2Server::State::read_body(nghttp2_session*, int32_t id, uint8_t* into, size_t room,
                                      uint32_t* flags, nghttp2_data_source*, void* user) {
  const auto place = of(user).streams.find(id);
  if (place == of(user).streams.end()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  Stream& stream = place->second;
  const size_t size = std::min(room, stream.body.size() - stream.sent);
  std::memcpy(into, stream.body.data() + stream.sent, size);
  stream.sent += size;
  if (stream.sent == stream.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(size);
}

Http2Server::Http2Server(ServerListener& listener, uint32_t streams_at_once)
    : state_(std::make_unique<State>(listener)) {
  state_->open(streams_at_once);
}
Http2Server::~Http2Server() = default;

void Http2Server::respond(uint32_t stream, ServerResponse response) {
  const auto id = static_cast<int32_t>(stream);
  const auto place = state_->streams.find(id);
  if (place == state_->streams.end()) return;
  const bool bodiless = response.status == 304 || place->second.request.method == "HEAD";
  const std::string status = std::to_string(response.status);
  const std::string length = std::to_string(response.body.size());
  std::vector<nghttp2_nv> fields = {field_of(":status", status)};
  bool measured = false;
  for (const auto& [name, value] : response.fields) {
    if (name == "transfer-encoding" || name == "connection") continue;
    measured = measured || name == "content-length";
    fields.push_back(field_of(name, value));
  }
  if (!measured && response.status != 304) fields.push_back(field_of("content-length", length));
  place->second.body = bodiless ? std::string{} : std::move(response.body);
  const nghttp2_data_provider body{{}, State::read_body};
  nghttp2_submit_response(state_->session, id, fields.data(), fields.size(),
                          bodiless ? nullptr : &body);
}

void Http2Server::inform(uint32_t stream, uint16_t status) {
  const std::string text = std::to_string(status);
  const nghttp2_nv field = field_of(":status", text);
  nghttp2_submit_headers(state_->session, NGHTTP2_FLAG_NONE, static_cast<int32_t>(stream), nullptr,
                         &field, 1, nullptr);
}

void Http2Server::reset(uint32_t stream, uint32_t error_code) {
  nghttp2_submit_rst_stream(state_->session, NGHTTP2_FLAG_NONE, static_cast<int32_t>(stream),
                            error_code);
}

void Http2Server::last(uint32_t stream) {
  if (state_->last_id != INT32_MAX) return;
  state_->last_id = static_cast<int32_t>(stream);
  nghttp2_submit_goaway(state_->session, NGHTTP2_FLAG_NONE, state_->last_id, NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

bool Http2Server::received(std::span<const std::byte> in) {
  if (state_->broken) return false;
  const auto used = nghttp2_session_mem_recv(
      state_->session, reinterpret_cast<const uint8_t*>(in.data()), in.size());
  state_->broken = used != static_cast<ssize_t>(in.size());
  return !state_->broken;
}

bool Http2Server::append_output(std::string& out) {
  const uint8_t* data = nullptr;
  for (ssize_t size = 0; (size = nghttp2_session_mem_send(state_->session, &data)) != 0;) {
    if (size < 0) return false;
    out.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
  }
  if (state_->broken) return false;
  const bool left = std::ranges::any_of(
      state_->streams, [&](const auto& stream) { return stream.first <= state_->last_id; });
  if (state_->last_id != INT32_MAX && !left) return false;
  return nghttp2_session_want_read(state_->session) != 0 ||
         nghttp2_session_want_write(state_->session) != 0;
}

}  // namespace zonesweep::http
