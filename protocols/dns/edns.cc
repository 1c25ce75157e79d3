#include "protocols/dns/edns.h"

#include <algorithm>

#include "protocols/dns/octets.h"

namespace zonesweep::dns {

bool OptionCursor::next(Option& option) noexcept {
  if (left_.size() < 4) return false;
  const size_t size = read_u16(left_, 2);
  if (left_.size() - 4 < size) return false;
  option = {read_u16(left_, 0), left_.subspan(4, size)};
  left_ = left_.subspan(4 + size);
  return true;
}

bool ExtendedErrorCursor::next(ExtendedError& error) noexcept {
  if (left_ == 0) return false;
  Option option;
  while (options_.next(option)) {
    if (option.code != option::kExtendedError || option.data.size() < 2) continue;
    const auto text = option.data.subspan(2);
    error = {read_u16(option.data, 0),
             text.first(std::min(text.size(), limits::kExtendedErrorText))};
    --left_;
    return true;
  }
  return false;
}

}  // namespace zonesweep::dns
