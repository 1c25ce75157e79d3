// Exchanges out: permits, ids, queries.
#include <algorithm>
#include <bit>
#include <cassert>

#include "engine/dns_lane.h"

namespace zonesweep::engine {
namespace {

constexpr uint16_t kTypeNs = 2;
constexpr std::array<std::byte, 1> kRoot{};

// Twice the fair share of a socket; the ids of small tables stay in the processor's cache.
constexpr uint32_t kIdPlacesMin = 256;
constexpr uint32_t kIdPlacesMax = 32'768;

}  // namespace

// Fills the window: as many exchanges as there are permits and questions.
void DnsLane::launch() {
  launch_probes();
  // What could not start in the last turn waited apart, so that it is looked at once per turn.
  for (uint32_t left = held_.size(); left > 0; --left)
    again_.push(questions_, held_.pop(questions_));
  starved_ = true;
  while (servers_.any_permit() && rate_.has()) {
    const uint32_t slot = next_question();
    if (slot == kNoSlot) {
      starved_ = false;
      break;
    }
    const uint32_t server = servers_.pick(questions_[slot].last_server);
    if (server == DnsServers::kNoServer || !start(slot, server)) held_.push(questions_, slot);
  }
  flush_sends();
}

// The next question that may be asked, out of its queue; kNoSlot when there is none.
uint32_t DnsLane::next_question() {
  while (!again_.empty()) {
    const uint32_t slot = again_.pop(questions_);
    if (questions_[slot].state != Question::State::spent) return slot;
    free_slot(slot);
  }
  if (draining_) return kNoSlot;
  while (fresh_.empty()) {
    if (!pull()) return kNoSlot;
  }
  return fresh_.pop(questions_);
}

bool DnsLane::start(uint32_t slot, uint32_t server) {
  Question& question = questions_[slot];
  if (question.deadline == Instant{}) {
    question.deadline = now_ + options_.deadline;
  } else {
    question.deadline += now_ - question.queued;
    question.queued = now_;
  }
  return question.use_tcp ? start_tcp(slot, server) : start_udp(slot, server);
}

bool DnsLane::start_udp(uint32_t slot, uint32_t index) {
  DnsServer& server = servers_[index];
  const auto id = ids(server.socket).claim(slot, random_);
  if (!id) {
    servers_.bar(index);
    return false;
  }
  Question& question = questions_[slot];
  dns::Query query = query_for(question, server);
  query.id = *id;
  post(slot, server, query);
  const Duration wait =
      question.tries_charged + 1U >= options_.tries
          ? options_.timeout  // the last one: nothing is gained by haste
          : server.pace.retry_timeout(question.tries_charged + 1U, options_.timeout);
  begun(slot,
        {.server = index,
         .path = server.socket,
         .mark = server.pace.sent(),
         .id = *id,
         .edns = query.edns,
         .counted = true,
         .sent = now_},
        wait);
  return true;
}

bool DnsLane::start_tcp(uint32_t slot, uint32_t index) {
  DnsServer& server = servers_[index];
  Question& question = questions_[slot];
  const dns::Query query = query_for(question, server);
  const auto ticket = tcp_.ask(index, server.endpoint, slot, query);
  if (!ticket) {
    held_.push(questions_, slot);
    return true;  // it has found a queue
  }
  statistics_.over_tcp++;
  begun(slot,
        {.server = index,
         .path = ticket->link,
         .mark = server.pace.sent(),
         .id = ticket->id,
         .tcp = true,
         .edns = query.edns,
         .counted = true,
         .sent = now_},
        options_.timeout);
  return true;
}

void DnsLane::begun(uint32_t slot, const Exchange& exchange, Duration wait) {
  Question& question = questions_[slot];
  servers_.spend(exchange.server);
  rate_.take();
  listen(question, exchange);
  question.state = Question::State::asked;
  question.last_server = exchange.server;
  question.tries = static_cast<uint8_t>(std::min(question.tries + 1, 255));
  asked_++;
  statistics_.sent++;
  if (question.tries > 1) statistics_.retries++;
  timers_.arm(slot, std::min(now_ + wait, question.deadline));
}

dns::Query DnsLane::query_for(const Question& question, const DnsServer& server) const {
  dns::Query query{.name = name_of_question(question), .type = question.type};
  query.recursion_desired = options_.recursion_desired;
  query.checking_disabled = options_.checking_disabled;
  query.dnssec_ok = options_.dnssec_ok;
  query.edns = edns_for(question, server);
  if (query.edns) query.cookie = server.cookie_bytes();
  return query;
}

bool DnsLane::edns_for(const Question& question, const DnsServer& server) const {
  if (question.without_edns || server.without_edns()) return false;
  // Some drop what they do not understand (FAULTS D18): the last try goes without.
  const bool last = options_.tries > 1 && question.tries_charged + 1U == options_.tries;
  return !last || question.use_tcp || question.kept != nullptr ||
         question.net_error != io::Error::none;
}

void DnsLane::post(uint32_t slot, const DnsServer& server, const dns::Query& query) {
  const size_t size = dns::query_bytes(query);
  if (arena_used_ + size > limits::kSendArenaBytes) flush_sends();
  const std::span<std::byte> bytes(arena_.get() + arena_used_, size);
  const size_t written = dns::write_query(query, bytes);
  assert(written == size);
  arena_used_ += written;
  outgoing_.push_back({.channel = server.channel, .token = slot, .bytes = bytes});
}

void DnsLane::flush_sends() {
  if (outgoing_.empty()) return;
  transport_.send(outgoing_);
  outgoing_.clear();
  arena_used_ = 0;
}

// A blacked-out server is asked something harmless now and then: if it answers that, the names are
// at fault.
void DnsLane::launch_probes() {
  for (uint32_t index = 0; index < servers_.size(); ++index) {
    DnsServer& server = servers_[index];
    if (server.pace.mode() != Pace::Mode::blackout) {
      server.probes_answered = 0;
      continue;
    }
    if (server.probing || now_ < server.probe_at || draining_ || questions_.room() == 0) continue;
    server.probe_at = now_ + limits::kProbeEvery;
    const io::SocketId socket = transport_.sending_socket(server.channel);
    const uint32_t slot = questions_.take();
    Question& probe = questions_[slot];
    probe = Question{};
    const auto id = ids(socket).claim(slot, random_);
    if (!id) {
      questions_.give_back(slot);
      continue;
    }
    probe.probe = true;
    probe.type = kTypeNs;
    probe.state = Question::State::asked;
    server.probing = true;
    post(slot, server, {.name = kRoot, .type = kTypeNs, .id = *id, .edns = false});
    listen(probe, {.server = index, .path = socket, .id = *id, .sent = now_});
    timers_.arm(slot, now_ + options_.timeout);
  }
}

// An earlier try may still be answered; the oldest gives way.
void DnsLane::listen(Question& question, const Exchange& exchange) {
  if (question.listening == limits::kExchangesListening)
    stop_listening(question, question.listening - 1U);
  std::copy_backward(question.exchanges.begin(), question.exchanges.begin() + question.listening,
                     question.exchanges.begin() + question.listening + 1);
  question.exchanges[0] = exchange;
  question.listening++;
}

void DnsLane::stop_listening(Question& question, uint32_t index) {
  Exchange& exchange = question.exchanges[index];
  drop_permit(exchange);
  if (exchange.tcp) {
    tcp_.forget(exchange.path, exchange.id, false);
  } else {
    ids_[exchange.path].release(exchange.id);
  }
  std::copy(question.exchanges.begin() + index + 1, question.exchanges.begin() + question.listening,
            question.exchanges.begin() + index);
  question.listening--;
}

// The permit of a query whose fate will not be known, or that says nothing about UDP.
void DnsLane::drop_permit(Exchange& exchange) {
  if (!exchange.counted) return;
  exchange.counted = false;
  servers_[exchange.server].pace.withdrawn(exchange.mark);
}

void DnsLane::stop_listening_all(Question& question) {
  while (question.listening > 0) stop_listening(question, question.listening - 1U);
}

IdTable& DnsLane::ids(io::SocketId socket) {
  IdTable& table = ids_[socket];
  if (table.empty()) {
    const uint32_t sockets = DnsServers::sockets_per_server(servers_.size()) * servers_.size();
    table = IdTable(
        std::bit_ceil(std::clamp(2 * questions_.size() / sockets, kIdPlacesMin, kIdPlacesMax)));
  }
  return table;
}

dns::WireName DnsLane::name_of_question(const Question& question) const {
  if (question.probe) return kRoot;
  return lookups_[question.lookup].wire();
}

}  // namespace zonesweep::engine
