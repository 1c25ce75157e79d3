// Compressed texts for tests.
#pragma once

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <random>
#include <string>
#include <string_view>

namespace zonesweep::zone::testing {

inline uint8_t* bytes_of(std::string& text) { return reinterpret_cast<uint8_t*>(text.data()); }

inline std::string gzip_header(bool with_name) {
  if (!with_name) return std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  return std::string("\x1f\x8b\x08\x1c\0\0\0\0\0\x03\x05\0extra", 17) +
         std::string("a-long-file-name.txt\0a comment\0", 31);
}

inline std::string gzip(std::string_view text, bool with_name = false) {
  std::string body(text.size() + text.size() / 100 + 1'000, '\0');
  isal_zstream stream;
  isal_deflate_stateless_init(&stream);
  stream.gzip_flag = IGZIP_GZIP_NO_HDR;
  stream.end_of_stream = 1;
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uint32_t>(text.size());
  stream.next_out = bytes_of(body);
  stream.avail_out = static_cast<uint32_t>(body.size());
  isal_deflate_stateless(&stream);
  body.resize(stream.total_out);
  return gzip_header(with_name) + body;
}

inline std::string zstd(std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return packed;
}

inline std::string zstd_skippable(std::string_view payload) {
  return std::string("\x5a\x2a\x4d\x18", 4) + static_cast<char>(payload.size()) +
         std::string(3, '\0') + std::string(payload);
}

// A frame of a few bytes that asks for a window of 2^log.
inline std::string zstd_window(int log) {
  // Magic, no content size, window descriptor, one last raw block of two bytes.
  return std::string("\x28\xb5\x2f\xfd\x00", 5) + static_cast<char>((log - 10) << 3) +
         std::string("\x11\0\0a\n", 5);
}

// Lines that look like names.
inline std::string text_like(size_t bytes, uint32_t seed) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < bytes) {
    for (uint64_t i = 3 + random() % 12; i > 0; --i) text += static_cast<char>('a' + random() % 26);
    text += random() % 2 != 0 ? ".com\n" : ".example.org\n";
  }
  text.resize(bytes);
  return text;
}

}  // namespace zonesweep::zone::testing
