#include "engine/parked_name.h"

#include <cassert>

namespace zonesweep::engine {
namespace {

// LEB128, unsigned.
void put(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

[[nodiscard]] uint64_t get(std::string_view& in) {
  uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    assert(!in.empty() && shift < 64);
    const auto byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
}

void put_text(std::string_view text, std::string& out) {
  put(text.size(), out);
  out += text;
}

[[nodiscard]] std::string_view get_text(std::string_view& in) {
  const uint64_t size = get(in);
  assert(size <= in.size());
  const std::string_view text = in.substr(0, size);
  in.remove_prefix(size);
  return text;
}

// Most names wait for their first try, and stand in the input as they are asked.
enum Flag : uint8_t { kTried = 1, kOtherInput = 2, kTarget = 4, kRegistry = 8, kSharedAsked = 16 };

}  // namespace

void encode(const ParkedName& name, std::string& out) {
  uint8_t flags = 0;
  const bool tried = name.tries != 0 || name.throttles != 0 || name.redirects != 0 ||
                     name.step_tries != 0 || name.failure != RegistrationStatus::ok ||
                     !name.reason.empty();
  if (tried) flags |= kTried;
  if (name.input != name.name) flags |= kOtherInput;
  if (!name.target.empty()) flags |= kTarget;
  if (name.registry_source != RegistrationSource::none) flags |= kRegistry;
  if (name.shared_asked) flags |= kSharedAsked;
  out += static_cast<char>(flags);
  out += static_cast<char>(name.step);
  put(name.chunk, out);
  put(name.seq, out);
  put_text(name.name, out);
  if ((flags & kOtherInput) != 0) put_text(name.input, out);
  if ((flags & kTried) != 0) {
    for (const uint8_t count : {name.tries, name.step_tries, name.throttles, name.redirects,
                                static_cast<uint8_t>(name.failure)})
      out += static_cast<char>(count);
    put_text(name.reason, out);
  }
  if ((flags & kTarget) != 0) put_text(name.target, out);
  if ((flags & kRegistry) != 0) {
    out += static_cast<char>(name.registry_source);
    put_text(name.registry_server, out);
    put_text(name.registry_answer, out);
  }
}

ParkedName decode(std::string_view in) {
  ParkedName name;
  const auto byte = [&in] {
    assert(!in.empty());
    const auto value = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    return value;
  };
  const uint8_t flags = byte();
  name.step = static_cast<RegistrationStep>(byte());
  name.chunk = get(in);
  name.seq = get(in);
  name.name = get_text(in);
  name.input = (flags & kOtherInput) != 0 ? get_text(in) : name.name;
  if ((flags & kTried) != 0) {
    name.tries = byte();
    name.step_tries = byte();
    name.throttles = byte();
    name.redirects = byte();
    name.failure = static_cast<RegistrationStatus>(byte());
    name.reason = get_text(in);
  }
  name.shared_asked = (flags & kSharedAsked) != 0;
  if ((flags & kTarget) != 0) name.target = get_text(in);
  if ((flags & kRegistry) != 0) {
    name.registry_source = static_cast<RegistrationSource>(byte());
    name.registry_server = get_text(in);
    name.registry_answer = get_text(in);
  }
  assert(in.empty());
  return name;
}

}  // namespace zonesweep::engine
