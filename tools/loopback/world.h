// tools/loopback/world.h - which names exist, and what they are: pure functions of name and seed.
//
// docs/loopback.md says the same in words, so that any other program can compute the expected row.
//
// Threads: any; nothing changes after construction. Units: a name is its presentation form, lower
// case, without the trailing dot (as Question::name holds it).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tools/loopback/wire.h"

namespace zonesweep::loopback {

namespace type {
inline constexpr uint16_t kA = 1, kNs = 2, kCname = 5, kSoa = 6, kPtr = 12, kHinfo = 13, kMx = 15,
                          kTxt = 16, kAaaa = 28, kOpt = 41, kHttps = 65, kAny = 255, kCaa = 257;
}

namespace limits {
inline constexpr uint32_t kMailHosts = 20'000;  // shared by all names, as mail hosts are
inline constexpr uint32_t kNameServers = 2'000;
inline constexpr uint32_t kTtl = 300;  // seconds
inline constexpr uint32_t kNegativeTtl = 900;
}  // namespace limits

struct WorldOptions {
  uint64_t seed = 0;
  double exists_percent = 95;
  bool complete = false;  // every name exists, has every type and is no alias
};

enum class Existence : uint8_t {
  missing,  // NXDOMAIN
  zone,     // the root or a top-level name: SOA and NS only
  alias,    // a CNAME
  named,    // has data
  reverse,  // has a PTR
  empty,    // exists above others and has nothing
};

struct Node {
  Existence existence = Existence::missing;
  uint64_t hash = 0;      // XXH3-64 of the name, seeded with the world's seed
  uint64_t second = 0;    // the same, seeded with seed + 1
  bool complete = false;  // has every type
  uint32_t server = 0;    // the address of a registration server, which has no other data
};

class World {
 public:
  explicit World(WorldOptions options = {}) : options_(options) {}

  [[nodiscard]] Node look_up(std::string_view name) const;
  [[nodiscard]] uint64_t seed() const { return options_.seed; }
  // Whether a named node has records of the type.
  [[nodiscard]] static bool has(const Node& node, uint16_t type);

  [[nodiscard]] static uint32_t address(const Node& node) {
    return node.server != 0 ? node.server
                            : 10U << 24U | static_cast<uint32_t>(node.hash & 0xffffffU);
  }
  [[nodiscard]] std::string alias_target(std::string_view name, const Node& node) const;
  [[nodiscard]] static std::string pointer_target(std::string_view reverse_name);

 private:
  WorldOptions options_;
};

// Writes one record's RDATA (without its length) for `index` 0, 1, ...; false when there is none.
bool write_rdata(Wire& out, const Node& node, uint16_t type, uint32_t index);
// The SOA of a zone: of a top-level name for NXDOMAIN, of the name itself otherwise.
void write_soa(Wire& out, const Node& zone);

// The name server of a node, `index` 0 or 1.
[[nodiscard]] std::string name_server(const Node& node, uint32_t index);

[[nodiscard]] bool ends_with_label(std::string_view name, std::string_view suffix);

}  // namespace zonesweep::loopback
