// bench/com_zone.h - the text of a zone that looks like a large TLD's, the same for the same options everywhere.
//
// czds: every field on every line, absolute, lower case, TAB between:  example.com.<TAB>172800<TAB>in<TAB>ns<TAB>ns1.host.net.
// dump: relative and upper case, as registries write it themselves:    EXAMPLE NS NS1.HOST.NET.
// About 2.5 NS lines a name; some have DS and glue. Label i ends in `-` and i in base 36, so no two are equal.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace zonesweep::bench {

struct ComZone {
  uint64_t names = 100'000;
  uint64_t seed = 1;
  uint64_t glue_percent = 1;
  uint64_t signed_percent = 4;
  std::string origin = "com";
  bool czds = true;
};

// splitmix64: one step, no state to keep.
inline uint64_t mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27) * 0x94d049bb133111eb;
  return value ^ value >> 31;
}

class ComZoneWriter {
 public:
  explicit ComZoneWriter(ComZone options) : options_(std::move(options)) {}

  // What has been written since the last clear().
  [[nodiscard]] const std::string& text() const { return out_; }
  void clear() { out_.clear(); }

  void head() {
    const std::string apex = options_.czds ? options_.origin + "." : "@";
    if (!options_.czds)
      out_ += "; a made-up zone\n$ORIGIN " + upper(options_.origin) + ".\n$TTL 172800\n";
    out_ += apex + "\t900\tin\tsoa\ta.gtld-servers.net. nstld.example. 1 1800 900 604800 86400\n";
    for (const char c : {'a', 'b', 'c'})
      out_ += apex + "\t172800\tin\tns\t" + c + ".gtld-servers.net.\n";
  }

  void name(uint64_t i) {
    const uint64_t random = mix(options_.seed * 0x2545f4914f6cdd1d + i);
    label(random, i);
    const uint64_t hosts = 2 + random % 2 + (random % 64 == 0 ? 2 : 0);  // 2.5 on average
    const uint64_t host = random >> 20;
    for (uint64_t k = 0; k < hosts; ++k) {
      owner();
      out_ += options_.czds ? "\t172800\tin\tns\tns" : " NS NS";
      number(k + 1);
      provider(host);
    }
    if (random / 64 % 100 < options_.signed_percent) signature(random);
    if (random / 6'400 % 100 < options_.glue_percent) glue(random);
  }

 private:
  static std::string upper(std::string text) {
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
    return text;
  }

  void owner() {
    out_ += label_;
    if (options_.czds) out_ += '.', out_ += options_.origin, out_ += '.';
  }

  // 3 to 22 letters and the index: the mean length is that of com.
  void label(uint64_t random, uint64_t i) {
    label_.clear();
    const uint64_t letters = 2 + random % 7 + random / 7 % 7;
    for (uint64_t k = 0; k < letters; ++k) label_ += static_cast<char>('a' + mix(random + k) % 26);
    label_ += '-';
    char digits[16];
    label_.append(digits, std::to_chars(digits, digits + sizeof digits, i, 36).ptr);
    if (!options_.czds) label_ = upper(label_);
  }

  void number(uint64_t value) {
    char digits[24];
    out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }

  // A few hosters have most names.
  void provider(uint64_t host) {
    static constexpr std::string_view large[] = {".domaincontrol.com.", ".hostgator.com.",
                                                 ".ui-dns.de.", ".cloudns.net."};
    if (host % 4 != 0) {
      out_ += large[host / 4 % 4];
    } else {
      out_ += ".dns", number(host / 4 % 100'000), out_ += ".example.net.";
    }
    out_ += '\n';
  }

  void signature(uint64_t random) {
    owner();
    out_ += options_.czds ? "\t86400\tin\tds\t" : " DS ";
    number(random % 65'536);
    out_ += " 13 2 ";
    static constexpr char hex[] = "0123456789ABCDEF";
    for (uint64_t k = 0; k < 64; ++k) out_ += hex[mix(random + k) & 15];
    out_ += '\n';
  }

  void glue(uint64_t random) {
    out_ += options_.czds ? "ns1." : "NS1.";
    owner();
    out_ += options_.czds ? "\t172800\tin\ta\t192.0.2." : " A 192.0.2.";
    number(random % 256);
    out_ += '\n';
  }

  ComZone options_;
  std::string out_;
  std::string label_;
};

}  // namespace zonesweep::bench
