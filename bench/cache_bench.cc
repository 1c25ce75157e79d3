// The answer cache against what one would take off the shelf: absl::flat_hash_map behind sharded
// mutexes, and oneTBB's concurrent_hash_map. All hold kEntries entries of kValueBytes bytes under a
// name and a type, copy the value out on a get, and are asked the same questions in the same order,
// which lie in a list, as names of an input do. Hashing the question is part of what is timed. The
// other two never evict, expire or bound their memory: that would come on top.
#define XXH_INLINE_ALL
#include <absl/container/flat_hash_map.h>
#include <absl/synchronization/mutex.h>
#include <benchmark/benchmark.h>
#include <oneapi/tbb/concurrent_hash_map.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cache/table.h"

namespace zonesweep::cache {
namespace {

constexpr uint32_t kEntries = 1'000'000;
constexpr uint32_t kValueBytes = 100;
constexpr uint32_t kDraws = 1U << 20;

struct Query {
  std::array<char, 28> bytes;
  uint32_t size = 0;
  [[nodiscard]] std::string_view name() const { return {bytes.data(), size}; }
};

Query query_of(uint32_t i) {  // a name of 14 to 20 bytes in wire form
  const std::string label = "host" + std::to_string(i * 2'654'435'761U);
  const std::string wire = static_cast<char>(label.size()) + label + "\3com" + '\0';
  Query query;
  std::memcpy(query.bytes.data(), wire.data(), wire.size());
  query.size = static_cast<uint32_t>(wire.size());
  return query;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

uint64_t hash_of(std::string_view name) { return XXH3_64bits(name.data(), name.size()); }

const std::string kValue(kValueBytes, 'v');

using Buffer = std::array<std::byte, limits::kValueBytesMax>;

class Ours {
 public:
  Ours()
      : table_(
            std::move(*Table::create({.bytes = size_t{256} << 20, .seed = 1, .populate = true}))) {}

  bool get(const Query& query, Buffer& out) {
    Key key;
    Hit hit;
    return key.assign({.type = 1, .name = bytes_of(query.name())}, 1) &&
           table_->get(key, Instant{}, out, hit, counters_);
  }
  void put(const Query& query) {
    Key key;
    if (!key.assign({.type = 1, .name = bytes_of(query.name())}, 1)) return;
    table_->put(key, bytes_of(kValue), Instant{} + std::chrono::hours{1}, Instant{}, counters_);
  }

 private:
  std::unique_ptr<Table> table_;
  inline static thread_local Counters counters_;
};

constexpr uint32_t kAhead = 16;

struct Ahead {
  std::array<Key, kAhead> keys;
  uint32_t next = 0;
  Counters counters;
};

// The same, by someone who knows the next questions, as a lane does: it looks up the names of a
// block.
class OursAhead {
 public:
  OursAhead()
      : table_(
            std::move(*Table::create({.bytes = size_t{256} << 20, .seed = 1, .populate = true}))) {}

  void foresee(const Query& query) {
    Ahead& a = ahead_;
    Key& key = a.keys[a.next++ % kAhead];
    if (!key.assign({.type = 1, .name = bytes_of(query.name())}, 1)) return;
    table_->prefetch(key);
    table_->prefetch_entry(a.keys[(a.next + kAhead / 2) % kAhead]);
  }
  bool get(Buffer& out) {
    Hit hit;
    return table_->get(ahead_.keys[ahead_.next % kAhead], Instant{}, out, hit, ahead_.counters);
  }
  void put() {
    table_->put(ahead_.keys[ahead_.next % kAhead], bytes_of(kValue),
                Instant{} + std::chrono::hours{1}, Instant{}, ahead_.counters);
  }
  void put(const Query& query) {
    Key key;
    if (!key.assign({.type = 1, .name = bytes_of(query.name())}, 1)) return;
    table_->put(key, bytes_of(kValue), Instant{} + std::chrono::hours{1}, Instant{},
                ahead_.counters);
  }

 private:
  std::unique_ptr<Table> table_;
  inline static thread_local Ahead ahead_;
};

class ShardedMap {
 public:
  bool get(const Query& query, Buffer& out) {
    const uint64_t hash = hash_of(query.name());
    Shard& shard = shards_[hash >> 56];
    const absl::MutexLock lock(&shard.mutex);
    const auto found = shard.map.find(Borrowed{query.name(), hash});
    if (found == shard.map.end()) return false;
    std::memcpy(out.data(), found->second.data(), found->second.size());
    return true;
  }
  void put(const Query& query) {
    const uint64_t hash = hash_of(query.name());
    Shard& shard = shards_[hash >> 56];
    const absl::MutexLock lock(&shard.mutex);
    const auto found = shard.map.find(Borrowed{query.name(), hash});
    if (found != shard.map.end())
      found->second = kValue;
    else
      shard.map.emplace(std::string(query.name()), kValue);
  }

 private:
  struct Borrowed {
    std::string_view name;
    uint64_t hash;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(const std::string& name) const { return hash_of(name); }
    size_t operator()(const Borrowed& name) const { return name.hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const std::string& a, const std::string& b) const { return a == b; }
    bool operator()(const std::string& a, const Borrowed& b) const { return a == b.name; }
  };
  struct alignas(64) Shard {
    absl::Mutex mutex;
    absl::flat_hash_map<std::string, std::string, Hash, Equal> map;
  };
  std::array<Shard, 256> shards_;
};

class Tbb {
 public:
  bool get(const Query& query, Buffer& out) {
    Map::const_accessor found;
    if (!map_.find(found, query.name())) return false;
    std::memcpy(out.data(), found->second.data(), found->second.size());
    return true;
  }
  void put(const Query& query) {
    Map::accessor found;
    map_.insert(found, query.name());
    found->second = kValue;
  }

 private:
  struct HashCompare {
    using is_transparent = void;
    size_t hash(std::string_view name) const { return hash_of(name); }
    bool equal(std::string_view a, std::string_view b) const { return a == b; }
  };
  using Map = oneapi::tbb::concurrent_hash_map<std::string, std::string, HashCompare>;
  Map map_{kEntries};
};

// ---- the questions

enum Spread : int64_t { uniform = 0, zipf = 1 };

std::vector<Query> draw_zipf(std::mt19937_64& random) {  // exponent 0.99
  std::vector<double> cumulated(kEntries);
  double sum = 0;
  for (uint32_t i = 0; i < kEntries; ++i) cumulated[i] = sum += std::pow(i + 1.0, -0.99);
  std::uniform_real_distribution<double> draw(0, sum);
  std::vector<Query> queries(kDraws);
  for (Query& query : queries)
    query = query_of(static_cast<uint32_t>(std::ranges::lower_bound(cumulated, draw(random)) -
                                           cumulated.begin()));
  return queries;
}

const std::vector<Query>& queries_of(int64_t spread) {
  static const std::array<std::vector<Query>, 2> all = [] {
    std::mt19937_64 random(1);
    std::vector<Query> uniform_draws(kDraws);
    for (Query& query : uniform_draws) query = query_of(static_cast<uint32_t>(random() % kEntries));
    return std::array{std::move(uniform_draws), draw_zipf(random)};
  }();
  return all[spread];
}

template <class Map>
Map& filled() {
  static Map& map = [] -> Map& {
    static Map made;
    for (uint32_t i = 0; i < kEntries; ++i) made.put(query_of(i));
    return made;
  }();
  return map;
}

// Arguments: percent of puts, spread.
template <class Map>
void run(benchmark::State& state) {
  Map& map = filled<Map>();
  const auto puts = static_cast<uint32_t>(state.range(0));
  const std::vector<Query>& queries = queries_of(state.range(1));
  alignas(64) static thread_local Buffer out;
  uint32_t at = kDraws / 3 * state.thread_index();
  uint32_t dice = 0;
  uint64_t hits = 0;
  uint64_t gets = 0;
  for (auto _ : state) {
    const Query& query = queries[at++ & (kDraws - 1)];
    dice = (dice + 61) % 100;  // 61 and 100 have no common divisor: each number once in a hundred
    if (dice < puts) {
      map.put(query);
    } else {
      ++gets;
      hits += map.get(query, out);
      benchmark::DoNotOptimize(out.data());
    }
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["hit_rate"] =
      benchmark::Counter(gets == 0 ? 1.0 : static_cast<double>(hits) / static_cast<double>(gets),
                         benchmark::Counter::kAvgThreads);
}

void run_ahead(benchmark::State& state) {
  OursAhead& map = filled<OursAhead>();
  const auto puts = static_cast<uint32_t>(state.range(0));
  const std::vector<Query>& queries = queries_of(state.range(1));
  alignas(64) static thread_local Buffer out;
  uint32_t at = kDraws / 3 * state.thread_index();
  uint32_t dice = 0;
  uint64_t hits = 0;
  uint64_t gets = 0;
  for (uint32_t i = 0; i < kAhead; ++i) map.foresee(queries[at++ & (kDraws - 1)]);
  for (auto _ : state) {
    dice = (dice + 61) % 100;
    if (dice < puts) {
      map.put();
    } else {
      ++gets;
      hits += map.get(out);
      benchmark::DoNotOptimize(out.data());
    }
    map.foresee(queries[at++ & (kDraws - 1)]);
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["hit_rate"] =
      benchmark::Counter(gets == 0 ? 1.0 : static_cast<double>(hits) / static_cast<double>(gets),
                         benchmark::Counter::kAvgThreads);
}

void cases(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"puts", "zipf"});
  for (const int64_t puts : {0, 10, 50, 100})
    for (const int64_t spread : {uniform, zipf}) bench->Args({puts, spread});
  bench->ThreadRange(1, 2)->UseRealTime();
}

BENCHMARK(run<Ours>)->Apply(cases);
BENCHMARK(run_ahead)->Apply(cases);
BENCHMARK(run<ShardedMap>)->Apply(cases);
BENCHMARK(run<Tbb>)->Apply(cases);

}  // namespace
}  // namespace zonesweep::cache
