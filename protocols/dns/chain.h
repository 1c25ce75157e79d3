// protocols/dns/chain.h - follows the CNAME chain of a message whose records are well formed.
//
// Threads: pure functions. Internal to protocols/dns.
#pragma once

#include "protocols/dns/message.h"

namespace zonesweep::dns {

// Fills has_answer, chain, chain_links, names, unrelated and answer_ttl from the answer section.
// Records may stand in any order (RFC 1034 section 4.3.2 promises none).
void follow_chain(const Message& message, Summary& summary, Effort& effort) noexcept;

// True when the name at `owner` is one of the chain.
[[nodiscard]] bool on_chain(const Message& message, const Summary& summary, uint16_t owner,
                            Effort& effort) noexcept;
// True when a name of the chain is at or below the name at `owner`.
[[nodiscard]] bool above_chain(const Message& message, const Summary& summary, uint16_t owner,
                               Effort& effort) noexcept;

}  // namespace zonesweep::dns
