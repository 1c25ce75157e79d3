#include "engine/frame.h"

#include <isa-l/igzip_lib.h>
#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <cassert>

namespace zonesweep::engine {
namespace {

constexpr int kZstdLevel = 1;  // 0.35 us for a row of 270 bytes; level 3 takes half as much again

}  // namespace

void StatusCounts::add(Table table, RowStatus status) {
  if (table != Table::dns || status.code != static_cast<uint8_t>(Status::rcode)) {
    ++counts_[status.code];
    return;
  }
  const auto found =
      std::ranges::find(rcodes_, status.rcode, &std::pair<uint16_t, uint32_t>::first);
  if (found == rcodes_.end()) {
    rcodes_.emplace_back(status.rcode, 1);
  } else {
    ++found->second;
  }
}

void StatusCounts::clear() noexcept {
  counts_.fill(0);
  rcodes_.clear();
}

void StatusCounts::add_to(Table table, StatusWords& words) const {
  const auto count = [&](RowStatus status, uint32_t rows) {
    std::string word;
    append_status(table, status, word);
    words[word] += rows;
  };
  for (size_t code = 0; code < counts_.size(); ++code) {
    RowStatus status;
    status.code = static_cast<uint8_t>(code);
    if (counts_[code] != 0) count(status, counts_[code]);
  }
  for (const auto& [rcode, rows] : rcodes_) count(RowStatus(Status::rcode, rcode), rows);
}

void Block::add_row(Table table, uint64_t key, RowStatus status, Instant now) {
  assert(!text.empty() && text.back() == '\n');
  if (rows++ == 0) opened = now;
  done.add(key);
  statuses.add(table, status);
}

void Block::clear() noexcept {
  text.clear();
  done.clear();
  statuses.clear();
  rows = 0;
}

struct FrameEncoder::Codec {
  explicit Codec(Compression chosen) : compression(chosen) {
    if (compression == Compression::zstd) {
      zstd = ZSTD_createCCtx();
      assert(zstd != nullptr);
      ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, kZstdLevel);
      ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
    }
    if (compression == Compression::gzip) level_buffer.resize(ISAL_DEF_LVL1_DEFAULT);
  }
  ~Codec() { ZSTD_freeCCtx(zstd); }
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  size_t compress(std::string& text, std::string& out) {
    return compression == Compression::zstd ? compress_zstd(text, out) : compress_gzip(text, out);
  }

  size_t compress_zstd(const std::string& text, std::string& out) {
    out.resize(std::max(out.size(), ZSTD_compressBound(text.size())));
    const size_t size = ZSTD_compress2(zstd, out.data(), out.size(), text.data(), text.size());
    assert(ZSTD_isError(size) == 0);
    return size;
  }

  size_t compress_gzip(std::string& text, std::string& out) {
    // Stored blocks take 5 bytes in 64 KiB, header and trailer 18.
    out.resize(std::max(out.size(), text.size() + text.size() / 1024 + 512));
    isal_zstream stream;
    isal_deflate_stateless_init(&stream);
    stream.level = 1;
    stream.level_buf = level_buffer.data();
    stream.level_buf_size = static_cast<uint32_t>(level_buffer.size());
    stream.gzip_flag = IGZIP_GZIP;
    stream.end_of_stream = 1;
    stream.next_in = reinterpret_cast<uint8_t*>(text.data());
    stream.avail_in = static_cast<uint32_t>(text.size());
    stream.next_out = reinterpret_cast<uint8_t*>(out.data());
    stream.avail_out = static_cast<uint32_t>(out.size());
    [[maybe_unused]] const int result = isal_deflate_stateless(&stream);
    assert(result == COMP_OK);
    return stream.total_out;
  }

  Compression compression;
  ZSTD_CCtx* zstd = nullptr;
  std::vector<uint8_t> level_buffer;
};

FrameEncoder::FrameEncoder(Compression compression)
    : codec_(std::make_unique<Codec>(compression)) {}
FrameEncoder::~FrameEncoder() = default;

void FrameEncoder::encode(Block& block, Frame& frame) {
  if (codec_->compression == Compression::none) {
    frame.bytes.swap(block.text);
  } else {
    const size_t size = codec_->compress(block.text, scratch_);
    frame.bytes.assign(scratch_.data(), size);
  }
  frame.hash = XXH3_64bits(frame.bytes.data(), frame.bytes.size());
  frame.rows = block.rows;
  frame.done.swap(block.done.bytes());
  std::swap(frame.statuses, block.statuses);
  block.clear();
}

}  // namespace zonesweep::engine
