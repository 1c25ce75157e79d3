// What comes back: replies, failures, timeouts; and the rows that follow from them.
#include <algorithm>
#include <cassert>

#include "engine/dns_lane.h"
#include "protocols/dns/edns.h"

namespace zonesweep::engine {
namespace {

uint16_t id_of(std::span<const std::byte> message) {
  return static_cast<uint16_t>(std::to_integer<unsigned>(message[0]) << 8 |
                               std::to_integer<unsigned>(message[1]));
}

TransportUsed transport_of(const Exchange& exchange) {
  return exchange.tcp ? TransportUsed::tcp : TransportUsed::udp;
}

std::string_view reason_for(Status status, io::Error net_error) {
  switch (status) {
    case Status::timeout: return "no answer in time";
    case Status::truncated: return "truncated over UDP and no answer over TCP";
    case Status::bad_answer: return "no usable answer";
    case Status::cancelled: return "the run was stopped";
    case Status::net_error: return io::name_of(net_error);
    default: return {};
  }
}

}  // namespace

void DnsLane::on_datagram(const io::Event& event) {
  if (event.bytes.size() < dns::limits::kHeaderBytes) {
    statistics_.garbage++;
    return;
  }
  const IdTable& table = ids(event.socket);
  const uint16_t id = id_of(event.bytes);
  const uint32_t slot = table.find(id);
  if (slot == IdTable::kFree) return on_stray(event.socket, event.bytes);
  const Question& question = questions_[slot];
  for (uint32_t index = 0; index < question.listening; ++index) {
    const Exchange& exchange = question.exchanges[index];
    if (exchange.id == id && exchange.path == event.socket && !exchange.tcp) {
      return on_reply(slot, index, event.bytes, event.truncated);
    }
  }
  on_stray(event.socket, event.bytes);
}

// The id stands for nothing. A guess at the id of a question that is open on this socket moves that
// question to TCP (FAULTS D5); anything else is late or doubled.
void DnsLane::on_stray(io::SocketId socket, std::span<const std::byte> bytes) {
  statistics_.late++;
  const auto message = dns::Message::parse(bytes);
  if (!message || !message->is_reply() || !message->has_question()) return;
  const dns::WireName name = message->question_name();
  const uint16_t type = message->question_type();
  const uint32_t slot = flights_.find(flights_.hash(name, type), [&](uint32_t other) {
    return questions_[other].type == type &&
           dns::equal_names(name_of_question(questions_[other]), name);
  });
  if (slot == SingleFlight::kNone || questions_[slot].state != Question::State::asked) return;
  const Exchange& exchange = questions_[slot].exchanges[0];
  if (exchange.tcp || exchange.path != socket) return;
  statistics_.forged++;
  over_tcp(slot);
}

void DnsLane::on_tcp_message(uint32_t slot, uint32_t link, uint16_t id,
                             std::span<const std::byte> message) {
  const Question& question = questions_[slot];
  for (uint32_t index = 0; index < question.listening; ++index) {
    const Exchange& exchange = question.exchanges[index];
    if (exchange.tcp && exchange.id == id && exchange.path == link)
      return on_reply(slot, index, message, false);
  }
}

void DnsLane::on_reply(uint32_t slot, uint32_t index, std::span<const std::byte> bytes, bool cut) {
  Question& question = questions_[slot];
  const Exchange& exchange = question.exchanges[index];
  const auto message = dns::Message::parse(bytes);
  if (!message) {
    statistics_.garbage++;
    question.saw_garbage = true;
    return;
  }
  if (question.probe) return on_probe_reply(slot, *message);
  const Asked asked{.name = name_of_question(question),
                    .type = question.type,
                    .tcp = exchange.tcp,
                    .edns = exchange.edns,
                    .cut = cut,
                    .client_cookie = servers_[exchange.server].client_cookie};
  const Verdict verdict = rule(asked, *message);
  if (verdict.ruling == Ruling::garbage) {
    statistics_.garbage++;
    question.saw_garbage = true;
    return;
  }
  if (verdict.ruling == Ruling::forged) {
    statistics_.forged++;
    return exchange.tcp ? void() : over_tcp(slot);
  }
  account_reply(question, index, verdict, *message);
  switch (verdict.ruling) {
    case Ruling::answer: return settle(slot, index, verdict, bytes);
    case Ruling::truncated:
      keep(question, index, Status::truncated, verdict.summary.rcode, bytes);
      return over_tcp(slot);
    case Ruling::without_edns:
      free_link(question, index);
      question.without_edns = true;
      return ask_again(slot);
    case Ruling::bad_cookie:
      if (question.cookie_retried) return over_tcp(slot);
      question.cookie_retried = true;
      return ask_again(slot);
    default: return elsewhere(slot, index, verdict, bytes);
  }
}

// Gives the permit back and lets the server's state learn.
void DnsLane::account_reply(Question& question, uint32_t index, const Verdict& verdict,
                            const dns::Message& reply) {
  Exchange& exchange = question.exchanges[index];
  DnsServer& server = servers_[exchange.server];
  if (exchange.tcp) {
    drop_permit(exchange);  // handshakes would distort the pace of UDP
  } else if (!exchange.counted) {
    server.pace.answered_late(exchange.mark);
  } else {
    exchange.counted = false;
    // A server that answers others and refuses this one may be counting: no answer, as far as its
    // pace goes.
    if (verdict.status == Status::refused && server.obliging) {
      server.pace.refused();
    } else {
      server.pace.answered(exchange.mark, now_ - exchange.sent);
    }
  }
  server.obliging |= verdict.ruling == Ruling::answer;
  if (!exchange.edns) return;
  if (verdict.ruling == Ruling::without_edns) return server.edns_refused();
  if (!verdict.summary.edns.present) return;
  server.edns_answered();
  const auto cookie = dns::cookie_of(reply, verdict.summary.edns);
  if (cookie.size() > dns::limits::kClientCookieBytes) server.learn_cookie(cookie);
}

void DnsLane::on_probe_reply(uint32_t slot, const dns::Message& reply) {
  const Question& probe = questions_[slot];
  const dns::Question sent{
      .name = name_of_question(probe), .type = probe.type, .id = probe.exchanges[0].id};
  if (dns::match_reply(sent, reply) != dns::Match::match) return;
  DnsServer& server = servers_[probe.exchanges[0].server];
  // Two in a row: one alone may have slipped through between two seconds of a limiter.
  if (++server.probes_answered >= 2) server.pace.answers_others();
  retire_probe(slot);
}

// The question leaves its running exchange or its pause. False if it stands in a queue already.
bool DnsLane::leave_exchange(uint32_t slot) {
  Question& question = questions_[slot];
  if (question.state == Question::State::asked) {
    asked_--;
    if (question.listening > 0) drop_permit(question.exchanges[0]);
  } else if (question.state == Question::State::pausing) {
    pausing_--;
  } else {
    return false;
  }
  timers_.disarm(slot);
  question.state = Question::State::between;
  return true;
}

void DnsLane::enqueue(uint32_t slot) {
  questions_[slot].state = Question::State::ready;
  questions_[slot].queued = now_;
  again_.push(questions_, slot);
}

// Asked anew, and no try is charged. What stands in a queue already only changed how it will be
// asked.
void DnsLane::ask_again(uint32_t slot) {
  if (!leave_exchange(slot)) return;
  enqueue(slot);
}

void DnsLane::over_tcp(uint32_t slot) {
  if (questions_[slot].use_tcp) return;
  questions_[slot].use_tcp = true;
  ask_again(slot);
}

// Keeps the best of the answers that are not good enough: a truncated one has data, a refusal has
// none.
void DnsLane::keep(Question& question, uint32_t index, Status status, uint16_t rcode,
                   std::span<const std::byte> bytes) {
  if (question.kept && question.kept->status == Status::truncated) return;
  const Exchange& exchange = question.exchanges[index];
  if (!question.kept) question.kept = std::make_unique<KeptAnswer>();
  KeptAnswer& kept = *question.kept;
  kept.message.assign(bytes.begin(), bytes.end());
  kept.status = status;
  kept.rcode = rcode;
  kept.server = exchange.server;
  kept.rtt_us = rtt_us(exchange);
  kept.transport = transport_of(exchange);
}

// Over TCP one answer is all there will be. Its place on the link is somebody else's now: a
// question that waits for a link must not hold one.
void DnsLane::free_link(Question& question, uint32_t index) {
  if (question.exchanges[index].tcp) stop_listening(question, index);
}

void DnsLane::elsewhere(uint32_t slot, uint32_t index, const Verdict& verdict,
                        std::span<const std::byte> bytes) {
  Question& question = questions_[slot];
  const bool running = question.state == Question::State::asked && index == 0;
  keep(question, index, verdict.status, verdict.summary.rcode, bytes);
  question.kept->message.shrink_to_fit();
  free_link(question, index);
  if (running) try_failed(slot, false, servers_.size() > 1);
}

// All resolvers are silent, and not for long yet: the names in hand wait, and no try is charged.
bool DnsLane::patient() const {
  return !draining_ && servers_.outage() &&
         now_ - servers_.last_answer() < options_.outage_patience;
}

void DnsLane::try_failed(uint32_t slot, bool free_of_charge, bool at_once) {
  Question& question = questions_[slot];
  if (free_of_charge && question.tries_free < limits::kFreeTries) {
    question.tries_free++;
  } else if (patient()) {
    question.deadline = now_ + options_.deadline;
    at_once = false;
  } else {
    question.tries_charged++;
  }
  if (question.tries_charged >= options_.tries || now_ >= question.deadline) {
    return give_up(slot);
  }
  leave_exchange(slot);
  if (!at_once) return pause(slot);
  enqueue(slot);
}

// RFC 9520 section 3.2: the same server is not asked the same again at once; doubled each time,
// with jitter.
void DnsLane::pause(uint32_t slot) {
  Question& question = questions_[slot];
  const Duration base =
      Duration{limits::kPauseFirst} * (1 << std::min<int>(question.tries_charged, 3));
  const double jitter = 0.75 + random_.next() / 131'072.0;  // 0.75 to 1.25
  question.state = Question::State::pausing;
  pausing_++;
  timers_.arm(slot,
              now_ + Duration{static_cast<int64_t>(static_cast<double>(base.count()) * jitter)});
}

void DnsLane::on_timer(uint32_t slot) {
  Question& question = questions_[slot];
  if (question.probe) {
    servers_[question.exchanges[0].server].probes_answered = 0;
    return retire_probe(slot);
  }
  if (question.state == Question::State::pausing) {
    pausing_--;
    return enqueue(slot);
  }
  assert(question.state == Question::State::asked);
  statistics_.timeouts++;
  Exchange& exchange = question.exchanges[0];
  DnsServer& server = servers_[exchange.server];
  // Of many ICMP errors few are heeded; silence beside one has the same cause.
  const bool gone = now_ - server.error_heeded <= options_.timeout;
  question.net_error = gone && !exchange.tcp ? server.last_error : io::Error::none;
  if (exchange.tcp) {
    drop_permit(exchange);
    tcp_.forget(exchange.path, exchange.id, true);
    stop_listening(question, 0);
    question.use_tcp = question.kept != nullptr && question.kept->status == Status::truncated;
    return try_failed(slot, false, true);
  }
  const bool dropped_by_limit = server.pace.lost_to_limit(exchange.mark);
  exchange.counted = false;
  server.pace.lost(exchange.mark);
  try_failed(slot, dropped_by_limit, true);
}

void DnsLane::on_send_failed(const io::Event& event) {
  const uint32_t slot = event.token;
  Question& question = questions_[slot];
  const bool running = question.state == Question::State::asked && question.listening > 0 &&
                       !question.exchanges[0].tcp && question.exchanges[0].path == event.socket;
  if (!running) return;  // settled meanwhile, by the answer to an earlier try
  if (question.probe) return retire_probe(slot);
  DnsServer& server = servers_[question.exchanges[0].server];
  stop_listening(question, 0);
  question.tries--;
  statistics_.sent--;
  statistics_.unsent++;
  if (io::is_local(event.error)) {
    server.pace.local_overload();
    return ask_again(slot);
  }
  question.net_error = event.error;
  try_failed(slot, false, servers_.size() > 1);
}

// An ICMP error: nobody is there. Everything that went out by this socket is lost.
void DnsLane::on_channel_error(const io::Event& event) {
  DnsServer& server = servers_[event.handle];
  server.pace.gone();
  if (now_ < server.error_heeded + limits::kChannelErrorEvery)
    return;  // a flood of forged ones costs little
  server.error_heeded = now_;
  server.last_error = event.error;
  due_.clear();
  for (const uint32_t slot : ids(event.socket).slots()) {
    if (slot == IdTable::kFree) continue;
    const Question& question = questions_[slot];
    const Exchange& exchange = question.exchanges[0];
    if (question.state != Question::State::asked || exchange.tcp || exchange.path != event.socket)
      continue;
    due_.push_back(slot);
  }
  for (const uint32_t slot : due_) {
    Question& question = questions_[slot];
    if (question.probe) {
      retire_probe(slot);
      continue;
    }
    question.net_error = event.error;
    try_failed(slot, false, servers_.size() > 1);
  }
}

void DnsLane::on_tcp_lost(uint32_t slot, uint32_t link, uint16_t id, io::Error error,
                          bool unserved) {
  Question& question = questions_[slot];
  for (uint32_t index = 0; index < question.listening; ++index) {
    const Exchange& exchange = question.exchanges[index];
    if (!exchange.tcp || exchange.id != id || exchange.path != link) continue;
    const bool running = question.state == Question::State::asked && index == 0;
    stop_listening(question, index);
    if (!running) return;
    if (unserved && question.tcp_requeues < limits::kTcpRequeues) {
      question.tcp_requeues++;
      return ask_again(slot);
    }
    question.net_error = error;
    // Only a truncated answer needs TCP; who came here by a forged one may try UDP again.
    question.use_tcp = question.kept != nullptr && question.kept->status == Status::truncated;
    return try_failed(slot, false, servers_.size() > 1);
  }
}

void DnsLane::settle(uint32_t slot, uint32_t index, const Verdict& verdict,
                     std::span<const std::byte> bytes) {
  const Question& question = questions_[slot];
  const Exchange& exchange = question.exchanges[index];
  const uint32_t rtt = rtt_us(exchange);
  statistics_.latency.record(rtt);
  conclude(slot, {.status = verdict.status,
                  .rcode = verdict.summary.rcode,
                  .message = bytes,
                  .summary = &verdict.summary,
                  .server = servers_[exchange.server].text,
                  .transport = transport_of(exchange),
                  .tries = question.tries,
                  .rtt_us = rtt,
                  .ts_us = wall_us_});
}

Status DnsLane::failure_of(const Question& question) const {
  if (question.saw_garbage) return Status::bad_answer;
  return question.net_error == io::Error::none ? Status::timeout : Status::net_error;
}

// All tries are used up: the best answer so far, or why there is none.
void DnsLane::give_up(uint32_t slot) {
  Question& question = questions_[slot];
  DnsRecord record{.status = failure_of(question), .tries = question.tries, .ts_us = wall_us_};
  const auto kept = std::move(question.kept);
  if (kept) {
    record.status = kept->status;
    record.rcode = kept->rcode;
    record.message = kept->message;
    record.server = servers_[kept->server].text;
    record.transport = kept->transport;
    record.rtt_us = kept->rtt_us;
  } else if (question.last_server != kNoSlot) {
    record.server = servers_[question.last_server].text;
    record.transport = question.use_tcp ? TransportUsed::tcp : TransportUsed::udp;
  }
  record.error = reason_for(record.status, question.net_error);
  conclude(slot, record);
}

void DnsLane::cancel(uint32_t slot) {
  const Question& question = questions_[slot];
  conclude(slot, {.status = Status::cancelled,
                  .tries = question.tries,
                  .ts_us = wall_us_,
                  .error = reason_for(Status::cancelled, io::Error::none)});
}

// The row of the question and of all that asked the same.
void DnsLane::conclude(uint32_t slot, DnsRecord record) {
  write_row(questions_[slot], record);
  if (answers_ && !record.cached) answers_->keep(record, now_, wall_us_);
  for (uint32_t follower = questions_[slot].followers; follower != kNoSlot;) {
    write_row(questions_[follower], record);
    const uint32_t next = questions_[follower].next;
    retire(follower);
    follower = next;
  }
  retire(slot);
}

void DnsLane::write_row(const Question& question, DnsRecord& record) {
  write_row(question.lookup, question.number, question.type, record);
}

void DnsLane::write_row(uint32_t slot, uint32_t number, uint16_t type, DnsRecord& record) {
  const Lookup& lookup = lookups_[slot];
  record.seq = lookup.seq;
  record.input = lookup.input();
  record.name = lookup.wire();
  record.type = type;
  writer_.write(lookup.chunk, number, record);
  statistics_.rows++;
  statistics_.statuses[static_cast<size_t>(record.status)]++;
}

void DnsLane::retire(uint32_t slot) {
  Question& question = questions_[slot];
  const bool follower = question.state == Question::State::following;
  const bool queued =
      question.state == Question::State::ready || question.state == Question::State::waiting;
  if (question.state == Question::State::fetching) {
    redis_->forget(question.fetch);
    end_fetch(question);
  }
  if (!follower) {
    leave_exchange(slot);
    stop_listening_all(question);
    flights_.erase(question.flight, slot);
    if (question.ticket.tracked) answers_->release(question.ticket);
  }
  question.kept.reset();
  if (--lookups_[question.lookup].questions_open == 0) lookup_ended(question.lookup);
  if (queued) {
    question.state = Question::State::spent;
  } else {
    free_slot(slot);
  }
}

void DnsLane::free_slot(uint32_t slot) {
  questions_[slot].state = Question::State::free;
  questions_.give_back(slot);
}

void DnsLane::retire_probe(uint32_t slot) {
  Question& probe = questions_[slot];
  servers_[probe.exchanges[0].server].probing = false;
  timers_.disarm(slot);
  stop_listening_all(probe);
  free_slot(slot);
}

uint32_t DnsLane::rtt_us(const Exchange& exchange) const {
  const auto us =
      std::chrono::duration_cast<std::chrono::microseconds>(now_ - exchange.sent).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(us, 0, UINT32_MAX));
}

}  // namespace zonesweep::engine
