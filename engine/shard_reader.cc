#include "engine/shard_reader.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace zonesweep::engine {
namespace {

constexpr size_t kInBytes = 128 * 1024;
constexpr size_t kOutBytes = 256 * 1024;

using Decoded = std::expected<size_t, std::string>;

std::string_view as_text(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

class ZstdDecoder {
 public:
  Decoded decode(std::string_view& in, std::string& out) {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const size_t result = ZSTD_decompressStream(stream_.get(), &to, &from);
    if (ZSTD_isError(result) != 0) return std::unexpected(ZSTD_getErrorName(result));
    in.remove_prefix(from.pos);
    between_ = result == 0;
    return to.pos;
  }
  [[nodiscard]] bool between_frames() const { return between_; }

 private:
  std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream_{ZSTD_createDStream(),
                                                                   &ZSTD_freeDStream};
  bool between_ = true;
};

// ISA-L stops after each gzip member and wants to be set up again for the next one.
class GzipDecoder {
 public:
  GzipDecoder() { isal_inflate_init(&state_); }

  Decoded decode(std::string_view& in, std::string& out) {
    state_.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(in.data()));
    state_.avail_in = static_cast<uint32_t>(in.size());
    const Decoded decoded = between_ || in_header_ ? read_header() : inflate(out);
    in = as_text(state_.next_in, state_.avail_in);
    return decoded;
  }
  [[nodiscard]] bool between_frames() const { return between_; }

 private:
  Decoded read_header() {
    if (between_) {
      isal_gzip_header_init(&header_);
      between_ = false;
      in_header_ = true;
    }
    const int result = isal_read_gzip_header(&state_, &header_);
    if (result == ISAL_END_INPUT) return 0;
    if (result != ISAL_DECOMP_OK) return std::unexpected("no gzip member where one should begin");
    in_header_ = false;
    state_.crc_flag = ISAL_GZIP_NO_HDR_VER;
    return 0;
  }

  Decoded inflate(std::string& out) {
    state_.next_out = reinterpret_cast<uint8_t*>(out.data());
    state_.avail_out = static_cast<uint32_t>(out.size());
    const int result = isal_inflate(&state_);
    if (result != ISAL_DECOMP_OK) return std::unexpected("damaged gzip member");
    const size_t size = out.size() - state_.avail_out;
    if (state_.block_state == ISAL_BLOCK_FINISH) begin_member();
    return size;
  }

  void begin_member() {
    uint8_t* const next = state_.next_in;
    const uint32_t available = state_.avail_in;
    isal_inflate_reset(&state_);
    state_.next_in = next;
    state_.avail_in = available;
    state_.crc_flag = ISAL_DEFLATE;
    between_ = true;
  }

  inflate_state state_;
  isal_gzip_header header_;
  bool between_ = true;
  bool in_header_ = false;
};

class PlainDecoder {
 public:
  Decoded decode(std::string_view& in, std::string& out) {
    const size_t size = std::min(in.size(), out.size());
    out.replace(0, size, in.substr(0, size));
    in.remove_prefix(size);
    return size;
  }
  [[nodiscard]] bool between_frames() const { return true; }
};

}  // namespace

struct ShardReader::Codec {
  std::variant<PlainDecoder, ZstdDecoder, GzipDecoder> decoder;
};

ShardReader::ShardReader(io::File file, Compression compression)
    : file_(std::move(file)),
      in_(kInBytes, '\0'),
      out_(kOutBytes, '\0'),
      codec_(std::make_unique<Codec>()) {
  if (compression == Compression::zstd) codec_->decoder.emplace<ZstdDecoder>();
  if (compression == Compression::gzip) codec_->decoder.emplace<GzipDecoder>();
}

ShardReader::~ShardReader() = default;

std::expected<bool, std::string> ShardReader::refill() {
  const auto count = file_.read_at(offset_, in_);
  if (!count) return std::unexpected(std::make_error_code(count.error()).message());
  rest_ = std::string_view(in_).substr(0, *count);
  offset_ += *count;
  hasher_.update(rest_);
  return *count != 0;
}

std::expected<std::string_view, std::string> ShardReader::next() {
  bool ended = false;
  for (;;) {
    if (rest_.empty() && !ended) {
      const auto more = refill();
      if (!more) return std::unexpected(more.error());
      ended = !*more;
    }
    const bool between =
        std::visit([](const auto& each) { return each.between_frames(); }, codec_->decoder);
    if (ended && between) return std::string_view();
    const auto decoded =
        std::visit([this](auto& each) { return each.decode(rest_, out_); }, codec_->decoder);
    if (!decoded) return std::unexpected(decoded.error());
    if (*decoded != 0) return std::string_view(out_).substr(0, *decoded);
    if (ended) return std::unexpected("ends in the middle of a frame");
  }
}

}  // namespace zonesweep::engine
