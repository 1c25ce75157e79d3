#include "protocols/psl/suffix_list.h"

#include <libpsl.h>

#include <cstdio>

namespace zonesweep::psl {

struct SuffixList::List {
  const psl_ctx_t* context = nullptr;
  psl_ctx_t* owned = nullptr;
  ~List() {
    if (owned != nullptr) psl_free(owned);
  }
};

SuffixList::SuffixList(std::unique_ptr<List> list) : list_(std::move(list)) {}
SuffixList::~SuffixList() = default;
SuffixList::SuffixList(SuffixList&&) noexcept = default;
SuffixList& SuffixList::operator=(SuffixList&&) noexcept = default;

SuffixList SuffixList::builtin() {
  auto list = std::make_unique<List>();
  list->context = psl_builtin();
  return SuffixList{std::move(list)};
}

std::expected<SuffixList, SuffixListError> SuffixList::from_text(std::string_view text) {
  if (text.empty()) return std::unexpected(SuffixListError::not_a_list);
  // The library reads from a stream; this one is memory.
  std::string copy{text};
  std::FILE* const stream = fmemopen(copy.data(), copy.size(), "r");
  if (stream == nullptr) return std::unexpected(SuffixListError::not_a_list);
  auto list = std::make_unique<List>();
  list->owned = psl_load_fp(stream);
  std::fclose(stream);
  list->context = list->owned;
  if (list->owned == nullptr || psl_suffix_count(list->owned) == 0) {
    return std::unexpected(SuffixListError::not_a_list);
  }
  return SuffixList{std::move(list)};
}

uint32_t SuffixList::rules() const noexcept {
  const int count = list_->context == nullptr ? 0 : psl_suffix_count(list_->context);
  return count < 0 ? 0 : static_cast<uint32_t>(count);
}

std::string_view SuffixList::registrable(std::string_view name, bool private_too) const {
  if (name.empty() || name.size() > 253 || name.front() == '.' || name.back() == '.') return {};
  const int type = PSL_TYPE_ANY & ~(private_too ? 0 : PSL_TYPE_PRIVATE);
  // Longest first: the parent of the longest public suffix.
  std::string_view candidate = name;
  std::string_view below;
  for (;;) {
    const std::string terminated{candidate};
    const bool is_suffix =
        list_->context == nullptr
            ? candidate.find('.') == std::string_view::npos
            : psl_is_public_suffix2(list_->context, terminated.c_str(), type) != 0;
    if (is_suffix) return below;
    const size_t dot = candidate.find('.');
    if (dot == std::string_view::npos) return below;
    below = candidate;
    candidate.remove_prefix(dot + 1);
  }
}

}  // namespace zonesweep::psl
