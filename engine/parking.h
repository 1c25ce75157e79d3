// engine/parking.h - where names wait for a server that takes few a second: many first-in-first-out
// queues of small byte strings, in bounded memory, and beyond it on disk.
//
// Threads:    one.
// Invariants: (1) each queue gives back what it was given, in order; (2) memory stays below
//             memory_bytes, and some hundred bytes for each queue, however much waits; (3) what has
//             been given back frees its place in the file for what comes.
// Ownership:  pop() lends its bytes until the next call.
// Units:      an item of some ten to some thousand bytes takes its bytes and one or two more, in
//             memory as on disk.
// Errors:     a line that says why the run must end: the disk. A resume reads the input again, so
//             nothing here is synced and nothing is left behind.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "io/spool_file.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr size_t kParkingBytes = size_t{32} << 20;          // in memory, over all queues
inline constexpr uint64_t kParkingFileBytes = uint64_t{64} << 30;  // a thousand million names
// What goes to disk and comes back at once: 250 names. A queue that goes over the disk needs two of
// them in memory, so that 2,000 such queues fit into kParkingBytes. Larger ones save nothing: the
// two system calls of 8 KiB cost 20 ns a name.
inline constexpr uint32_t kSegmentBytes = 8 * 1024;
inline constexpr uint32_t kParkedPartBytes = 4'000;  // a larger item is cut into parts of it
}  // namespace limits

class Parking {
 public:
  struct Options {
    std::string directory;  // where the file lies; empty: $TMPDIR, else /var/tmp, else /tmp
    size_t memory_bytes = limits::kParkingBytes;
    uint64_t file_bytes = limits::kParkingFileBytes;
    // Tests: called before "create", "write" and "read"; another result than 0 is their errno.
    std::function<int(std::string_view operation)> fault;
  };
  using Result = std::expected<void, std::string>;

  Parking() : Parking(Options()) {}
  explicit Parking(Options options);
  ~Parking();
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;

  // Queues are numbers from 0, best without gaps; one is made by the first push.
  [[nodiscard]] Result push(uint32_t queue, std::string_view bytes);
  // The oldest item. The queue must not be empty.
  [[nodiscard]] std::expected<std::string_view, std::string> pop(uint32_t queue);
  [[nodiscard]] uint64_t size(uint32_t queue) const noexcept;  // items
  // The file has reached file_bytes: take in nothing new; what is at hand may still be pushed.
  [[nodiscard]] bool full() const noexcept;

  [[nodiscard]] uint64_t items() const noexcept { return items_; }
  [[nodiscard]] uint64_t memory_bytes() const noexcept { return memory_; }
  [[nodiscard]] uint64_t disk_bytes() const noexcept;       // in use
  [[nodiscard]] uint64_t file_size_bytes() const noexcept;  // ever needed at once

 private:
  struct Segment {
    std::unique_ptr<char[]> bytes;  // room for the header of a slot, then items
    uint32_t capacity = 0;
    uint32_t begin = 0;  // of what is not yet given back
    uint32_t end = 0;
  };
  // Items are in the order: memory, the run on disk, tail.
  struct Queue {
    std::list<Segment> memory;
    // Segments on disk, each naming the slot of the next, so that they need no memory.
    uint32_t stored = 0;
    uint32_t first_slot = 0;  // of the run; with none stored, that of the next one
    uint32_t next_slot = 0;   // set aside for the next segment at the end of the run
    uint64_t number = 0;      // of the first one; seeds its checksum, so that no other passes
    bool on_disk = false;     // there is a run, and what comes goes behind it
    Segment tail;             // on_disk: behind the run
    uint64_t items = 0;
  };

  [[nodiscard]] Result push_part(uint32_t queue, std::string_view part, bool more);
  struct Part {
    std::string_view bytes;
    bool more = false;
  };
  [[nodiscard]] std::expected<Part, std::string> pop_part(uint32_t queue);
  [[nodiscard]] std::expected<Segment*, std::string> room_for(uint32_t queue, size_t size);
  [[nodiscard]] Result keep_bound(uint64_t reserve);
  [[nodiscard]] Result spill(uint32_t queue);
  [[nodiscard]] Result store_front(uint32_t queue, Segment& segment);
  [[nodiscard]] Result store_back(uint32_t queue, Segment& segment);
  [[nodiscard]] Result write_slot(uint32_t slot, uint32_t next, uint64_t seed, Segment& segment);
  [[nodiscard]] Result load_front(uint32_t queue);
  [[nodiscard]] Result open_file();
  [[nodiscard]] std::unexpected<std::string> failure(std::string_view operation,
                                                     std::errc why) const;
  [[nodiscard]] std::errc injected(std::string_view operation) const;

  [[nodiscard]] Segment new_segment(uint32_t queue, uint32_t capacity);
  void grow(uint32_t queue, Segment& segment);
  void release(uint32_t queue, Segment& segment);
  void begin_run(Queue& queue);
  void end_run(uint32_t queue);
  [[nodiscard]] uint32_t take_slot();
  void free_slot(uint32_t slot);

  Options options_;
  std::string folder_;  // where the file is, or should be
  io::SpoolFile file_;
  std::vector<Queue> queues_;
  std::vector<uint64_t> memory_of_;  // by queue, apart: the biggest is looked for often
  std::string lent_;                 // an item of several parts
  uint64_t memory_ = 0;
  uint64_t items_ = 0;
  std::vector<uint64_t> slots_;  // one bit for each of the file: in use
  uint64_t slots_used_ = 0;
  uint64_t slots_made_ = 0;
  uint64_t slot_hint_ = 0;  // no free slot before this word
};

}  // namespace zonesweep::engine
