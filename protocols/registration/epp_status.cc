#include "protocols/registration/epp_status.h"

#include <array>
#include <cstddef>

namespace zonesweep::registration {
namespace {

struct Spelling {
  std::string_view folded;  // letters only, lower case
  std::string_view epp;
};

constexpr std::array kEpp = {
    Spelling{"ok", "ok"},
    Spelling{"inactive", "inactive"},
    Spelling{"linked", "linked"},
    Spelling{"clienttransferprohibited", "clientTransferProhibited"},
    Spelling{"clientdeleteprohibited", "clientDeleteProhibited"},
    Spelling{"clientupdateprohibited", "clientUpdateProhibited"},
    Spelling{"clientrenewprohibited", "clientRenewProhibited"},
    Spelling{"clienthold", "clientHold"},
    Spelling{"servertransferprohibited", "serverTransferProhibited"},
    Spelling{"serverdeleteprohibited", "serverDeleteProhibited"},
    Spelling{"serverupdateprohibited", "serverUpdateProhibited"},
    Spelling{"serverrenewprohibited", "serverRenewProhibited"},
    Spelling{"serverhold", "serverHold"},
    Spelling{"addperiod", "addPeriod"},
    Spelling{"autorenewperiod", "autoRenewPeriod"},
    Spelling{"renewperiod", "renewPeriod"},
    Spelling{"transferperiod", "transferPeriod"},
    Spelling{"redemptionperiod", "redemptionPeriod"},
    Spelling{"pendingcreate", "pendingCreate"},
    Spelling{"pendingdelete", "pendingDelete"},
    Spelling{"pendingrenew", "pendingRenew"},
    Spelling{"pendingrestore", "pendingRestore"},
    Spelling{"pendingtransfer", "pendingTransfer"},
    Spelling{"pendingupdate", "pendingUpdate"},
};

constexpr size_t kFoldedBytes = 32;  // the longest, clienttransferprohibited, has 24

// Letters in lower case, blanks, hyphens and underscores left out; empty when there is anything
// else.
struct Folded {
  std::array<char, kFoldedBytes> bytes;
  size_t size = 0;
  [[nodiscard]] std::string_view text() const noexcept { return {bytes.data(), size}; }
};
[[nodiscard]] Folded fold(std::string_view text) noexcept {
  Folded folded;
  for (const char c : text) {
    if (c == ' ' || c == '-' || c == '_') continue;
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    if (lower < 'a' || lower > 'z' || folded.size == kFoldedBytes) return {};
    folded.bytes[folded.size++] = lower;
  }
  return folded;
}

}  // namespace

bool same_letters(std::string_view text, std::string_view folded) noexcept {
  return fold(text).text() == folded;
}

std::string_view epp_status(std::string_view text) noexcept {
  const Folded folded = fold(text);
  for (const Spelling& spelling : kEpp) {
    if (spelling.folded == folded.text()) return spelling.epp;
  }
  return {};
}

std::string_view epp_status_of_rdap(std::string_view text) noexcept {
  const Folded folded = fold(text);
  if (folded.text() == "active") return "ok";
  if (folded.text() == "associated") return "linked";
  return epp_status(text);
}

Outcome life_cycle_of(std::string_view status) noexcept {
  const std::string_view epp = epp_status(status);
  if (epp == "redemptionPeriod" || epp == "pendingRestore") return Outcome::redemption;
  if (epp == "pendingDelete") return Outcome::pending_delete;
  return Outcome::registered;
}

}  // namespace zonesweep::registration
