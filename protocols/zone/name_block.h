// protocols/zone/name_block.h - the names that came out of a piece of input text.
//
// Threads:    none; a block belongs to whoever holds it and may be handed from thread to thread.
// Invariants: (1) every InputName points into the arena of its own block; (2) wire_size is 0
//             exactly when kind is illegal, else it is 1..255 and the wire form is valid.
// Ownership:  the views that input() and wire() return live until the next append() or clear().
// Units:      offsets and sizes are bytes.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace zonesweep::zone {

// Why a piece of input is not a name. Closed set; name_of() gives the word that rows carry.
enum class Illegal : uint8_t {
  none,
  not_a_name,      // a byte that no host or domain name has: blank, '/', ':', '@', quotes, control
                   // bytes ...
  url,             // scheme://...
  email,           // someone@somewhere
  empty_label,     // a..b, .a, ..
  label_too_long,  // over 63 octets
  name_too_long,   // over 255 octets in wire form
  bad_escape,      // \ at the end, \256, \1x
  bad_utf8,        // neither ASCII nor UTF-8
  bad_idna,        // UTS 46 refuses it
  line_too_long,   // over kLineBytes; `input` keeps its beginning
  missing_column,  // a CSV row with too few cells, or an empty cell
  bad_quotes,      // a CSV quote that does not close, or text after a closing quote
};

[[nodiscard]] std::string_view name_of(Illegal reason) noexcept;

struct InputName {
  enum class Kind : uint8_t {
    name,     // wire is the name
    address,  // the input is a bare IPv4 or IPv6 address; wire is its in-addr.arpa or ip6.arpa name
              // (a PTR question)
    illegal,  // no wire form; `reason` says why
  };

  uint64_t seq = 0;  // position in the whole input, over all files, from 0
  uint32_t input_at =
      0;  // the bytes as they stood in the input; for a zone file the absolute owner, with its dot
  uint32_t wire_at = 0;  // DNS wire form, uncompressed, case kept, root label included
  uint16_t input_size = 0;
  uint8_t wire_size = 0;
  Kind kind = Kind::name;
  Illegal reason = Illegal::none;
};
static_assert(sizeof(InputName) == 24);

// Bytes that grow in one piece and keep their memory over clear(). Unlike a vector it does not zero
// what it hands out.
class Arena {
 public:
  [[nodiscard]] uint32_t size() const noexcept { return size_; }
  [[nodiscard]] const char* data() const noexcept { return bytes_.get(); }
  [[nodiscard]] char* data() noexcept { return bytes_.get(); }
  void clear() noexcept { size_ = 0; }

  // Room for `n` more bytes, not yet part of the arena; commit() makes the first of them so.
  [[nodiscard]] char* room(uint32_t n) {
    if (capacity_ - size_ < n) grow(n);
    return bytes_.get() + size_;
  }
  void commit(uint32_t n) noexcept {
    assert(n <= capacity_ - size_);
    size_ += n;
  }
  void truncate(uint32_t size) noexcept {
    assert(size <= size_);
    size_ = size;
  }

 private:
  void grow(uint32_t n);

  std::unique_ptr<char[]> bytes_;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
};

struct NameBlock {
  uint64_t bytes_read =
      0;  // input position after this block, in bytes as stored (compressed), over all files
  std::vector<InputName> names;
  Arena arena;

  void clear() noexcept {
    names.clear();
    arena.clear();
  }
  [[nodiscard]] std::string_view input(const InputName& name) const noexcept {
    return {arena.data() + name.input_at, name.input_size};
  }
  [[nodiscard]] std::span<const std::byte> wire(const InputName& name) const noexcept {
    return std::as_bytes(std::span(arena.data() + name.wire_at, name.wire_size));
  }
};

}  // namespace zonesweep::zone
