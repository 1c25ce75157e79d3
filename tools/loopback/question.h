// tools/loopback/question.h - what a client asked, read from its bytes.
//
// Threads: one. Ownership: the name points into the Question itself. Errors: false from read().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace zonesweep::loopback {

namespace limits {
inline constexpr size_t kHeaderBytes = 12;
inline constexpr size_t kNameBytes = 255;        // RFC 1035 section 2.3.4
inline constexpr size_t kNameTextBytes = 1'020;  // 255 octets, each as \DDD
}  // namespace limits

class Question {
 public:
  enum class Outcome : uint8_t {
    good,
    ignored,   // shorter than a header, or itself a reply
    bad_kind,  // an opcode that is not QUERY
    bad_form,  // no whole question
  };
  Outcome read(std::span<const std::byte> query);

  // Presentation form as dig escapes it, lower case, no trailing dot; "" is the root.
  [[nodiscard]] std::string_view name() const { return {text_.data(), text_size_}; }
  // Of the wire name, the final zero included.
  [[nodiscard]] size_t name_bytes() const { return end - limits::kHeaderBytes - 4; }

  uint16_t id = 0;
  uint16_t flags = 0;
  uint16_t type = 0;
  uint16_t klass = 0;
  size_t end = 0;         // one past QCLASS
  size_t last_label = 0;  // offset of the top-level label in the message
  bool edns = false;
  bool dnssec_ok = false;
  uint8_t edns_version = 0;
  uint16_t udp_payload = 512;

 private:
  bool read_name(std::span<const std::byte> query);
  bool read_label(std::span<const std::byte> label);
  void read_opt(std::span<const std::byte> query);

  std::array<char, limits::kNameTextBytes> text_;
  size_t text_size_ = 0;
};

}  // namespace zonesweep::loopback
