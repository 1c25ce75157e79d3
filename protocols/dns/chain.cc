#include "protocols/dns/chain.h"

#include <algorithm>

namespace zonesweep::dns {
namespace {

// What the answer section holds for one name of the chain.
struct Found {
  bool answer = false;
  std::optional<uint16_t> cname;  // offset of the target of the first CNAME
};

bool asks_for(uint16_t question_type, uint16_t type) noexcept {
  return type == question_type || question_type == type::kAny;
}

Found look_up(const Message& message, uint16_t name, Effort& effort) noexcept {
  Found found;
  const uint16_t question_type = message.question_type();
  for (const Record& record : message.records()) {
    if (record.section != Section::answer) break;
    const bool answer = asks_for(question_type, record.type);
    if (!answer && record.type != type::kCname) continue;
    if (record.klass != klass::kIn ||
        !equal_names_at(message.bytes(), record.owner, name, effort)) {
      continue;
    }
    if (answer) {
      found.answer = true;
      return found;
    }
    if (!found.cname) found.cname = record.rdata;
  }
  return found;
}

void count_related(const Message& message, Summary& summary, Effort& effort) noexcept {
  uint32_t ttl = UINT32_MAX;
  for (const Record& record : message.records()) {
    if (record.section != Section::answer) break;
    const bool related =
        record.klass == klass::kIn &&
        (on_chain(message, summary, record.owner, effort) ||
         (record.type == type::kDname && above_chain(message, summary, record.owner, effort)));
    if (related) ttl = std::min(ttl, record.ttl());
    if (!related) ++summary.unrelated;
  }
  summary.answer_ttl = ttl == UINT32_MAX ? 0 : ttl;
}

}  // namespace

bool on_chain(const Message& message, const Summary& summary, uint16_t owner,
              Effort& effort) noexcept {
  for (size_t i = 0; i <= summary.chain_links; ++i) {
    if (equal_names_at(message.bytes(), owner, summary.names[i], effort)) return true;
  }
  return false;
}

bool above_chain(const Message& message, const Summary& summary, uint16_t owner,
                 Effort& effort) noexcept {
  for (size_t i = 0; i <= summary.chain_links; ++i) {
    if (at_or_below(message.bytes(), summary.names[i], owner, effort)) return true;
  }
  return false;
}

void follow_chain(const Message& message, Summary& summary, Effort& effort) noexcept {
  if (!message.has_question()) {
    summary.unrelated = message.count(Section::answer);
    return;
  }
  for (;;) {
    const Found found = look_up(message, summary.names[summary.chain_links], effort);
    summary.has_answer = found.answer;
    if (found.answer || !found.cname) break;
    if (on_chain(message, summary, *found.cname, effort)) {
      summary.chain = Chain::loop;
      break;
    }
    if (summary.chain_links == limits::kChainLinks) {
      summary.chain = Chain::too_long;
      break;
    }
    summary.chain = Chain::chain;
    summary.names[++summary.chain_links] = *found.cname;
  }
  count_related(message, summary, effort);
}

}  // namespace zonesweep::dns
