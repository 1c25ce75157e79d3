#include "tools/loopback/tls_hello.h"

#include <cstddef>

namespace zonesweep::loopback {
namespace {

constexpr size_t kRecordHead = 5;
constexpr uint8_t kHandshake = 22;
constexpr uint32_t kServerName = 0;

// Reads past the end yield zero and empty.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  uint32_t number(size_t octets) {
    uint32_t value = 0;
    for (const char octet : take(octets)) value = value << 8U | static_cast<unsigned char>(octet);
    return value;
  }
  std::string_view take(size_t size) {
    const std::string_view taken =
        size <= rest_.size() ? rest_.substr(0, size) : std::string_view{};
    rest_.remove_prefix(size <= rest_.size() ? size : rest_.size());
    return taken;
  }
  std::string_view list(size_t octets_of_size) { return take(number(octets_of_size)); }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::string name_in(std::string_view extension) {
  Reader names{Reader{extension}.list(2)};
  names.number(1);  // host_name, the only type
  std::string name{names.list(2)};
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return name;
}

}  // namespace

TlsHello read_hello(std::string_view bytes) {
  if (!bytes.empty() && static_cast<uint8_t>(bytes[0]) != kHandshake) {
    return {TlsHello::State::none, ""};
  }
  if (bytes.size() < kRecordHead) return {};
  Reader record{bytes.substr(3)};
  const uint32_t size = record.number(2);
  if (bytes.size() < kRecordHead + size) return {};
  Reader hello{record.take(size)};
  hello.take(4 + 2 + 32);  // type and length, version, random
  hello.list(1);           // session
  hello.list(2);           // cipher suites
  hello.list(1);           // compression
  Reader extensions{hello.list(2)};
  while (!extensions.empty()) {
    const uint32_t type = extensions.number(2);
    const std::string_view data = extensions.list(2);
    if (type == kServerName) return {TlsHello::State::complete, name_in(data)};
  }
  return {TlsHello::State::complete, ""};
}

}  // namespace zonesweep::loopback
