// protocols/zone/seen.h - which names were handed out lately.
//
// A fixed table of 128-bit keyed hashes, four to a bucket; a new key pushes out the oldest of its
// bucket.
//
// Guaranteed: a key that insert() calls new was either never inserted, or four newer keys have
// fallen into its
//             bucket since. With a random hash a repeat within the last 100,000 keys is missed less
//             than once in 1,000, within the last 20,000 less than once in a million.
// Not: that a repeat from far away is found. A key is never called old by mistake, but for a
// collision
//             of 128-bit hashes under a secret key.
// Memory: 16 MiB of address space at most, of which the operating system gives what is touched.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace zonesweep::zone {

namespace limits {
inline constexpr size_t kSeenBuckets = size_t{1} << 18;  // of 64 bytes: one cache line, four keys
}

class Seen {
 public:
  struct Key {
    uint64_t low = 0;
    uint64_t high = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };

  explicit Seen(size_t buckets = limits::kSeenBuckets);  // a power of two
  // Brings the bucket of `key` into the cache.
  void prefetch(const Key& key) const noexcept { __builtin_prefetch(&bucket(key), 1); }
  // True when the key is new.
  bool insert(const Key& key) noexcept {
    Bucket& keys = bucket(key);
    if (keys[0] == key || keys[1] == key || keys[2] == key || keys[3] == key) return false;
    keys[3] = keys[2];
    keys[2] = keys[1];
    keys[1] = keys[0];
    keys[0] = key;
    return true;
  }

 private:
  using Bucket = std::array<Key, 4>;
  struct Free {
    void operator()(void* memory) const noexcept { std::free(memory); }
  };
  [[nodiscard]] Bucket& bucket(const Key& key) const noexcept { return table_[key.low & mask_]; }

  size_t mask_;
  std::unique_ptr<void, Free> memory_;  // zeros until written: no real key is zero
  Bucket* table_;                       // aligned to a cache line
};

}  // namespace zonesweep::zone
