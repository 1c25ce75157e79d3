#include "protocols/http/http1.h"

#include <llhttp.h>

#include <cassert>
#include <utility>

namespace zonesweep::http {

struct Http1::State {
  llhttp_t parser{};
  llhttp_settings_t settings{};
  ResponseReader reader;
  std::string field;
  std::string value;
  size_t head_bytes = 0;
  uint32_t informational = 0;
  const char* input = nullptr;  // of the call of received() in hand
  bool line_ended = false;      // the input before it ended with a line
  bool in_flight = false;
  bool message_done = false;
  bool interim = false;  // the head in hand is of a 1xx response
  bool keep_alive = true;

  explicit State(BodyRoom* bodies) : reader(bodies) {}
  void begin() {
    llhttp_init(&parser, HTTP_RESPONSE, &settings);
    parser.data = this;
    reader.reset();
    field.clear();
    value.clear();
    head_bytes = 0;
    informational = 0;
    message_done = interim = false;
  }

  [[nodiscard]] int stop(Problem problem) {
    reader.fail(problem);
    return HPE_USER;
  }
  [[nodiscard]] static State& of(llhttp_t* parser) { return *static_cast<State*>(parser->data); }

  // A head that never ends must not be collected: names and values count while they come.
  [[nodiscard]] int grow(std::string& text, const char* at, size_t size) {
    head_bytes += size;
    if (head_bytes > limits::kHeaderBytes) return stop(Problem::header_limit);
    text.append(at, size);
    return HPE_OK;
  }
  [[nodiscard]] int flush_header() {
    if (field.empty() && value.empty()) return HPE_OK;
    const Problem problem = interim ? Problem::none : reader.header(field, value);
    field.clear();
    value.clear();
    return problem == Problem::none ? HPE_OK : HPE_USER;
  }

  static int on_status_complete(llhttp_t* parser) {
    State& state = of(parser);
    const int code = parser->status_code;
    state.interim = code >= 100 && code < 200;
    if (state.interim) {
      if (code == 101) return state.stop(Problem::unexpected);
      return ++state.informational > limits::kInformational ? state.stop(Problem::header_limit)
                                                            : HPE_OK;
    }
    return state.reader.status(static_cast<uint16_t>(code)) == Problem::none ? HPE_OK : HPE_USER;
  }
  static int on_header_field(llhttp_t* parser, const char* at, size_t size) {
    return of(parser).grow(of(parser).field, at, size);
  }
  // A value that goes on elsewhere than at the beginning of the input is folded over lines (RFC 9112
  // section 5.2): who says where it ends?
  static int on_header_value(llhttp_t* parser, const char* at, size_t size) {
    if (!of(parser).value.empty() && (at != of(parser).input || of(parser).line_ended)) {
      return of(parser).stop(Problem::bad_header);
    }
    return of(parser).grow(of(parser).value, at, size);
  }
  static int on_header_value_complete(llhttp_t* parser) { return of(parser).flush_header(); }
  static int on_headers_complete(llhttp_t* parser) {
    State& state = of(parser);
    if (state.interim) return HPE_OK;
    return state.reader.head_done() == Problem::none ? 0 : -1;
  }
  static int on_body(llhttp_t* parser, const char* at, size_t size) {
    State& state = of(parser);
    return state.reader.body(std::as_bytes(std::span{at, size})) == Problem::none ? HPE_OK
                                                                                  : HPE_USER;
  }
  static int on_message_complete(llhttp_t* parser) {
    State& state = of(parser);
    if (state.interim) return HPE_OK;
    state.keep_alive = llhttp_should_keep_alive(parser) != 0;
    state.message_done = true;
    return HPE_PAUSED;  // what follows belongs to nobody
  }
};

Http1::Http1(BodyRoom* bodies) : state_(std::make_unique<State>(bodies)) {
  llhttp_settings_t& settings = state_->settings;
  llhttp_settings_init(&settings);
  settings.on_status_complete = State::on_status_complete;
  settings.on_header_field = State::on_header_field;
  settings.on_header_value = State::on_header_value;
  settings.on_header_value_complete = State::on_header_value_complete;
  settings.on_headers_complete = State::on_headers_complete;
  settings.on_body = State::on_body;
  settings.on_message_complete = State::on_message_complete;
}
Http1::~Http1() = default;

void Http1::start(const Request& request, std::string& out) {
  assert(idle() && reusable());
  state_->begin();
  state_->in_flight = true;
  out.append("GET ").append(request.target).append(" HTTP/1.1\r\nHost: ").append(request.authority);
  out.append("\r\nAccept: ").append(kAccept).append("\r\nAccept-Encoding: gzip\r\nUser-Agent: ");
  out.append(request.user_agent);
  if (!request.if_none_match.empty())
    out.append("\r\nIf-None-Match: ").append(request.if_none_match);
  out.append("\r\n\r\n");
}

Http1::Step Http1::received(std::span<const std::byte> in) {
  State& state = *state_;
  if (!state.in_flight) {  // a server that speaks unasked
    state.keep_alive = false;
    state.reader.fail(Problem::unexpected);
    return Step::failed;
  }
  const char* const begin = reinterpret_cast<const char*>(in.data());
  state.input = begin;
  const llhttp_errno_t error = llhttp_execute(&state.parser, begin, in.size());
  if (!in.empty()) state.line_ended = in.back() == std::byte{'\n'};
  if (state.message_done) {
    const bool left_over =
        error == HPE_PAUSED && llhttp_get_error_pos(&state.parser) != begin + in.size();
    if (left_over) state.keep_alive = false;
    state.in_flight = false;
    if (state.reader.finish() == Problem::none) return Step::done;
  } else if (error == HPE_OK && state.reader.problem() == Problem::none) {
    return Step::need_bytes;
  }
  state.reader.fail(Problem::bad_framing);  // unless there is a better reason already
  state.in_flight = false;
  state.keep_alive = false;
  return Step::failed;
}

Http1::Step Http1::peer_closed(bool clean) {
  State& state = *state_;
  const bool was_asked = std::exchange(state.in_flight, false);
  state.keep_alive = false;
  if (!was_asked) return Step::done;
  const bool by_end =
      llhttp_message_needs_eof(&state.parser) != 0 && state.reader.response().status != 0;
  if (state.reader.problem() == Problem::none && by_end && clean &&
      llhttp_finish(&state.parser) != HPE_INVALID_EOF_STATE && state.message_done &&
      state.reader.finish() == Problem::none) {
    return Step::done;
  }
  state.reader.fail(Problem::truncated);
  return Step::failed;
}

bool Http1::idle() const noexcept { return !state_->in_flight; }
bool Http1::reusable() const noexcept { return state_->keep_alive && !state_->in_flight; }
Problem Http1::problem() const noexcept { return state_->reader.problem(); }
const Response& Http1::response() const noexcept { return state_->reader.response(); }
void Http1::forget_body() { state_->reader.drop_body(); }

}  // namespace zonesweep::http
