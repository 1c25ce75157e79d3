// protocols/dns/special_rdata.h - the few old types whose fields depend on each other.
//
// WKS, APL, A6, IPSECKEY, HIP, AMTRELAY, DOA, NXT.
// Threads: pure functions. Internal to protocols/dns.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "protocols/dns/rdata_shape.h"

namespace zonesweep::dns {

[[nodiscard]] std::optional<size_t> special_size(Kind kind, const Rdata& rdata) noexcept;
void append_special(Kind kind, const Rdata& field, Blanks blanks, std::string& out);

// The mnemonic, or the bare number: what came before RFC 3597.
void append_old_type_text(uint16_t number, std::string& out);

}  // namespace zonesweep::dns
