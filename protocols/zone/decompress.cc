#include "protocols/zone/decompress.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <expected>
#include <tuple>
#include <utility>

namespace zonesweep::zone {
namespace {

using Progress = Decompressor::Progress;

std::string_view why_inflate(int result) {
  switch (result) {
    case ISAL_INCORRECT_CHECKSUM: return "damaged gzip data: the checksum does not match";
    case ISAL_INVALID_WRAPPER: return "damaged gzip header";
    case ISAL_UNSUPPORTED_METHOD: return "gzip data of an unknown method";
    default: return "damaged gzip data";
  }
}

constexpr std::string_view kAfterGzip = "unexpected data after the end of the gzip data";

class Gunzip final : public Decompressor {
 public:
  Gunzip() {
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP_NO_HDR_VER;
    isal_gzip_header_init(&header_);
  }

  Progress run(std::span<const char> in, std::span<char> out) override {
    state_.next_out = reinterpret_cast<uint8_t*>(out.data());
    state_.avail_out = static_cast<uint32_t>(out.size());
    const size_t given = in.size();
    std::expected<bool, std::string_view> moved = true;
    while (moved && (*moved || refill(in))) moved = step();
    return {given - in.size(), out.size() - state_.avail_out,
            moved ? std::string_view() : moved.error()};
  }

  bool complete() const noexcept override {
    return state_.avail_in == 0 && (phase_ == Phase::between || phase_ == Phase::zeros);
  }

 private:
  enum class Phase : uint8_t {
    header,
    data,
    between,  // after a member; another one or padding may follow
    zeros,    // tapes and some tools pad with them
  };

  // At the end of a member ISA-L gives back up to eight bytes that it took in an earlier call, by
  // stepping back in memory. So it reads from a buffer of ours, in which those bytes still stand in
  // front.
  static constexpr size_t kGivenBack = 8;
  static constexpr size_t kChunk = 64 * 1024;

  bool refill(std::span<const char>& in) {
    if (state_.avail_in != 0 || in.empty()) return false;
    const size_t size = std::min(in.size(), kChunk);
    std::memmove(input_.data(), input_.data() + filled_,
                 kGivenBack);  // the last bytes of what was there
    std::memcpy(input_.data() + kGivenBack, in.data(), size);
    filled_ = size;
    state_.next_in = reinterpret_cast<uint8_t*>(input_.data() + kGivenBack);
    state_.avail_in = static_cast<uint32_t>(size);
    in = in.subspan(size);
    return true;
  }

  // False when it needs more input or more room.
  std::expected<bool, std::string_view> step() {
    switch (phase_) {
      case Phase::header: return header();
      case Phase::data: return data();
      case Phase::between:
        if (state_.avail_in == 0) return false;
        if (*state_.next_in != 0 && *state_.next_in != 0x1f) return std::unexpected(kAfterGzip);
        phase_ = *state_.next_in == 0 ? Phase::zeros : Phase::header;
        return true;
      case Phase::zeros: break;
    }
    for (; state_.avail_in != 0; --state_.avail_in) {
      if (*state_.next_in++ != 0) return std::unexpected(kAfterGzip);
    }
    return false;
  }

  std::expected<bool, std::string_view> header() {
    const int result = isal_read_gzip_header(&state_, &header_);
    if (result == ISAL_END_INPUT) return false;
    if (result != ISAL_DECOMP_OK)
      return std::unexpected(members_ == 0 ? why_inflate(result) : kAfterGzip);
    phase_ = Phase::data;
    return true;
  }

  std::expected<bool, std::string_view> data() {
    const auto in = state_.avail_in;
    const auto out = state_.avail_out;
    const int result = isal_inflate(&state_);
    if (result < 0) return std::unexpected(why_inflate(result));
    if (state_.block_state == ISAL_BLOCK_FINISH) {
      next_member();
      return true;
    }
    return state_.avail_out != 0 && (in != state_.avail_in || out != state_.avail_out);
  }

  void next_member() {
    const auto kept =
        std::tuple(state_.next_in, state_.avail_in, state_.next_out, state_.avail_out);
    isal_inflate_reset(&state_);  // forgets its input and its flags
    std::tie(state_.next_in, state_.avail_in, state_.next_out, state_.avail_out) = kept;
    state_.crc_flag = ISAL_GZIP_NO_HDR_VER;
    isal_gzip_header_init(&header_);
    phase_ = Phase::between;
    ++members_;
  }

  Phase phase_ = Phase::header;
  uint64_t members_ = 0;
  size_t filled_ = 0;
  std::array<char, kGivenBack + kChunk> input_{};
  inflate_state state_;
  isal_gzip_header header_;
};

class Unzstd final : public Decompressor {
 public:
  Unzstd() : context_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, limits::kZstdWindowLog);
  }

  Progress run(std::span<const char> in, std::span<char> out) override {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (to.pos < to.size && (from.pos < from.size || !complete_)) {
      const auto before = std::pair(from.pos, to.pos);
      const size_t result = ZSTD_decompressStream(context_.get(), &to, &from);
      if (ZSTD_isError(result) != 0) return {from.pos, to.pos, why(result)};
      complete_ = result == 0;
      if (before == std::pair(from.pos, to.pos)) break;
    }
    return {from.pos, to.pos};
  }

  bool complete() const noexcept override { return complete_; }

 private:
  static std::string_view why(size_t result) {
    switch (ZSTD_getErrorCode(result)) {
      case ZSTD_error_frameParameter_windowTooLarge:
        return "zstd window over 128 MiB; compress without --long, or pipe it: zstd -dc --long=31 "
               "FILE | zonesweep scan -";
      case ZSTD_error_prefix_unknown: return "unexpected data after the end of the zstd data";
      case ZSTD_error_checksum_wrong: return "damaged zstd data: the checksum does not match";
      case ZSTD_error_dictionary_wrong: return "zstd data that needs a dictionary";
      case ZSTD_error_memory_allocation: return "not enough memory for the zstd window";
      default: return "damaged zstd data";
    }
  }

  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context_;
  bool complete_ = false;
};

}  // namespace

Compression compression_of(std::string_view front) noexcept {
  if (front.starts_with("\x1f\x8b")) return Compression::gzip;
  if (front.size() < limits::kMagicBytes) return Compression::none;
  constexpr std::string_view frame = "\x28\xb5\x2f\xfd";
  constexpr std::string_view skippable = "\x2a\x4d\x18";  // after a first byte 0x50..0x5f
  if (front.starts_with(frame)) return Compression::zstd;
  const bool skip =
      (static_cast<unsigned char>(front[0]) & 0xf0) == 0x50 && front.substr(1, 3) == skippable;
  return skip ? Compression::zstd : Compression::none;
}

std::unique_ptr<Decompressor> Decompressor::make(Compression compression) {
  switch (compression) {
    case Compression::none: return nullptr;
    case Compression::gzip: return std::make_unique<Gunzip>();
    case Compression::zstd: return std::make_unique<Unzstd>();
  }
  return nullptr;
}

}  // namespace zonesweep::zone
