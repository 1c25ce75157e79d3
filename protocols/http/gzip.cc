#include "protocols/http/gzip.h"

#include <zlib.h>

#include <array>
#include <cstdint>
#include <utility>

namespace zonesweep::http {
namespace {

constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;

class Deflater {
 public:
  Deflater() {
    deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                 Z_DEFAULT_STRATEGY);
  }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater() { deflateEnd(&stream_); }

  void add(std::string_view text, int flush) {
    // zlib only reads from it; its interface has no const.
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    do {
      std::array<char, 16 * 1024> piece;
      stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream_.avail_out = piece.size();
      deflate(&stream_, flush);
      out_.append(piece.data(), piece.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }
  [[nodiscard]] std::string take() { return std::exchange(out_, {}); }

 private:
  z_stream stream_{};
  std::string out_;
};

void append_little_endian(uint32_t value, std::string& out) {
  for (int octet = 0; octet < 4; ++octet) out += static_cast<char>(value >> (8 * octet));
}

}  // namespace

std::string gzip_of(std::string_view text) {
  Deflater deflater;
  deflater.add(text, Z_FINISH);
  return deflater.take();
}

// After a full flush the same input makes the same output, so one piece stands for all.
std::string gzip_of_blanks(size_t pieces) {
  const std::string blanks(limits::kBlankPiece, ' ');
  const auto* bytes = reinterpret_cast<const Bytef*>(blanks.data());
  const uLong piece_sum = crc32(0, bytes, static_cast<uInt>(blanks.size()));
  Deflater deflater;
  deflater.add(blanks, Z_FULL_FLUSH);
  std::string out = deflater.take();
  deflater.add(blanks, Z_FULL_FLUSH);
  const std::string piece = deflater.take();
  uLong sum = piece_sum;
  for (size_t i = 1; i < pieces; ++i) {
    out += piece;
    sum = crc32_combine(sum, piece_sum, static_cast<z_off_t>(blanks.size()));
  }
  deflater.add({}, Z_FINISH);
  const std::string end = deflater.take();
  out.append(end, 0, end.size() - 2 * sizeof(uint32_t));
  append_little_endian(static_cast<uint32_t>(sum), out);
  append_little_endian(static_cast<uint32_t>(pieces * blanks.size()), out);
  return out;
}

}  // namespace zonesweep::http
