// What goes out for a host, and what comes back.
#include <algorithm>
#include <cassert>

#include "engine/host_lookup.h"
#include "protocols/dns/query.h"
#include "protocols/dns/types.h"

namespace zonesweep::engine {
namespace {

constexpr std::array<uint16_t, 2> kTypes{dns::type::kA, dns::type::kAaaa};
constexpr uint32_t kAddressesPerFamily = limits::kHostAddresses / 2;

uint16_t id_of(std::span<const std::byte> message) {
  return static_cast<uint16_t>(std::to_integer<unsigned>(message[0]) << 8 |
                               std::to_integer<unsigned>(message[1]));
}

}  // namespace

IdTable& HostLookup::ids(io::SocketId socket) {
  if (ids_[socket].empty()) ids_[socket] = IdTable(limits::kHostIdPlaces);
  return ids_[socket];
}

uint32_t HostLookup::resolver_of(uint32_t channel) const {
  const auto found = std::ranges::find(resolvers_, channel, &Resolver::channel);
  return found == resolvers_.end() ? kNone : static_cast<uint32_t>(found - resolvers_.begin());
}

// --- out
// -------------------------------------------------------------------------------------------

void HostLookup::send(uint32_t slot) {
  return question(slot).over_tcp ? send_tcp(slot) : send_udp(slot);
}

void HostLookup::send_udp(uint32_t slot) {
  Question& asked = question(slot);
  const io::ChannelId channel = resolvers_[asked.resolver].channel;
  const io::SocketId socket = transport_.sending_socket(channel);
  const auto id = ids(socket).claim(slot, random_);
  if (!id) return pause(slot, limits::kHostNoRoom);
  if (asked.listening == asked.exchanges.size()) {
    const Exchange& oldest = asked.exchanges.back();
    ids(oldest.socket).release(oldest.id);
    asked.listening--;
  }
  std::shift_right(asked.exchanges.begin(), asked.exchanges.end(), 1);
  asked.exchanges[0] = {.socket = socket, .id = *id};
  asked.listening++;
  asked.tries++;
  asked.state = Question::State::asked;
  std::array<std::byte, dns::limits::kQueryBytes> wire;
  const size_t size = dns::write_query({.name = hosts_[slot / kFamilies].name,
                                        .type = kTypes[slot % kFamilies],
                                        .id = *id,
                                        .edns = asked.edns},
                                       wire);
  const io::Datagram query{.channel = channel, .token = slot, .bytes = std::span(wire).first(size)};
  transport_.send(std::span(&query, 1));
  queries_sent_++;
  timers_.arm(slot, transport_.now() + limits::kHostTryTimeout);
}

void HostLookup::send_tcp(uint32_t slot) {
  Question& asked = question(slot);
  const auto link = std::ranges::find(links_, false, &Link::used);
  if (link == links_.end()) return pause(slot, limits::kHostNoRoom);
  const auto index = static_cast<uint32_t>(link - links_.begin());
  const auto stream = transport_.open_stream(resolvers_[asked.resolver].endpoint, index);
  if (!stream) return pause(slot, limits::kHostNoRoom);
  link->used = true;
  link->stream = *stream;
  link->slot = slot;
  link->id = random_.next();
  if (!link->reader) link->reader = std::make_unique_for_overwrite<dns::StreamReader>();
  link->reader->reset();
  std::array<std::byte, 2 + dns::limits::kQueryBytes> wire;
  const size_t size = dns::write_query({.name = hosts_[slot / kFamilies].name,
                                        .type = kTypes[slot % kFamilies],
                                        .id = link->id,
                                        .edns = asked.edns},
                                       std::span(wire).subspan(2));
  std::ranges::copy(dns::stream_prefix(static_cast<uint16_t>(size)), wire.begin());
  transport_.write(*stream, std::span(wire).first(2 + size));  // a new stream has room for it
  asked.link = index;
  asked.tries++;
  asked.state = Question::State::asked;
  queries_sent_++;
  timers_.arm(slot, transport_.now() + limits::kHostTryTimeout);
}

void HostLookup::pause(uint32_t slot, io::Duration span) {
  question(slot).state = Question::State::pausing;
  timers_.arm(slot, transport_.now() + span);
}

void HostLookup::on_timer(uint32_t slot) {
  Question& asked = question(slot);
  const Host& host = hosts_[slot / kFamilies];
  if (asked.hurried || transport_.now() >= host.deadline) {
    return settle(slot, HostStatus::failed, 0);
  }
  if (asked.state == Question::State::pausing) return send(slot);
  leave_link(asked);
  if (!asked.over_tcp && preferred_ == asked.resolver) {
    preferred_ = (preferred_ + 1) % static_cast<uint32_t>(resolvers_.size());
  }
  try_failed(slot, false);
}

// `heard`: something came back, so the same resolver is not asked again at once.
void HostLookup::try_failed(uint32_t slot, bool heard) {
  Question& asked = question(slot);
  const bool late = asked.hurried || transport_.now() >= hosts_[slot / kFamilies].deadline;
  if (late || asked.tries >= limits::kHostTries) {
    return settle(slot, HostStatus::failed, 0);
  }
  asked.over_tcp = false;
  asked.resolver = (asked.resolver + 1) % static_cast<uint32_t>(resolvers_.size());
  if (heard && resolvers_.size() == 1) {
    return pause(slot, io::Duration{limits::kHostPause} * (1 << asked.tries));
  }
  send(slot);
}

// --- in
// --------------------------------------------------------------------------------------------

bool HostLookup::on_event(const io::Event& event) {
  switch (event.kind) {
    case io::EventKind::datagram:
    case io::EventKind::send_failed:
    case io::EventKind::channel_error: {
      if (resolver_of(event.handle) == kNone) return false;
      if (event.kind == io::EventKind::datagram) on_datagram(event);
      if (event.kind == io::EventKind::send_failed) on_send_failed(event);
      if (event.kind == io::EventKind::channel_error) on_icmp(event);
      return true;
    }
    case io::EventKind::stream_opened:
    case io::EventKind::stream_data:
    case io::EventKind::stream_closed: {
      const auto link = std::ranges::find_if(
          links_, [&](const Link& each) { return each.used && each.stream == event.stream; });
      if (link == links_.end()) return false;
      on_stream(*link, event);
      return true;
    }
  }
  return false;
}

void HostLookup::on_datagram(const io::Event& event) {
  if (event.bytes.size() < dns::limits::kHeaderBytes) return;
  const uint16_t id = id_of(event.bytes);
  const uint32_t slot = ids(event.socket).find(id);
  if (slot == IdTable::kFree) return on_stray(event);
  const Question& asked = question(slot);
  const auto heard = std::span(asked.exchanges).first(asked.listening);
  const bool ours = std::ranges::any_of(heard, [&](const Exchange& exchange) {
    return exchange.socket == event.socket && exchange.id == id;
  });
  if (!ours) return on_stray(event);
  on_reply(slot, event.bytes, false, event.truncated);
}

// A guess at the id of what is being asked on this socket moves that question to TCP (FAULTS T5).
void HostLookup::on_stray(const io::Event& event) {
  const auto message = dns::Message::parse(event.bytes);
  if (!message || !message->is_reply() || !message->has_question()) return;
  std::string text;
  dns::append_lower_name_text(message->question_name(), text, dns::FinalDot::dropped);
  const auto place = places_.find(text);
  const auto type = std::ranges::find(kTypes, message->question_type());
  if (place == places_.end() || type == kTypes.end()) return;
  const auto family = static_cast<uint32_t>(type - kTypes.begin());
  const Question& asked = hosts_[place->second].questions[family];
  if (asked.state != Question::State::asked || asked.over_tcp) return;
  if (asked.exchanges[0].socket == event.socket) over_tcp(place->second * kFamilies + family);
}

void HostLookup::on_send_failed(const io::Event& event) {
  const uint32_t slot = event.token;
  Question& asked = question(slot);
  if (asked.state != Question::State::asked || asked.over_tcp ||
      asked.exchanges[0].socket != event.socket) {
    return;  // settled meanwhile, or asked anew
  }
  if (!io::is_local(event.error)) return try_failed(slot, true);
  asked.tries--;
  pause(slot, limits::kHostNoRoom);
}

// An ICMP error: nobody is there. What went out by this socket is lost.
void HostLookup::on_icmp(const io::Event& event) {
  Resolver& resolver = resolvers_[resolver_of(event.handle)];
  const io::Instant now = transport_.now();
  if (now < resolver.icmp_heeded + limits::kHostIcmpEvery) return;
  resolver.icmp_heeded = now;
  const auto lost = ids(event.socket).slots();  // a copy: questions come and go below
  for (const uint32_t slot : lost) {
    if (slot == IdTable::kFree) continue;
    const Question& asked = question(slot);
    if (asked.state == Question::State::asked && !asked.over_tcp &&
        asked.exchanges[0].socket == event.socket) {
      try_failed(slot, true);
    }
  }
}

void HostLookup::on_stream(Link& link, const io::Event& event) {
  if (event.kind == io::EventKind::stream_data && link.slot != kNone) {
    link.reader->feed(event.bytes);
    while (const auto whole = link.reader->next()) {
      if (link.slot == kNone || whole->size() < dns::limits::kHeaderBytes) continue;
      if (id_of(*whole) == link.id) on_reply(link.slot, *whole, true, false);
    }
  }
  if (event.kind != io::EventKind::stream_closed) return;
  link.used = false;
  if (link.slot == kNone) return;
  const uint32_t slot = std::exchange(link.slot, kNone);
  question(slot).link = kNone;
  if (question(slot).state == Question::State::asked) try_failed(slot, true);
}

void HostLookup::on_reply(uint32_t slot, std::span<const std::byte> bytes, bool tcp, bool cut) {
  Question& asked = question(slot);
  const auto message = dns::Message::parse(bytes);
  if (!message) return;
  const Verdict verdict = rule({.name = hosts_[slot / kFamilies].name,
                                .type = kTypes[slot % kFamilies],
                                .tcp = tcp,
                                .edns = asked.edns,
                                .cut = cut},
                               *message);
  const bool running = asked.state == Question::State::asked && asked.over_tcp == tcp;
  switch (verdict.ruling) {
    case Ruling::garbage: return;
    case Ruling::forged: return tcp ? void() : over_tcp(slot);
    case Ruling::answer: return on_answer(slot, *message, verdict);
    case Ruling::truncated:
      if (verdict.summary.has_answer) return on_answer(slot, *message, verdict);
      return over_tcp(slot);
    case Ruling::without_edns:
      if (!running || !asked.edns) return;
      asked.edns = false;
      asked.tries--;
      leave_link(asked);
      return send(slot);
    case Ruling::bad_cookie:
    case Ruling::elsewhere:
      if (!running) return;
      leave_link(asked);
      return try_failed(slot, true);
  }
}

void HostLookup::on_answer(uint32_t slot, const dns::Message& message, const Verdict& verdict) {
  Question& asked = question(slot);
  preferred_ = asked.resolver;
  const dns::Summary& summary = verdict.summary;
  if (summary.rcode == dns::rcode::kNxDomain) {
    return settle(slot, HostStatus::no_such_host, summary.negative_ttl.value_or(0));
  }
  if (summary.chain == dns::Chain::loop || summary.chain == dns::Chain::too_long) {
    return settle(slot, HostStatus::failed, 0);
  }
  take_addresses(asked, message, summary, kTypes[slot % kFamilies]);
  if (!asked.addresses.empty()) return settle(slot, HostStatus::found, summary.answer_ttl);
  settle(slot, HostStatus::no_address, summary.negative_ttl.value_or(0));
}

void HostLookup::take_addresses(Question& asked, const dns::Message& message,
                                const dns::Summary& summary, uint16_t type) const {
  const bool v4 = type == dns::type::kA;
  const size_t size = v4 ? 4 : 16;
  dns::Effort effort;
  for (const dns::Record& record : message.records()) {
    if (record.section != dns::Section::answer || record.type != type ||
        record.klass != dns::klass::kIn || record.rdata_size != size) {
      continue;
    }
    const uint16_t owner = summary.names[summary.chain_links];
    if (!dns::equal_names_at(message.bytes(), record.owner, owner, effort)) continue;
    io::Endpoint endpoint{.family = v4 ? io::Endpoint::Family::v4 : io::Endpoint::Family::v6};
    std::ranges::copy(message.rdata(record), endpoint.address.begin());
    asked.addresses.push_back(endpoint);
    if (asked.addresses.size() == kAddressesPerFamily) return;
  }
}

// No try is charged. Who guesses ids has no more to guess at.
void HostLookup::over_tcp(uint32_t slot) {
  Question& asked = question(slot);
  if (asked.over_tcp || asked.state == Question::State::settled) return;
  stop_listening(slot);
  asked.over_tcp = true;
  asked.tries = static_cast<uint8_t>(asked.tries - (asked.tries > 0 ? 1 : 0));
  send(slot);
}

void HostLookup::settle(uint32_t slot, HostStatus status, uint32_t ttl) {
  Question& asked = question(slot);
  assert(asked.state != Question::State::settled);
  timers_.disarm(slot);
  stop_listening(slot);
  leave_link(asked);
  asked.state = Question::State::settled;
  asked.status = status;
  asked.ttl = ttl;
  const uint32_t index = slot / kFamilies;
  const auto settled = [](const Question& each) { return each.state == Question::State::settled; };
  if (std::ranges::all_of(hosts_[index].questions, settled)) return conclude(index);
  if (status == HostStatus::found) hurry(slot ^ 1U);
}

void HostLookup::hurry(uint32_t slot) {
  question(slot).hurried = true;
  timers_.arm(slot, transport_.now() + limits::kHostOtherFamily);
}

void HostLookup::stop_listening(uint32_t slot) {
  Question& asked = question(slot);
  for (const Exchange& exchange : std::span(asked.exchanges).first(asked.listening)) {
    ids(exchange.socket).release(exchange.id);
  }
  asked.listening = 0;
}

void HostLookup::leave_link(Question& asked) {
  if (asked.link == kNone) return;
  Link& link = links_[std::exchange(asked.link, kNone)];
  link.slot = kNone;
  transport_.close(link.stream);
}

}  // namespace zonesweep::engine
