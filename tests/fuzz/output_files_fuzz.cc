// What an output folder may hold after damage: manifest, state, journal and shards. The first byte
// says which. Checksums are made right first, so that what lies behind them is reached, too.
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/journal.h"
#include "engine/manifest.h"
#include "engine/run_state.h"
#include "engine/shard_reader.h"

namespace {

using namespace zonesweep;
using namespace zonesweep::engine;

void set_checksum(std::string& bytes) {
  if (bytes.size() < 8) return;
  const uint64_t hash = XXH3_64bits(bytes.data(), bytes.size() - 8);
  std::memcpy(bytes.data() + bytes.size() - 8, &hash, 8);
}

void read_manifest_line(std::string_view text) {
  const auto line = parse_manifest_line(text);
  if (line) assert(format(*line) == text);
}

void read_state(std::string_view text) {
  const auto state = parse_run_state(text);
  if (!state) return;
  const auto again = parse_run_state(format(*state));
  assert(again && again->options == state->options);
}

void read_header(std::string bytes) {
  set_checksum(bytes);
  const auto header = parse_header(bytes);
  if (!header) return;
  std::string again;
  append_header(*header, again);
  assert(parse_header(again) == header);
}

void read_record(std::string bytes) {
  if (bytes.size() < 16) return;
  const uint32_t magic = 0x4d52465a;
  const auto size = static_cast<uint32_t>(bytes.size());
  std::memcpy(bytes.data(), &magic, 4);
  std::memcpy(bytes.data() + 4, &size, 4);
  set_checksum(bytes);
  const auto record = parse_record(bytes);
  if (!record) return;
  DoneSet done(2);
  uint64_t keys = 0;
  (void)visit_done_list(record->done, [&](uint64_t key) {
    return ++keys < 1'000'000 && key < (1 << 24) && done.insert(key);
  });
  std::string again;
  append_record(*record, again);
  const auto same = parse_record(again);
  assert(same && same->done == record->done && same->statuses == record->statuses);
}

void read_shard(std::string_view bytes, Compression compression) {
  const int fd = ::memfd_create("shard", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, bytes.data(), bytes.size()) < 0) return;
  ShardReader reader(io::File(io::Descriptor(fd)), compression);
  for (size_t pieces = 0; pieces < 10'000; ++pieces) {
    const auto piece = reader.next();
    if (!piece || piece->empty()) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'm': read_manifest_line(bytes); break;
    case 's': read_state(bytes); break;
    case 'h': read_header(std::string(bytes)); break;
    case 'r': read_record(std::string(bytes)); break;
    case 'z': read_shard(bytes, Compression::zstd); break;
    case 'g': read_shard(bytes, Compression::gzip); break;
    default: break;
  }
  return 0;
}
