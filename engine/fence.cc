#include "engine/fence.h"

#include <algorithm>
#include <charconv>

namespace zonesweep::engine {
namespace {

using Address = std::array<std::byte, 16>;
using Family = io::Endpoint::Family;

constexpr uint8_t kBitsV4 = 32;
constexpr uint8_t kBitsV6 = 128;

struct Special {
  std::array<uint8_t, 16> address;
  uint8_t bits;
  Fenced kind;
};

// Nearest first: metadata addresses lie inside of other blocks.
constexpr Special kSpecialV4[] = {
    {{169, 254, 169, 254}, 32, Fenced::metadata},  // AWS, Azure, GCP, OpenStack, and others
    {{169, 254, 170, 2}, 32, Fenced::metadata},    // AWS ECS tasks
    {{169, 254, 170, 23}, 32, Fenced::metadata},   // AWS EKS pods
    {{169, 254, 0, 23}, 32, Fenced::metadata},     // Tencent
    {{100, 100, 100, 200}, 32, Fenced::metadata},  // Alibaba
    {{192, 0, 0, 192}, 32, Fenced::metadata},      // Oracle
    {{168, 63, 129, 16}, 32, Fenced::metadata},    // Azure: a public address, inside of Azure only
    {{0}, 8, Fenced::unspecified},                 // RFC 791: this network
    {{10}, 8, Fenced::private_use},
    {{100, 64}, 10, Fenced::shared},
    {{127}, 8, Fenced::loopback},
    {{169, 254}, 16, Fenced::link_local},
    {{172, 16}, 12, Fenced::private_use},
    {{192, 0, 0}, 24, Fenced::reserved},  // IETF protocol assignments
    {{192, 0, 2}, 24, Fenced::documentation},
    {{192, 88, 99}, 24, Fenced::reserved},  // 6to4 relays, withdrawn
    {{192, 168}, 16, Fenced::private_use},
    {{198, 18}, 15, Fenced::benchmarking},
    {{198, 51, 100}, 24, Fenced::documentation},
    {{203, 0, 113}, 24, Fenced::documentation},
    {{224}, 4, Fenced::multicast},
    {{255, 255, 255, 255}, 32, Fenced::broadcast},
    {{240}, 4, Fenced::reserved},
};

constexpr Special kSpecialV6[] = {
    {{0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}, 128, Fenced::metadata},
    {{0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23}, 128, Fenced::metadata},
    {{0xfd, 0x20, 0, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}, 128, Fenced::metadata},
    {{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa9, 0xfe, 0xa9, 0xfe}, 128, Fenced::metadata},
    {{0}, 128, Fenced::unspecified},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, Fenced::loopback},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, Fenced::embedded},  // mapped: say it in IPv4
    {{0}, 96, Fenced::embedded},                                         // compatible, withdrawn
    {{0xfc}, 7, Fenced::private_use},
    {{0xfe, 0x80}, 10, Fenced::link_local},
    {{0xfe, 0xc0}, 10, Fenced::private_use},  // site-local, withdrawn
    {{0xff}, 8, Fenced::multicast},
    {{0x20, 0x01, 0, 0}, 32, Fenced::embedded},  // Teredo: no server is there
    {{0x20, 0x01, 0, 0x02, 0, 0}, 48, Fenced::benchmarking},
    {{0x20, 0x01, 0}, 23, Fenced::reserved},  // IETF protocol assignments
    {{0x20, 0x01, 0x0d, 0xb8}, 32, Fenced::documentation},
    {{0x3f, 0xff, 0}, 20, Fenced::documentation},
};

constexpr AddressBlock kNat64{
    .family = Family::v6,
    .address = {std::byte{0}, std::byte{0x64}, std::byte{0xff}, std::byte{0x9b}},
    .bits = 96};
constexpr AddressBlock k6to4{
    .family = Family::v6, .address = {std::byte{0x20}, std::byte{0x02}}, .bits = 16};
constexpr AddressBlock kGlobalUnicast{
    .family = Family::v6, .address = {std::byte{0x20}}, .bits = 3};

constexpr std::byte mask_of(uint8_t bits) {  // the first `bits` of a byte
  return static_cast<std::byte>(0xFF00U >> bits);
}

bool shares_prefix(std::span<const std::byte> a, std::span<const std::byte> b, uint8_t bits) {
  const size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) {
    return false;
  }
  const auto rest = static_cast<uint8_t>(bits % 8);
  return rest == 0 || ((a[whole] ^ b[whole]) & mask_of(rest)) == std::byte{0};
}

Fenced find(std::span<const Special> table, const Address& address) {
  for (const Special& special : table) {
    if (shares_prefix(std::as_bytes(std::span(special.address)), address, special.bits)) {
      return special.kind;
    }
  }
  return Fenced::passed;
}

io::Endpoint carried(const Address& address, size_t at) {
  io::Endpoint endpoint;
  std::copy_n(address.begin() + static_cast<std::ptrdiff_t>(at), 4, endpoint.address.begin());
  return endpoint;
}

// RFC 5214 section 6.1: an interface id of 0000:5efe or 0200:5efe and the IPv4 address.
bool is_isatap(const Address& address) {
  return (address[8] & ~std::byte{0x02}) == std::byte{0} && address[9] == std::byte{0} &&
         address[10] == std::byte{0x5e} && address[11] == std::byte{0xfe};
}

Fenced classify_v6(const io::Endpoint& endpoint) {
  const auto outcome_of_carried = [&](size_t at) {
    return classify(carried(endpoint.address, at)) == Fenced::passed ? Fenced::passed
                                                                     : Fenced::embedded;
  };
  if (kNat64.contains(endpoint)) return outcome_of_carried(12);
  const Fenced kind = find(kSpecialV6, endpoint.address);
  if (kind != Fenced::passed) return kind;
  if (!kGlobalUnicast.contains(endpoint)) return Fenced::reserved;
  if (k6to4.contains(endpoint)) return outcome_of_carried(2);
  if (is_isatap(endpoint.address)) return outcome_of_carried(12);
  return Fenced::passed;
}

}  // namespace

std::string_view name_of(Fenced fenced) noexcept {
  switch (fenced) {
    case Fenced::passed: return "passed";
    case Fenced::loopback: return "loopback address";
    case Fenced::private_use: return "private address";
    case Fenced::shared: return "shared address";
    case Fenced::link_local: return "link-local address";
    case Fenced::multicast: return "multicast address";
    case Fenced::unspecified: return "unspecified address";
    case Fenced::broadcast: return "broadcast address";
    case Fenced::documentation: return "documentation address";
    case Fenced::benchmarking: return "benchmarking address";
    case Fenced::reserved: return "reserved address";
    case Fenced::metadata: return "metadata address";
    case Fenced::embedded: return "embedded IPv4 address";
    case Fenced::port: return "port not allowed";
  }
  return "unknown";
}

std::optional<AddressBlock> AddressBlock::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view literal = text.substr(0, slash);
  // A port or a zone has no place in a block.
  if (literal.find_first_of("[]%") != std::string_view::npos) return std::nullopt;
  const auto endpoint = io::Endpoint::parse(literal, 0);
  if (!endpoint || endpoint->port != 0 || endpoint->scope != 0) return std::nullopt;
  const bool v4 = endpoint->family == Family::v4;
  if (v4 && literal.find(':') != std::string_view::npos) return std::nullopt;
  const uint8_t most = v4 ? kBitsV4 : kBitsV6;
  AddressBlock block{.family = endpoint->family, .address = endpoint->address, .bits = most};
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), block.bits);
    if (error != std::errc{} || end != digits.data() + digits.size() || block.bits > most) {
      return std::nullopt;
    }
  }
  for (size_t i = 0; i < block.address.size(); ++i) {
    const size_t first = 8 * i;
    if (first >= block.bits) {
      block.address[i] = std::byte{0};
    } else if (first + 8 > block.bits) {
      block.address[i] &= mask_of(static_cast<uint8_t>(block.bits - first));
    }
  }
  return block;
}

bool AddressBlock::contains(const io::Endpoint& endpoint) const noexcept {
  return endpoint.family == family && shares_prefix(address, endpoint.address, bits);
}

std::string AddressBlock::to_string() const {
  std::string text = io::Endpoint{.family = family, .address = address}.to_string();
  text.resize(text.rfind(':'));  // the port
  if (family == Family::v6) text = text.substr(1, text.size() - 2);
  return text + "/" + std::to_string(bits);
}

Fenced classify(const io::Endpoint& endpoint) noexcept {
  return endpoint.family == Family::v4 ? find(kSpecialV4, endpoint.address) : classify_v6(endpoint);
}

void Fence::allow_port(uint16_t port) {
  if (port != 0 && std::ranges::find(ports_, port) == ports_.end()) ports_.push_back(port);
}

Fenced Fence::check(const io::Endpoint& to) const noexcept {
  const Fenced kind = classify(to);
  const bool allowed =
      kind == Fenced::passed || std::ranges::any_of(allowed_, [&](const AddressBlock& block) {
        const uint8_t most = to.family == Family::v4 ? kBitsV4 : kBitsV6;
        return block.contains(to) && (kind != Fenced::metadata || block.bits == most);
      });
  if (!allowed) return kind;
  return std::ranges::find(ports_, to.port) != ports_.end() ? Fenced::passed : Fenced::port;
}

}  // namespace zonesweep::engine
