// Bytes of a server, HTTP/1.1 or HTTP/2 by the first one, cut where the second says: each request
// ends once.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "protocols/http/http1.h"
#include "protocols/http/http2.h"
#include "protocols/http/url.h"

namespace {

using namespace zonesweep::http;

constexpr Request kRequest{
    .authority = "rdap.example", .target = "/domain/example.com", .user_agent = "fuzz"};

struct Counter final : Http2Listener {
  uint64_t ended = 0;
  uint32_t events = 0;
  void on_end(const Event& event) override {
    assert(event.token < 4 && (ended >> event.token & 1) == 0);
    assert((event.response != nullptr) == (event.kind == EndKind::response));
    ended |= uint64_t{1} << event.token;
    ++events;
  }
};

void run_http2(std::span<const std::byte> bytes, size_t piece) {
  Counter counter;
  Http2 http{counter};
  std::string out;
  uint32_t asked = 0;
  for (uint64_t token = 0; token < 4; ++token) asked += http.submit(token, kRequest) ? 1 : 0;
  bool alive = http.append_output(out);
  while (!bytes.empty() && alive) {
    const size_t size = std::min(piece, bytes.size());
    alive = http.received(bytes.first(size)) && http.append_output(out);
    bytes = bytes.subspan(size);
  }
  http.peer_closed();
  assert(counter.events == asked && http.in_flight() == 0);
}

void run_http1(std::span<const std::byte> bytes, size_t piece) {
  Http1 http;
  std::string out;
  http.start(kRequest, out);
  auto step = Http1::Step::need_bytes;
  while (!bytes.empty() && step == Http1::Step::need_bytes) {
    const size_t size = std::min(piece, bytes.size());
    step = http.received(bytes.first(size));
    bytes = bytes.subspan(size);
  }
  if (step == Http1::Step::need_bytes) step = http.peer_closed(true);
  assert((step == Http1::Step::done) == (http.problem() == Problem::none));
  assert(http.response().body.size() <= limits::kBodyBytes);
  (void)resolve(Url{"rdap.example", 443, "/"}, http.response().location);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const auto bytes = std::as_bytes(std::span{data + 2, size - 2});
  const size_t piece = size_t{data[1]} + 1;
  if (data[0] % 2 == 0) {
    run_http1(bytes, piece);
  } else {
    run_http2(bytes, piece);
  }
  return 0;
}
