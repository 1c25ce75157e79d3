#include "protocols/zone/delegations.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace zonesweep::zone {
namespace {

constexpr size_t kPlain = 64;  // a plain owner is copied as one block of so many bytes

// Label lengths are below 'A', so a wire form needs no parsing for this.
void lower_block(const char* from, char* to) {
  using Bytes = uint8_t __attribute__((vector_size(16)));
  for (size_t i = 0; i < kPlain; i += sizeof(Bytes)) {
    Bytes bytes;
    std::memcpy(&bytes, from + i, sizeof bytes);
    const Bytes from_a = bytes - 'A';
    bytes |= static_cast<Bytes>(from_a < 26) & 0x20;
    std::memcpy(to + i, &bytes, sizeof bytes);
  }
}

}  // namespace

void Delegations::set_apex(const ZoneName& name, Rule rule) {
  lower_wire(name.wire(), apex_);
  apex_size_ = name.wire().size();
  rule_ = rule;
}

void Delegations::origin(const ZoneName& name) {
  if (rule_ == Rule::unknown) set_apex(name, Rule::origin);
}

void Delegations::soa(const ZoneName& owner, Output& out) {
  set_apex(owner, Rule::soa);
  if (const auto first = std::exchange(held_, nullptr)) ns(*first, out);
}

void Delegations::ns(const ZoneName& owner, Output& out) {
  std::array<char, 256> key;
  lower_wire(owner.wire(), key);
  const std::string_view name{key.data(), owner.wire().size()};
  if (rule_ == Rule::unknown) {
    held_ = std::make_unique<ZoneName>(owner);
    return set_apex(owner, Rule::held);
  }
  const std::string_view apex{apex_.data(), apex_size_};
  if (rule_ == Rule::held && name != apex) {
    rule_ = is_below(name, apex) ? Rule::origin : Rule::none;
    if (rule_ == Rule::none) append(held_->text(), held_->wire(), out);
    held_.reset();
  }
  if (!is_delegated(name)) return;
  if (out.full()) {
    late_ = std::make_unique<ZoneName>(owner);
  } else {
    append(owner.text(), owner.wire(), out);
  }
}

void Delegations::resume(Output& out) {
  if (!late_ || out.full()) return;
  append(late_->text(), late_->wire(), out);
  late_.reset();
}

bool Delegations::is_delegated(std::string_view lower_case) {
  const std::string_view apex{apex_.data(), apex_size_};
  if (rule_ == Rule::none) return true;
  if (lower_case == apex) return false;
  if (rule_ == Rule::origin || is_below(lower_case, apex)) return true;
  if (rule_ == Rule::soa) ++counts_.out_of_zone;
  return false;
}

void Delegations::append(std::string_view text, std::string_view wire, Output& out) {
  char* room = out.block.arena.room(static_cast<uint32_t>(text.size() + wire.size()));
  std::ranges::copy(wire, std::ranges::copy(text, room).out);
  std::array<char, 256> key;
  lower_wire(wire, key);
  added(out.block.arena.size(), text.size(), {key.data(), wire.size()}, out);
}

void Delegations::plain_ns(const char* token, unsigned size, uint64_t dots, const ZoneName* origin,
                           Output& out) {
  constexpr uint32_t most = 3 * kPlain + limits::kNameTextBytes + 256;
  const bool absolute = token[size - 1] == '.';
  char* const text = out.block.arena.room(most);
  size_t text_size = size;
  std::memcpy(text, token, kPlain);
  if (!absolute) {
    if (!origin->is_root()) text[text_size++] = '.';
    std::memcpy(text + text_size, origin->text().data(), origin->text().size());
    text_size += origin->text().size();
  }
  char* const wire = text + text_size;
  std::memcpy(wire + 1, token, kPlain);
  unsigned label = 0;
  for (uint64_t left = absolute ? dots : dots | uint64_t{1} << size; left != 0; left &= left - 1) {
    const auto dot = static_cast<unsigned>(std::countr_zero(left));
    wire[label] = static_cast<char>(dot - label);
    label = dot + 1;
  }
  const std::string_view tail = absolute ? std::string_view("", 1) : origin->wire();
  std::memcpy(wire + label, tail.data(), tail.size());
  const size_t wire_size = label + tail.size();

  std::array<char, 256> key;
  lower_block(wire, key.data());
  if (wire_size > kPlain) lower_wire({wire, wire_size}, key);
  const std::string_view name{key.data(), wire_size};
  if (is_delegated(name)) added(out.block.arena.size(), text_size, name, out);
}

// Text and wire form lie in the arena behind its end.
void Delegations::added(uint32_t at, size_t text_size, std::string_view lower_case, Output& out) {
  out.block.arena.commit(static_cast<uint32_t>(text_size + lower_case.size()));
  out.block.names.push_back({.input_at = at,
                             .wire_at = at + static_cast<uint32_t>(text_size),
                             .input_size = static_cast<uint16_t>(text_size),
                             .wire_size = static_cast<uint8_t>(lower_case.size())});
  const XXH128_hash_t hash = XXH3_128bits_withSeed(lower_case.data(), lower_case.size(), key_);
  const Seen::Key key{hash.low64, hash.high64 | 1};
  seen_.prefetch(key);
  waiting_[waiting_count_++] = key;
  if (waiting_count_ == kBatch) flush(out);
}

void Delegations::flush(Output& out) {
  auto& names = out.block.names;
  const size_t first = names.size() - waiting_count_;
  size_t kept = first;
  uint32_t end = waiting_count_ == 0 ? out.block.arena.size() : names[first].input_at;
  for (size_t i = 0; i < waiting_count_; ++i) {
    InputName name = names[first + i];
    if (!seen_.insert(waiting_[i])) {
      ++counts_.duplicates;
      continue;
    }
    const uint32_t size = uint32_t{name.input_size} + name.wire_size;
    if (name.input_at != end) {
      std::memmove(out.block.arena.data() + end, out.block.arena.data() + name.input_at, size);
      name.input_at = end;
      name.wire_at = end + name.input_size;
    }
    name.seq = out.seq++;
    names[kept++] = name;
    end += size;
  }
  names.resize(kept);
  out.block.arena.truncate(end);
  counts_.names += kept - first;
  waiting_count_ = 0;
}

void Delegations::finish(Output& out) {
  if (held_) {
    append(held_->text(), held_->wire(), out);
    held_.reset();
  }
  flush(out);
}

}  // namespace zonesweep::zone
