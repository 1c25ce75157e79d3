#include "protocols/http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>

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
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  z_stream stream_{};
  std::string out_;
};

}  // namespace

std::string gzip_of(std::string_view text) {
  Deflater deflater;
  deflater.add(text, Z_FINISH);
  return deflater.take();
}

std::string gzip_of_blanks(size_t bytes) {
  const std::string blanks(64 * 1024, ' ');
  Deflater deflater;
  for (; bytes > 0; bytes -= std::min(bytes, blanks.size())) {
    deflater.add(std::string_view{blanks}.substr(0, bytes), Z_NO_FLUSH);
  }
  deflater.add({}, Z_FINISH);
  return deflater.take();
}

}  // namespace zonesweep::http
