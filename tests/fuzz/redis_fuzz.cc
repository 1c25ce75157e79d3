// Bytes of a Redis server, cut where the first one says: the same replies however they are cut, bounded, and no
// value but what was sealed.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/redis.h"
#include "cache/redis_address.h"
#include "cache/redis_value.h"

namespace {

using namespace zonesweep::cache;
using Step = RedisReader::Step;

void look_at(const RedisReader& reader) {
  assert(reader.size() > 0 && reader.size() <= limits::kRedisElements);
  size_t text = 0;
  for (uint32_t i = 0; i < reader.size(); ++i) text += reader.at(i).text.size();
  assert(text <= limits::kRedisReplyBytes + 4096);
  const RedisReply reply = reader.reply();
  if (reply.kind == RedisReply::Kind::error) {
    assert(redis_error(reply.text) != RedisError::none);
    const auto redirect = redis_redirect(reply.text);
    assert(!redirect || (redirect->slot < limits::kRedisSlots && redirect->port != 0));
  }
  if (const auto ranges = redis_slot_ranges(reader)) {
    for (const RedisSlotRange& range : *ranges)
      assert(range.first <= range.last && range.last < limits::kRedisSlots && range.port != 0);
  }
  static constexpr std::byte kName[]{std::byte{1}, std::byte{'a'}};
  Key key;
  assert(key.assign({.type = 1, .name = kName}, 0));
  if (const auto opened = open_redis_value(key, reply.text)) {
    std::string again;
    seal_redis_value(key, *opened, again);
    assert(again == reply.text);
  }
}

// A digest of each reply, and where it broke.
std::vector<uint32_t> read(std::span<const std::byte> bytes, size_t piece) {
  RedisReader reader;
  std::vector<uint32_t> seen;
  while (!bytes.empty()) {
    auto part = bytes.first(std::min(piece, bytes.size()));
    bytes = bytes.subspan(part.size());
    Step step = Step::reply;
    while ((step = reader.next(part)) == Step::reply) {
      look_at(reader);
      seen.push_back(reader.size() << 4 | static_cast<uint32_t>(reader.reply().kind));
    }
    if (step == Step::broken) {
      seen.push_back(UINT32_MAX);
      break;
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  const auto bytes = std::as_bytes(std::span(text));
  const auto cut = read(bytes, size_t{data[0]} + 1);
  const auto whole = read(bytes, SIZE_MAX);
  assert(cut == whole);
  if (const auto address = RedisAddress::parse(text)) {
    assert(RedisAddress::parse(address->shown()));
  }
  return 0;
}
