#include "protocols/http/http2.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace zonesweep::http {
namespace {

struct Stream {
  uint64_t token = 0;
  int32_t id = 0;
  ResponseReader reader;
  bool final_head = false;  // the status that is not 1xx has come
  bool head_complete = false;
  bool ended = false;  // the peer closed its side properly
  bool cancelled = false;
  uint32_t informational = 0;

  explicit Stream(BodyRoom* bodies) : reader(bodies) {}
};

[[nodiscard]] std::string_view text_of(const uint8_t* bytes, size_t size) noexcept {
  return {reinterpret_cast<const char*>(bytes), size};
}

[[nodiscard]] nghttp2_nv header(std::string_view name, std::string_view value) noexcept {
  // nghttp2 copies both; its interface has no const.
  const auto bytes = [](std::string_view text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

struct OptionDeleter {
  void operator()(nghttp2_option* option) const noexcept { nghttp2_option_del(option); }
};
struct CallbacksDeleter {
  void operator()(nghttp2_session_callbacks* callbacks) const noexcept {
    nghttp2_session_callbacks_del(callbacks);
  }
};

}  // namespace

struct Http2::State {
  Http2Listener& listener;
  BodyRoom* bodies;
  nghttp2_session* session = nullptr;
  std::vector<std::unique_ptr<Stream>> streams;  // in flight; at most limits::kStreams
  std::vector<std::unique_ptr<Stream>> spare;
  uint32_t cancelled = 0;  // of the streams
  uint32_t idle_frames = 0;
  bool settings_heard = false;
  bool goaway = false;
  bool broken = false;

  State(Http2Listener& heard, BodyRoom* room) : listener(heard), bodies(room) {}
  ~State() { nghttp2_session_del(session); }

  void open();
  [[nodiscard]] Stream* find(int32_t id) noexcept {
    return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }
  // A request that never left: the connection was closed to new ones, or it was cancelled first.
  [[nodiscard]] Stream* find_unopened(int32_t id) noexcept {
    const auto place =
        std::ranges::find_if(streams, [&](const auto& stream) { return stream->id == id; });
    return place == streams.end() ? nullptr : place->get();
  }
  void end(Stream& stream, Event event);
  void end_all(EndKind kind);
  void progress() noexcept { idle_frames = 0; }
  [[nodiscard]] int count_idle() noexcept {
    return ++idle_frames > limits::kIdleFrames ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }
  [[nodiscard]] int refuse(Stream& stream, Problem problem) {
    stream.reader.fail(problem);
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_CANCEL);
    return 0;
  }

  static State& of(void* user) { return *static_cast<State*>(user); }
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                       void* user);
  static int on_invalid_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                               size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                               void* user);
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int on_data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                     void* user);
  static int on_stream_close(nghttp2_session*, int32_t id, uint32_t error_code, void* user);
  void head_ended(Stream& stream);
};

void Http2::State::open() {
  nghttp2_session_callbacks* raw_callbacks = nullptr;
  nghttp2_session_callbacks_new(&raw_callbacks);
  const std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter> callbacks{raw_callbacks};
  nghttp2_session_callbacks_set_on_begin_headers_callback(raw_callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(raw_callbacks, on_header);
  nghttp2_session_callbacks_set_on_invalid_header_callback(raw_callbacks, on_invalid_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(raw_callbacks, on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(raw_callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(raw_callbacks, on_stream_close);

  nghttp2_option* raw_option = nullptr;
  nghttp2_option_new(&raw_option);
  const std::unique_ptr<nghttp2_option, OptionDeleter> option{raw_option};
  nghttp2_option_set_max_settings(raw_option, limits::kSettingsEntries);
  nghttp2_option_set_max_outbound_ack(raw_option, limits::kAckQueue);
  nghttp2_option_set_max_reserved_remote_streams(raw_option, 0);
  nghttp2_option_set_peer_max_concurrent_streams(raw_option, limits::kStreams);
  nghttp2_option_set_no_closed_streams(raw_option, 1);

  nghttp2_session_client_new2(&session, raw_callbacks, this, raw_option);
  const std::array<nghttp2_settings_entry, 3> settings = {{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits::kStreamWindowBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits::kHeaderBytes},
  }};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                        limits::kConnectionWindowBytes);
}

// The stream goes back before the listener hears of it: it may submit the next request.
void Http2::State::end(Stream& stream, Event event) {
  nghttp2_session_set_stream_user_data(session, stream.id, nullptr);
  const auto place = std::ranges::find(streams, &stream, &std::unique_ptr<Stream>::get);
  std::unique_ptr<Stream> owned = std::move(*place);
  *place = std::move(streams.back());
  streams.pop_back();
  event.token = owned->token;
  if (owned->cancelled) {
    --cancelled;
  } else {
    if (event.kind == EndKind::response) event.response = &owned->reader.response();
    listener.on_end(event);
  }
  owned->reader.drop_body();
  spare.push_back(std::move(owned));
}

void Http2::State::end_all(EndKind kind) {
  while (!streams.empty()) end(*streams.back(), Event{.kind = kind});
}

int Http2::State::on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  State& state = of(user);
  state.progress();
  const Stream* const stream = state.find(frame->hd.stream_id);
  if (stream != nullptr && !stream->cancelled) state.listener.on_progress(stream->token);
  return 0;
}

int Http2::State::on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                            size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                            void* user) {
  State& state = of(user);
  Stream* const stream = state.find(frame->hd.stream_id);
  if (stream == nullptr || stream->reader.problem() != Problem::none) return 0;
  const std::string_view key = text_of(name, name_size);
  const std::string_view text = text_of(value, value_size);
  if (key == ":status") {
    // nghttp2 has checked that these are three digits.
    const auto code =
        static_cast<uint16_t>((text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
    if (code < 200) {
      return ++stream->informational > limits::kInformational
                 ? state.refuse(*stream, Problem::header_limit)
                 : 0;
    }
    stream->final_head = true;
    return stream->reader.status(code) == Problem::none
               ? 0
               : state.refuse(*stream, Problem::bad_framing);
  }
  if (!stream->final_head) return 0;
  // Trailers only count: what matters was said before the body.
  const Problem problem = stream->reader.header(stream->head_complete ? "trailer" : key, text);
  return problem == Problem::none ? 0 : state.refuse(*stream, problem);
}

// nghttp2 would only leave it out.
int Http2::State::on_invalid_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t*,
                                    size_t, const uint8_t*, size_t, uint8_t, void* user) {
  State& state = of(user);
  Stream* const stream = state.find(frame->hd.stream_id);
  return stream == nullptr ? 0 : state.refuse(*stream, Problem::bad_header);
}

void Http2::State::head_ended(Stream& stream) {
  if (!stream.final_head || std::exchange(stream.head_complete, true)) return;
  if (stream.reader.problem() != Problem::none) return;
  if (stream.reader.head_done() != Problem::none) (void)refuse(stream, stream.reader.problem());
}

int Http2::State::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  State& state = of(user);
  Stream* const stream = frame->hd.stream_id == 0 ? nullptr : state.find(frame->hd.stream_id);
  const bool end_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      if (stream != nullptr) {
        state.head_ended(*stream);
        stream->ended = stream->ended || end_stream;
      }
      return 0;
    case NGHTTP2_DATA:
      if (stream != nullptr && end_stream) stream->ended = true;
      return frame->hd.length == 0 && !end_stream ? state.count_idle() : 0;
    case NGHTTP2_GOAWAY: state.goaway = true; return state.count_idle();
    case NGHTTP2_SETTINGS: state.settings_heard = true; return state.count_idle();
    default: return state.count_idle();
  }
}

int Http2::State::on_data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                          void* user) {
  State& state = of(user);
  state.progress();
  Stream* const stream = state.find(id);
  if (stream == nullptr || stream->reader.problem() != Problem::none) return 0;
  if (!stream->cancelled) state.listener.on_progress(stream->token);
  const Problem problem = stream->reader.body(std::as_bytes(std::span{data, size}));
  return problem == Problem::none ? 0 : state.refuse(*stream, problem);
}

int Http2::State::on_stream_close(nghttp2_session*, int32_t id, uint32_t error_code, void* user) {
  State& state = of(user);
  Stream* stream = state.find(id);
  const bool opened = stream != nullptr;
  if (!opened) stream = state.find_unopened(id);
  if (stream == nullptr) return 0;
  Event event{.error_code = error_code};
  const Problem problem = stream->reader.problem();
  if (problem != Problem::none) {
    event.kind = EndKind::problem;
    event.problem = problem;
  } else if (stream->ended && stream->final_head && error_code == NGHTTP2_NO_ERROR) {
    event.problem = stream->reader.finish();
    event.kind = event.problem == Problem::none ? EndKind::response : EndKind::problem;
  } else if (!opened || error_code == NGHTTP2_REFUSED_STREAM) {
    event.kind = EndKind::unprocessed;
  } else {
    event.kind = EndKind::reset;
  }
  state.end(*stream, event);
  return 0;
}

Http2::Http2(Http2Listener& listener, BodyRoom* bodies)
    : state_(std::make_unique<State>(listener, bodies)) {
  state_->open();
}
Http2::~Http2() = default;

uint32_t Http2::room() const noexcept {
  if (draining()) return 0;
  const uint32_t ours = state_->settings_heard ? limits::kStreams : limits::kStreamsAhead;
  const uint32_t allowed =
      std::min(ours, nghttp2_session_get_remote_settings(state_->session,
                                                         NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
  return allowed - std::min(allowed, static_cast<uint32_t>(state_->streams.size()));
}

bool Http2::submit(uint64_t token, const Request& request) {
  if (room() == 0) return false;
  std::array<nghttp2_nv, 8> fields = {header(":method", "GET"),
                                      header(":scheme", "https"),
                                      header(":authority", request.authority),
                                      header(":path", request.target),
                                      header("accept", kAccept),
                                      header("accept-encoding", "gzip"),
                                      header("user-agent", request.user_agent),
                                      header("if-none-match", request.if_none_match)};
  const size_t count = fields.size() - (request.if_none_match.empty() ? 1 : 0);
  std::unique_ptr<Stream> stream;
  if (state_->spare.empty()) {
    stream = std::make_unique<Stream>(state_->bodies);
  } else {
    stream = std::move(state_->spare.back());
    state_->spare.pop_back();
  }
  stream->reader.reset();
  stream->token = token;
  stream->final_head = stream->head_complete = stream->ended = stream->cancelled = false;
  stream->informational = 0;
  stream->id =
      nghttp2_submit_request(state_->session, nullptr, fields.data(), count, nullptr, stream.get());
  if (stream->id < 0) {
    state_->spare.push_back(std::move(stream));
    return false;
  }
  state_->streams.push_back(std::move(stream));
  return true;
}

void Http2::cancel(uint64_t token) {
  const auto place = std::ranges::find_if(state_->streams, [&](const auto& stream) {
    return stream->token == token && !stream->cancelled;
  });
  if (place == state_->streams.end()) return;
  (*place)->cancelled = true;
  ++state_->cancelled;
  nghttp2_submit_rst_stream(state_->session, NGHTTP2_FLAG_NONE, (*place)->id, NGHTTP2_CANCEL);
}

bool Http2::received(std::span<const std::byte> in) {
  if (state_->broken) return false;
  const auto used = nghttp2_session_mem_recv(
      state_->session, reinterpret_cast<const uint8_t*>(in.data()), in.size());
  if (used == static_cast<ssize_t>(in.size())) return true;
  state_->broken = true;
  state_->end_all(EndKind::closed);
  return false;
}

bool Http2::append_output(std::string& out) {
  while (!state_->broken) {
    const uint8_t* data = nullptr;
    const auto size = nghttp2_session_mem_send(state_->session, &data);
    if (size == 0) break;
    if (size < 0) {
      state_->broken = true;
      state_->end_all(EndKind::closed);
      break;
    }
    out.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
  }
  // Nothing to read and nothing to write: nghttp2 has given the connection up (a protocol error).
  if (!state_->broken && nghttp2_session_want_read(state_->session) == 0 &&
      nghttp2_session_want_write(state_->session) == 0) {
    state_->broken = true;
    state_->end_all(EndKind::closed);
  }
  return !state_->broken;
}

void Http2::peer_closed() {
  state_->broken = true;
  state_->end_all(EndKind::closed);
}

bool Http2::draining() const noexcept {
  return state_->broken || state_->goaway ||
         nghttp2_session_get_next_stream_id(state_->session) >=
             static_cast<uint32_t>(limits::kStreamIdLast);
}

uint32_t Http2::in_flight() const noexcept {
  return static_cast<uint32_t>(state_->streams.size()) - state_->cancelled;
}

}  // namespace zonesweep::http
