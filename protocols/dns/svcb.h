// protocols/dns/svcb.h - the parameters of SVCB and HTTPS, RFC 9460.
//
// Threads: pure functions. Internal to protocols/dns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace zonesweep::dns {

struct SvcParam {
  uint16_t key = 0;
  std::span<const std::byte> value;
};

// Walks the parameters; ends at the first that does not fit.
class SvcParamCursor {
 public:
  explicit SvcParamCursor(std::span<const std::byte> params) noexcept : left_(params) {}
  [[nodiscard]] bool next(SvcParam& param) noexcept;
  [[nodiscard]] bool finished() const noexcept { return left_.empty(); }

 private:
  std::span<const std::byte> left_;
};

// Keys ascend, are unique, their values have the form of their key, and those that are mandatory
// are there.
[[nodiscard]] bool are_svc_params(std::span<const std::byte> params) noexcept;

// `alpn="h2,h3"`, `key667="..."`.
void append_svc_param(const SvcParam& param, std::string& out);

}  // namespace zonesweep::dns
