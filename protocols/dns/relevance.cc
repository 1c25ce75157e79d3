#include "protocols/dns/relevance.h"

#include <algorithm>

#include "protocols/dns/chain.h"
#include "protocols/dns/octets.h"

namespace zonesweep::dns {
namespace {

constexpr size_t kSignerOffset = 18;  // of an RRSIG: behind the key tag

// Where the name stands in the RDATA that a record leads to, for types that have one.
std::optional<uint16_t> target_of(const Record& record) noexcept {
  const auto at = [&](unsigned offset) { return static_cast<uint16_t>(record.rdata + offset); };
  switch (record.type) {
    case type::kNs:
    case type::kCname:
    case type::kPtr:
    case type::kDname: return at(0);
    case type::kMx:
    case type::kAfsdb:
    case type::kKx:
    case type::kRt:
    case type::kSvcb:
    case type::kHttps: return at(2);
    case type::kSrv: return at(6);
    default: return std::nullopt;
  }
}

bool is_zone_wide(uint16_t type) noexcept {
  return type == type::kNsec || type == type::kNsec3 || type == type::kRrsig;
}

bool is_address_like(uint16_t type) noexcept {
  return type == type::kA || type == type::kAaaa || type == type::kSvcb || type == type::kHttps ||
         type == type::kTlsa || type == type::kRrsig;
}

}  // namespace

Relevance::Relevance(const Message& message, const Summary& summary) noexcept
    : message_(message), summary_(summary) {
  if (message.count(Section::authority) == 0 || !message.has_question()) return;
  for (const Record& record : message.records()) {
    if (record.section == Section::additional) break;
    if (record.section != Section::authority || record.klass != klass::kIn) continue;
    uint16_t zone = 0;
    if (record.type == type::kSoa || record.type == type::kNs) zone = record.owner;
    if (record.type == type::kRrsig) zone = static_cast<uint16_t>(record.rdata + kSignerOffset);
    if (zone == 0 || !above_chain(zone)) continue;
    zone_ = zone;
    break;
  }
}

bool Relevance::related(const Record& record) noexcept {
  if (record.type == type::kOpt || record.klass != klass::kIn || !message_.has_question()) {
    return false;
  }
  bool related = false;
  switch (record.section) {
    case Section::answer:
      related = summary_.unrelated == 0 || on_chain(record.owner) ||
                (record.type == type::kDname && above_chain(record.owner));
      break;
    case Section::authority: related = authority_related(record); break;
    case Section::additional: related = additional_related(record); break;
  }
  if (related) learn(record);
  return related;
}

bool Relevance::on_chain(uint16_t owner) noexcept {
  return dns::on_chain(message_, summary_, owner, effort_);
}

bool Relevance::above_chain(uint16_t owner) noexcept {
  return dns::above_chain(message_, summary_, owner, effort_);
}

bool Relevance::authority_related(const Record& record) noexcept {
  if (above_chain(record.owner)) return true;
  return zone_ != 0 && is_zone_wide(record.type) &&
         at_or_below(message_.bytes(), record.owner, zone_, effort_);
}

bool Relevance::additional_related(const Record& record) noexcept {
  if (!is_address_like(record.type)) return false;
  return std::any_of(targets_.begin(), targets_.begin() + target_count_, [&](uint16_t target) {
    return equal_names_at(message_.bytes(), record.owner, target, effort_);
  });
}

void Relevance::learn(const Record& record) noexcept {
  if (message_.count(Section::additional) == 0 || target_count_ == targets_.size()) return;
  if (const auto target = target_of(record)) targets_[target_count_++] = *target;
}

}  // namespace zonesweep::dns
