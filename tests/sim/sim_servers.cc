#include "tests/sim/sim_servers.h"

#include "tests/sim/sim_transport.h"

namespace zonesweep::sim {
namespace {

Bytes one_address(std::span<const std::byte> query, bool) {
  const SimQuestion question = question_of(query);
  SimReply reply;
  reply.edns = question.edns;
  if (question.type == 1) reply.answers.push_back(a_record_of(question.name));
  return dns_reply(query, reply);
}

std::string lower(std::string text) {
  for (char& letter : text) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter + ('a' - 'A'));
  }
  return text;
}

}  // namespace

AnsweringServer::AnsweringServer() : answer_(one_address) {}

Bytes AnsweringServer::answer(std::span<const std::byte> query, bool over_tcp) {
  const SimQuestion question = question_of(query);
  ++asked[{lower(question.name), question.type}];
  return answer_(query, over_tcp);
}

void AnsweringServer::on_datagram(const SimPeer& from, std::span<const std::byte> query) {
  if (!limit.admit(from.net().now().time_since_epoch())) {
    ++dropped;
    return;
  }
  const Bytes reply = answer(query, false);
  if (!reply.empty()) from.reply(reply, think);
}

void AnsweringServer::on_bytes(const SimConnection& from, std::span<const std::byte> bytes) {
  Inbox& inbox = unread_[key(from)];
  inbox.bytes.insert(inbox.bytes.end(), bytes.begin(), bytes.end());
  size_t at = 0;
  while (inbox.bytes.size() - at >= 2) {
    const size_t size = std::to_integer<size_t>(inbox.bytes[at]) << 8U |
                        std::to_integer<size_t>(inbox.bytes[at + 1]);
    if (inbox.bytes.size() - at - 2 < size) break;
    answer_on(from, inbox, std::span(inbox.bytes).subspan(at + 2, size));
    at += 2 + size;
  }
  inbox.bytes.erase(inbox.bytes.begin(), inbox.bytes.begin() + static_cast<ptrdiff_t>(at));
}

void AnsweringServer::answer_on(const SimConnection& stream, Inbox& inbox,
                                std::span<const std::byte> query) {
  const Bytes reply = answer(query, true);
  if (mute_streams || reply.empty()) return;
  if (closes_after > 0 && inbox.answered >= closes_after) return;
  if (resets_after > 0 && inbox.answered >= resets_after) return;
  ++inbox.answered;
  stream.send(with_length(reply), think);
  if (inbox.answered == closes_after) stream.close(think);
  if (inbox.answered == resets_after) stream.reset(think);
}

}  // namespace zonesweep::sim
