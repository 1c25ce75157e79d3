#include "engine/dns_tcp.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace zonesweep::engine {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr size_t kHeaderIdBytes = 2;

}  // namespace

DnsTcp::DnsTcp(io::Transport& transport, RandomIds& random, Client& client, uint32_t servers)
    : transport_(transport),
      random_(random),
      client_(client),
      links_(limits::kTcpLinks),
      pipeline_(servers, limits::kTcpPipeline),
      wire_(2 + dns::limits::kQueryBytes) {}

std::optional<DnsTcp::Ticket> DnsTcp::ask(uint32_t server, const io::Endpoint& peer, uint32_t slot,
                                          dns::Query query) {
  const uint32_t index = link_for(server, peer);
  if (index == kNone) return std::nullopt;
  Link& link = links_[index];
  const auto id = link.ids.claim(slot, random_);
  if (!id) return std::nullopt;
  query.id = *id;
  const size_t size = dns::write_query(query, std::span(wire_).subspan(2));
  assert(size > 0);
  // Length and message in one write: some servers read the prefix and the message as one (RFC 7766
  // section 8).
  std::ranges::copy(dns::stream_prefix(static_cast<uint16_t>(size)), wire_.begin());
  if (!transport_.write(link.stream, std::span(wire_).first(2 + size))) {
    link.ids.release(*id);
    return std::nullopt;
  }
  link.questions.emplace_back(*id, slot);
  link.waiting++;
  link.used = transport_.now();
  return Ticket{index, *id};
}

uint32_t DnsTcp::link_for(uint32_t server, const io::Endpoint& peer) {
  uint32_t best = kNone;
  uint32_t owned = 0;
  for (uint32_t i = 0; i < links_.size(); ++i) {
    const Link& link = links_[i];
    if (link.state == Link::State::free || link.server != server) continue;
    owned++;
    if (link.state != Link::State::up || link.waiting >= pipeline_[server]) continue;
    if (best == kNone || link.waiting < links_[best].waiting) best = i;
  }
  if (best != kNone || owned >= limits::kTcpLinksPerServer) return best;
  return open(server, peer);
}

uint32_t DnsTcp::open(uint32_t server, const io::Endpoint& peer) {
  const auto place = std::ranges::find(links_, Link::State::free, &Link::state);
  if (place == links_.end()) return kNone;
  const auto index = static_cast<uint32_t>(place - links_.begin());
  const auto stream = transport_.open_stream(peer, index);
  if (!stream) return kNone;
  place->state = Link::State::up;
  place->server = server;
  place->stream = *stream;
  place->served = 0;
  place->heard = false;
  place->used = transport_.now();
  if (!place->reader) place->reader = std::make_unique_for_overwrite<dns::StreamReader>();
  place->reader->reset();
  return index;
}

bool DnsTcp::remove(Link& link, uint16_t id) {
  const auto it = std::ranges::find(link.questions, id, &std::pair<uint16_t, uint32_t>::first);
  if (it == link.questions.end()) return false;
  *it = link.questions.back();
  link.questions.pop_back();
  link.ids.release(id);
  link.waiting--;
  return true;
}

void DnsTcp::forget(uint32_t index, uint16_t id, bool timed_out) {
  Link& link = links_[index];
  if (!remove(link, id)) return;
  if (!timed_out) return;
  // A connection that has been silent for a whole try is dead, or its server is: the next try gets
  // a new one.
  if (!link.heard && link.state == Link::State::up) {
    link.state = Link::State::closing;
    transport_.close(link.stream);
  }
  link.heard = false;
}

void DnsTcp::on_event(const io::Event& event) {
  if (event.token >= links_.size()) return;
  Link& link = links_[event.token];
  if (link.state == Link::State::free || !(link.stream == event.stream)) return;
  switch (event.kind) {
    case io::EventKind::stream_data: return received(event.token, event.bytes);
    case io::EventKind::stream_closed: return ended(event.token, event.error);
    default: return;
  }
}

void DnsTcp::received(uint32_t index, std::span<const std::byte> bytes) {
  Link& link = links_[index];
  link.heard = true;
  link.used = transport_.now();
  link.reader->feed(bytes);
  while (const auto whole = link.reader->next()) {
    if (link.state == Link::State::up) message(index, *whole);
  }
}

void DnsTcp::message(uint32_t index, std::span<const std::byte> bytes) {
  Link& link = links_[index];
  if (bytes.size() < dns::limits::kHeaderBytes) {  // not DNS: nothing after it can be trusted
    link.state = Link::State::closing;
    transport_.close(link.stream);
    return;
  }
  const auto id = static_cast<uint16_t>(std::to_integer<unsigned>(bytes[0]) << 8 |
                                        std::to_integer<unsigned>(bytes[kHeaderIdBytes - 1]));
  const auto it = std::ranges::find(link.questions, id, &std::pair<uint16_t, uint32_t>::first);
  if (it == link.questions.end()) return;
  link.served++;
  client_.on_tcp_message(it->second, index, id, bytes);
}

void DnsTcp::ended(uint32_t index, io::Error error) {
  Link& link = links_[index];
  const bool cut_off = link.served > 0;
  if (cut_off && link.waiting > 0) pipeline_[link.server] = 1;  // it answers one and hangs up
  auto questions = std::exchange(link.questions, {});
  for (const auto& [id, slot] : questions) link.ids.release(id);
  link.waiting = 0;
  link.state = Link::State::free;
  for (const auto& [id, slot] : questions) {
    client_.on_tcp_lost(slot, index, id, error == io::Error::none ? io::Error::reset : error,
                        cut_off);
  }
}

void DnsTcp::tick(Instant now) {
  for (Link& link : links_) {
    if (link.state != Link::State::up || link.waiting > 0 || now - link.used < limits::kTcpIdle)
      continue;
    link.state = Link::State::closing;
    transport_.close(link.stream);
  }
}

void DnsTcp::close_all() {
  for (Link& link : links_) {
    if (link.state != Link::State::up) continue;
    link.state = Link::State::closing;
    transport_.close(link.stream);
  }
}

}  // namespace zonesweep::engine
