#include "tools/loopback/world.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <optional>

#include "tools/loopback/faults.h"
#include "tools/loopback/registration_hosts.h"

namespace zonesweep::loopback {
namespace {

constexpr uint32_t kAliasOf256 = 8;  // 3 % of the names that exist
constexpr uint32_t kAliasHops = 3;   // the longest chain

// The fields of the first hash, from the lowest bit: address 24, existence 16, alias 8, then the
// types.
constexpr uint64_t field(uint64_t hash, unsigned shift, unsigned bits) {
  return hash >> shift & ((uint64_t{1} << bits) - 1);
}

bool is_infrastructure(std::string_view name) {
  if (!name.ends_with(".test")) return false;
  return ends_with_label(name, "all.test") || ends_with_label(name, "mail.test") ||
         ends_with_label(name, "dns.test") || ends_with_label(name, "rev.test");
}

// "a<hops>-<anything>.alias.test": hops, else nothing.
std::optional<uint32_t> alias_hops(std::string_view name) {
  const bool shaped = name.size() > 3 && name[0] == 'a' && name[2] == '-' && name[1] >= '0' &&
                      name[1] <= '9' && ends_with_label(name, "alias.test");
  if (!shaped || name.find('\\') != std::string_view::npos) return std::nullopt;
  return static_cast<uint32_t>(name[1] - '0');
}

Existence reverse_existence(std::string_view name) {
  constexpr std::string_view kV4 = "10.in-addr.arpa";
  constexpr std::string_view kV6 = "ip6.arpa";
  if (name == kV4 || name == "in-addr.arpa" || name == kV6) return Existence::empty;
  const bool v4 = ends_with_label(name, kV4);
  if (!v4 && !ends_with_label(name, kV6)) return Existence::missing;
  const auto labels = 1 + std::ranges::count(name, '.');
  const auto full = v4 ? 6 : 34;  // three octets under 10, or 32 nibbles
  const size_t longest = v4 ? std::string_view{"255.255.255.10.in-addr.arpa"}.size() : 72;
  if (labels > full || name.size() > longest) return Existence::missing;
  return labels == full ? Existence::reverse : Existence::empty;
}

void mx(Wire& out, const Node& node, uint32_t index) {
  const uint64_t host =
      index == 0 ? node.second % limits::kMailHosts : (node.second >> 20U) % limits::kMailHosts;
  out.u16(10 * (index + 1));
  out.name(fmt::format("mx{}.mail.test", host));
}

bool has_second_mx(const Node& node) {
  const bool wanted = node.second >> 63U != 0;
  return wanted && node.second % limits::kMailHosts != (node.second >> 20U) % limits::kMailHosts;
}

void https(Wire& out, const Node& node) {
  out.u16(1);  // SvcPriority
  out.name("");
  out.u16(1);  // alpn
  out.u16(3);
  out.string("h2");
  out.u16(4);  // ipv4hint
  out.u16(4);
  out.u32(World::address(node));
}

}  // namespace

std::string name_server(const Node& node, uint32_t index) {
  const uint64_t pair = (node.second >> 40U) % (limits::kNameServers / 2);
  return fmt::format("ns{}.dns.test", 2 * pair + index);
}

bool ends_with_label(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  return name.size() == suffix.size() || name[name.size() - suffix.size() - 1] == '.';
}

Node World::look_up(std::string_view name) const {
  Node node;
  node.hash = XXH3_64bits_withSeed(name.data(), name.size(), options_.seed);
  node.second = XXH3_64bits_withSeed(name.data(), name.size(), options_.seed + 1);
  if (name.find('.') == std::string_view::npos) {
    node.existence = Existence::zone;
  } else if (const auto host = registration_host(name, options_.seed)) {
    node.existence = host->exists ? Existence::named : Existence::missing;
    node.server = host->exists ? host->address : 0;
  } else if (ends_with_label(name, "arpa")) {
    node.existence = reverse_existence(name);
  } else if (const auto hops = alias_hops(name)) {
    node.existence = *hops > 0 ? Existence::alias : Existence::named;
    node.complete = true;
  } else if (options_.complete || Faults::of(name).any() || fault_of_name(name).any() ||
             is_infrastructure(name)) {
    node.existence = Existence::named;
    node.complete = true;
  } else if (static_cast<double>(field(node.hash, 24, 16)) * 100 >=
             options_.exists_percent * 65'536) {
    node.existence = Existence::missing;
  } else {
    node.existence = field(node.hash, 40, 8) < kAliasOf256 ? Existence::alias : Existence::named;
  }
  return node;
}

bool World::has(const Node& node, uint16_t type) {
  if (node.server != 0) return type == type::kA || type == type::kNs || type == type::kSoa;
  switch (type) {
    case type::kA:
    case type::kNs:
    case type::kSoa: return true;
    case type::kAaaa: return node.complete || field(node.hash, 48, 4) < 10;
    case type::kMx: return node.complete || field(node.hash, 52, 4) < 13;
    case type::kTxt: return node.complete || field(node.hash, 56, 4) < 11;
    case type::kCaa: return node.complete || field(node.hash, 60, 2) == 0;
    case type::kHttps: return node.complete || field(node.hash, 62, 2) == 0;
    default: return false;
  }
}

std::string World::alias_target(std::string_view name, const Node& node) const {
  if (const auto hops = alias_hops(name)) {
    std::string target{name};
    target[1] = static_cast<char>('0' + *hops - 1);
    return target;
  }
  return fmt::format("a{}-{:08x}.alias.test", node.second % kAliasHops,
                     (node.second >> 32U) & 0xffffffffU);
}

std::string World::pointer_target(std::string_view reverse_name) {
  std::string digits;  // the address, most significant label first
  const char separator = ends_with_label(reverse_name, "ip6.arpa") ? '\0' : '-';
  const std::string_view labels =
      reverse_name.substr(0, reverse_name.size() - (separator == '-' ? 13 : 9));
  for (std::string_view rest = labels; !rest.empty();) {
    const size_t dot = rest.rfind('.');
    const std::string_view label = dot == std::string_view::npos ? rest : rest.substr(dot + 1);
    if (!digits.empty() && separator != '\0') digits += separator;
    digits += label;
    rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(0, dot);
  }
  return "host-" + digits + ".rev.test";
}

bool write_rdata(Wire& out, const Node& node, uint16_t type, uint32_t index) {
  const uint32_t count =
      type == type::kNs || type == type::kTxt || (type == type::kMx && has_second_mx(node)) ? 2 : 1;
  if (index >= count) return false;
  switch (type) {
    case type::kA: out.u32(World::address(node)); return true;
    case type::kAaaa:
      out.u64(uint64_t{0xfd} << 56U);
      out.u64(node.hash);
      return true;
    case type::kMx: mx(out, node, index); return true;
    case type::kNs: out.name(name_server(node, index)); return true;
    case type::kSoa: write_soa(out, node); return true;
    case type::kTxt:
      out.string(index == 0 ? "v=spf1 mx -all" : fmt::format("loopback={:016x}", node.hash));
      return true;
    case type::kCaa:
      out.u8(0);
      out.string("issue");
      out.text("ca.test");
      return true;
    case type::kHttps: https(out, node); return true;
    default: return false;
  }
}

void write_soa(Wire& out, const Node& zone) {
  out.name(name_server(zone, 0));
  out.name("hostmaster.dns.test");
  out.u32(2'026'010'100U + static_cast<uint32_t>(zone.second & 0xffU));
  for (const uint32_t seconds : {7'200U, 3'600U, 1'209'600U, limits::kNegativeTtl})
    out.u32(seconds);
}

}  // namespace zonesweep::loopback
