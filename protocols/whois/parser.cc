#include "protocols/whois/parser.h"

#include <algorithm>

#include "protocols/registration/epp_status.h"
#include "protocols/whois/servers.h"

namespace zonesweep::whois {
namespace {

using registration::Registration;

[[nodiscard]] Problem problem_of(TextError error) noexcept {
  switch (error) {
    case TextError::answer_too_long: return Problem::answer_too_long;
    case TextError::line_too_long: return Problem::line_too_long;
    case TextError::too_many_lines: return Problem::too_many_lines;
    case TextError::binary: return Problem::binary;
  }
  return Problem::binary;
}

// Another protocol answers on the port.
[[nodiscard]] bool is_other_protocol(std::span<const Line> lines) noexcept {
  const auto first = std::ranges::find_if(lines, [](const Line& line) { return !line.blank(); });
  if (first == lines.end()) return false;
  constexpr std::string_view kBeginnings[] = {"HTTP/1.", "HTTP/2", "<!DOCTYPE", "<!doctype",
                                              "<html",   "<HTML",  "<?xml",     "220 ",
                                              "220-",    "SSH-",   "* OK ",     "+OK "};
  return std::ranges::any_of(
      kBeginnings, [&](std::string_view beginning) { return first->text.starts_with(beginning); });
}

// Says that the name is not in the registry.
[[nodiscard]] bool is_negative(Outcome outcome) noexcept {
  return outcome == Outcome::available || outcome == Outcome::reserved ||
         outcome == Outcome::unavailable || outcome == Outcome::invalid ||
         outcome == Outcome::throttled;
}

[[nodiscard]] Outcome life_cycle(const Registration& out, Outcome by_status) noexcept {
  if (is_registered(by_status)) return by_status;
  for (const std::string_view status : out.statuses) {
    const Outcome outcome = registration::life_cycle_of(status);
    if (outcome != Outcome::registered) return outcome;
  }
  return Outcome::registered;
}

}  // namespace

std::string_view name_of(Problem problem) noexcept {
  switch (problem) {
    case Problem::none: return "none";
    case Problem::answer_too_long: return "answer_too_long";
    case Problem::line_too_long: return "line_too_long";
    case Problem::too_many_lines: return "too_many_lines";
    case Problem::binary: return "binary";
    case Problem::not_whois: return "not_whois";
    case Problem::other_name: return "other_name";
  }
  return "none";
}

Problem Parser::parse(std::string_view answer, const Question& question, Registration& out) {
  out.clear();
  arena_.clear();
  const std::string_view zone = zone_of(question.name.empty() ? question.server : question.name);
  const Conventions conventions = conventions_of(question.server, zone);
  const auto lines = reader_.read(answer, conventions.charset);
  if (!lines) return problem_of(lines.error());
  if (is_other_protocol(*lines)) return Problem::not_whois;
  collector_.begin(question, conventions.order, out);
  for (const Line& line : *lines) collector_.take(token_of(line));
  collector_.finish();
  out.outcome = conclude(*lines, question, out);
  if (out.outcome != Outcome::unknown || !collector_.evidence().other_name) return Problem::none;
  return collector_.evidence().name_matched ? Problem::none : Problem::other_name;
}

Outcome Parser::conclude(std::span<const Line> lines, const Question& question, Registration& out) {
  if (std::ranges::all_of(lines, &Line::blank)) return Outcome::empty;
  const Evidence& evidence = collector_.evidence();
  const bool dated = out.created.known() || out.expires.known();
  const bool strong = !out.nameservers.empty() || dated;
  // Data contradicts "available" and "not available", but not "reserved".
  const bool contradicted =
      strong && evidence.status != Outcome::reserved && evidence.status != Outcome::invalid;
  if (evidence.name_matched && is_negative(evidence.status) && !contradicted)
    return evidence.status;
  const bool named = evidence.name_matched || (out.domain.empty() && !evidence.other_name);
  if (named && strong && (evidence.name_matched || !out.registrar.empty() || dated)) {
    if (out.domain.empty()) out.domain = evidence.echo;
    return life_cycle(out, evidence.status);
  }
  const bool registered =
      evidence.name_matched && (!out.registrar.empty() || evidence.contacts || strong);
  const Verdict verdict = outcomes_.read(lines, question);
  // A name with a holder is registered, also where the server says that it holds back the rest.
  if (registered && (verdict.outcome == Outcome::unknown || verdict.outcome == Outcome::throttled ||
                     verdict.outcome == Outcome::error)) {
    out.truncated = verdict.outcome != Outcome::unknown;
    return life_cycle(out, evidence.status);
  }
  if (out.domain.empty())
    out.domain = verdict.name.empty() ? evidence.echo : arena_.store(verdict.name);
  out.retry_after_s = verdict.retry_after_s;
  // A negative sentence beside data, whosever it is, proves nothing.
  if (verdict.outcome == Outcome::available && strong) return Outcome::unknown;
  if (verdict.outcome != Outcome::unknown) return verdict.outcome;
  if (is_negative(evidence.status) && !evidence.other_name && !strong) return evidence.status;
  if (evidence.name_matched && !out.statuses.empty()) return life_cycle(out, evidence.status);
  return Outcome::unknown;
}

}  // namespace zonesweep::whois
