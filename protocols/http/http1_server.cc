#include "protocols/http/http1_server.h"

#include <llhttp.h>

#include <algorithm>
#include <string_view>

namespace zonesweep::http {
namespace {

// Of the codes that servers here use; a client has no use for the words.
[[nodiscard]] std::string_view reason_of(uint16_t status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 429: return "Too Many Requests";
    case 503: return "Service Unavailable";
    default: return "Status";
  }
}

[[nodiscard]] std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return out;
}

[[nodiscard]] bool has_field(const ServerResponse& response, std::string_view name) {
  return std::ranges::any_of(response.fields,
                             [&](const auto& field) { return field.first == name; });
}

}  // namespace

struct Http1Server::State {
  ServerListener& listener;
  llhttp_t parser{};
  llhttp_settings_t settings{};
  ServerRequest request;
  std::string field;
  std::string value;
  size_t request_bytes = 0;
  bool complete = false;  // a request is in hand, and waits for its response
  bool keep_alive = true;
  bool broken = false;
  bool over = false;
  std::string waiting;  // bytes behind the request in hand
  std::string out;

  explicit State(ServerListener& heard) : listener(heard) {}
  [[nodiscard]] static State& of(llhttp_t* parser) { return *static_cast<State*>(parser->data); }

  [[nodiscard]] int grow(std::string& text, const char* at, size_t size) {
    request_bytes += size;
    if (request_bytes > limits::kRequestBytes) return HPE_USER;
    text.append(at, size);
    return HPE_OK;
  }
  void keep_field() {
    const std::string name = lower(field);
    if (name == "host") request.authority = value;
    if (name == "accept") request.accept = value;
    if (name == "accept-encoding") request.accept_encoding = value;
    if (name == "if-none-match") request.if_none_match = value;
    if (name == "user-agent") request.user_agent = value;
    field.clear();
    value.clear();
  }
  void begin() {
    request = {};
    request_bytes = 0;
    complete = false;
  }
  void parse(std::string_view bytes);
  void answered();
};

Http1Server::Http1Server(ServerListener& listener) : state_(std::make_unique<State>(listener)) {
  llhttp_settings_t& settings = state_->settings;
  llhttp_settings_init(&settings);
  settings.on_url = [](llhttp_t* parser, const char* at, size_t size) {
    return State::of(parser).grow(State::of(parser).request.target, at, size);
  };
  settings.on_header_field = [](llhttp_t* parser, const char* at, size_t size) {
    return State::of(parser).grow(State::of(parser).field, at, size);
  };
  settings.on_header_value = [](llhttp_t* parser, const char* at, size_t size) {
    return State::of(parser).grow(State::of(parser).value, at, size);
  };
  settings.on_header_value_complete = [](llhttp_t* parser) {
    State::of(parser).keep_field();
    return 0;
  };
  settings.on_message_complete = [](llhttp_t* parser) -> int {
    State& state = State::of(parser);
    state.request.method = llhttp_method_name(static_cast<llhttp_method_t>(parser->method));
    state.keep_alive = llhttp_should_keep_alive(parser) != 0;
    state.complete = true;
    return HPE_PAUSED;
  };
  llhttp_init(&state_->parser, HTTP_REQUEST, &settings);
  state_->parser.data = state_.get();
}
Http1Server::~Http1Server() = default;

void Http1Server::State::parse(std::string_view bytes) {
  while (!bytes.empty() && !broken && !complete) {
    const llhttp_errno_t error = llhttp_execute(&parser, bytes.data(), bytes.size());
    if (error == HPE_OK) return;
    if (error != HPE_PAUSED) {
      broken = true;
      return;
    }
    bytes.remove_prefix(static_cast<size_t>(llhttp_get_error_pos(&parser) - bytes.data()));
    llhttp_resume(&parser);
    waiting = bytes;
    listener.on_request(0, request);
    return;
  }
  waiting.append(bytes);
}

bool Http1Server::received(std::span<const std::byte> in) {
  State& state = *state_;
  const std::string_view bytes{reinterpret_cast<const char*>(in.data()), in.size()};
  if (state.complete) {
    state.waiting.append(bytes);
    return state.waiting.size() <= limits::kRequestBytes;
  }
  state.parse(bytes);
  return !state.broken;
}

void Http1Server::respond(uint32_t, ServerResponse response) {
  State& state = *state_;
  if (!state.complete || state.over) return;
  std::string& out = state.out;
  out += "HTTP/1.1 " + std::to_string(response.status) + " ";
  out.append(reason_of(response.status)).append("\r\n");
  for (const auto& [name, value] : response.fields) {
    out.append(name).append(": ").append(value).append("\r\n");
  }
  const bool bodiless = response.status == 304 || response.status == 204;
  if (!bodiless && !has_field(response, "content-length") &&
      !has_field(response, "transfer-encoding")) {
    out += "content-length: " + std::to_string(response.body.size()) + "\r\n";
  }
  if (!state.keep_alive) out += "connection: close\r\n";
  out += "\r\n";
  if (!bodiless && state.request.method != "HEAD") out += response.body;
  state.over = !state.keep_alive;
  state.answered();
}

// The next request may have come already.
void Http1Server::State::answered() {
  begin();
  if (over || waiting.empty()) return;
  const std::string next = std::exchange(waiting, {});
  parse(next);
}

void Http1Server::inform(uint32_t, uint16_t status) {
  state_->out += "HTTP/1.1 " + std::to_string(status) + " Information\r\n\r\n";
}

void Http1Server::reset(uint32_t, uint32_t) { state_->over = true; }
void Http1Server::last(uint32_t) { state_->keep_alive = false; }

bool Http1Server::append_output(std::string& out) {
  out += state_->out;
  state_->out.clear();
  return !state_->over && !state_->broken;
}

}  // namespace zonesweep::http
