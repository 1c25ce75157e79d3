// engine/row_block.h - rows of an ordered run on their way to the writer: text with an index.
//
// Threads:    value type; a lane fills it, the writer consumes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/output.h"
#include "engine/row_status.h"

namespace zonesweep::engine {

struct RowBlock {
  struct Row {
    uint64_t seq = 0;
    uint32_t offset = 0;
    uint32_t size = 0;
    RowStatus status;
    Table table = Table::dns;
    uint8_t question = 0;
  };

  std::string text;
  std::vector<Row> rows;
  std::vector<uint64_t> names_done;  // seq; their rows are here or were in blocks before
  Instant opened{};                  // when the first row or name came

  [[nodiscard]] uint64_t memory_bytes() const noexcept {
    return text.capacity() + rows.capacity() * sizeof(Row);
  }
  [[nodiscard]] bool empty() const noexcept { return rows.empty() && names_done.empty(); }
};

}  // namespace zonesweep::engine
