// Hit rates of the answer cache, of LRU and of CLOCK on the same requests, each with room for as
// many entries as the cache holds: cache_hit_rate [requests, default 10,000,000]. Prints a table;
// the same figures on each run. The overhead of LRU and CLOCK is not counted against them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <list>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "cache/table.h"

namespace zonesweep::cache {
namespace {

class Policy {
 public:
  virtual ~Policy() = default;
  virtual bool request(uint64_t key) = 0;  // true: a hit; else it is there from now on
};

class Lru : public Policy {
 public:
  explicit Lru(size_t capacity) : capacity_(capacity) {}
  bool request(uint64_t key) override {
    if (const auto found = places_.find(key); found != places_.end()) {
      order_.splice(order_.begin(), order_, found->second);
      return true;
    }
    if (places_.size() == capacity_) {
      places_.erase(order_.back());
      order_.pop_back();
    }
    order_.push_front(key);
    places_.emplace(key, order_.begin());
    return false;
  }

 private:
  size_t capacity_;
  std::list<uint64_t> order_;
  std::unordered_map<uint64_t, std::list<uint64_t>::iterator> places_;
};

class Clock : public Policy {
 public:
  explicit Clock(size_t capacity) : capacity_(capacity) {}
  bool request(uint64_t key) override {
    if (const auto found = places_.find(key); found != places_.end()) {
      used_[found->second] = true;
      return true;
    }
    if (keys_.size() < capacity_) {
      places_.emplace(key, keys_.size());
      keys_.push_back(key);
      used_.push_back(false);
      return false;
    }
    while (used_[hand_]) {
      used_[hand_] = false;
      hand_ = (hand_ + 1) % capacity_;
    }
    places_.erase(keys_[hand_]);
    keys_[hand_] = key;
    places_.emplace(key, hand_);
    hand_ = (hand_ + 1) % capacity_;
    return false;
  }

 private:
  size_t capacity_;
  size_t hand_ = 0;
  std::vector<uint64_t> keys_;
  std::vector<bool> used_;
  std::unordered_map<uint64_t, size_t> places_;
};

class Ours : public Policy {
 public:
  explicit Ours(size_t bytes)
      : table_(std::move(*Table::create({.bytes = bytes, .seed = 1}))), value_(100, 'v') {}
  bool request(uint64_t number) override {
    const std::string name = "host" + std::to_string(number) + ".example.net";
    Key key;
    if (!key.assign({.type = 1, .name = std::as_bytes(std::span(name))}, 1)) std::abort();
    Hit hit;
    if (table_->get(key, Instant{}, buffer_, hit, counters_)) return true;
    table_->put(key, std::as_bytes(std::span(value_)), Instant{} + std::chrono::hours{1}, Instant{},
                counters_);
    return false;
  }
  [[nodiscard]] size_t entries() const { return table_->counters().entries; }

 private:
  std::unique_ptr<Table> table_;
  std::string value_;
  Counters counters_;
  alignas(8) std::array<std::byte, limits::kValueBytesMax> buffer_;
};

using Trace = std::function<uint64_t()>;  // the next key; its top bit: not counted

constexpr uint64_t kUncounted = uint64_t{1} << 63;

Trace zipf(uint32_t keys, double exponent) {
  auto cumulated = std::make_shared<std::vector<double>>(keys);
  double sum = 0;
  for (uint32_t i = 0; i < keys; ++i) (*cumulated)[i] = sum += std::pow(i + 1.0, -exponent);
  return [=, random = std::mt19937_64(1)]() mutable {
    const double at = std::uniform_real_distribution<double>(0, sum)(random);
    return static_cast<uint64_t>(std::ranges::lower_bound(*cumulated, at) - cumulated->begin());
  };
}

// Every `scans_of_ten` of ten requests are for a key that never comes again (and are not counted);
// the others are for one of `hot` keys.
Trace scan_with_hot_set(uint32_t hot, uint32_t scans_of_ten) {
  return [=, random = std::mt19937_64(1), next = uint64_t{1} << 32]() mutable {
    return random() % 10 < scans_of_ten ? next++ | kUncounted : random() % hot;
  };
}

double hit_rate(Policy& policy, Trace trace, uint64_t requests) {
  uint64_t hits = 0;
  uint64_t counted = 0;
  for (uint64_t i = 0; i < requests; ++i) {
    const uint64_t key = trace();
    const bool hit = policy.request(key);
    if ((key & kUncounted) != 0 || i < requests / 5) continue;  // the first fifth warms up
    ++counted;
    hits += hit;
  }
  return 100.0 * static_cast<double>(hits) / static_cast<double>(counted);
}

void compare(const char* name, size_t bytes, const Trace& trace, uint64_t requests) {
  Ours ours(bytes);
  const double rate = hit_rate(ours, trace, requests);
  Lru lru(ours.entries());
  Clock clock(ours.entries());
  std::printf("| %s | %zu | %zu | %.2f %% | %.2f %% | %.2f %% |\n", name, bytes >> 20,
              ours.entries(), rate, hit_rate(lru, trace, requests),
              hit_rate(clock, trace, requests));
}

}  // namespace
}  // namespace zonesweep::cache

int main(int argc, char** argv) {
  using namespace zonesweep::cache;
  const uint64_t requests = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  std::printf("| trace | MiB | entries | table | LRU | CLOCK |\n|---|--:|--:|--:|--:|--:|\n");
  for (const size_t mib : {1, 4, 16, 64})
    compare("Zipf 0.99, 1 M keys", mib << 20, zipf(1'000'000, 0.99), requests);
  compare("20,000 hot keys, 5 of 10 scan", size_t{4} << 20, scan_with_hot_set(20'000, 5), requests);
  compare("20,000 hot keys, 9 of 10 scan", size_t{4} << 20, scan_with_hot_set(20'000, 9), requests);
  compare("100,000 hot keys, 9 of 10 scan", size_t{16} << 20, scan_with_hot_set(100'000, 9),
          requests);
}
