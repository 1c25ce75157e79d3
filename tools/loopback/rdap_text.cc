#include "tools/loopback/rdap_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/json_text.h"

namespace zonesweep::loopback {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  engine::append_json_text(text, out);
  return out + '"';
}

// "clientTransferProhibited" as RFC 8056 spells it for RDAP.
std::string status_words(std::string_view epp) {
  if (epp == "ok") return "active";
  std::string out;
  for (const char c : epp) {
    const bool capital = c >= 'A' && c <= 'Z';
    if (capital) out += ' ';
    out += capital ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return out;
}

std::string capitalised(std::string_view word, bool wanted) {
  std::string out{word};
  if (wanted && !out.empty()) out[0] = static_cast<char>(out[0] - ('a' - 'A'));
  return out;
}

std::string upper(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  });
  return out;
}

template <typename Items, typename Print>
std::string list_of(const Items& items, Print print) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    out += print(item);
  }
  return out + "]";
}

class Answer {
 public:
  Answer(const Holding& holding, uint32_t style, const RdapLinks& links)
      : h_(holding), style_(style % kRdapStyles), links_(links) {}

  [[nodiscard]] std::string print() const {
    std::string out = "{\"rdapConformance\":[\"rdap_level_0\"],\"objectClassName\":\"domain\"";
    out += fmt::format(",\"handle\":{},\"ldhName\":{}", quoted(h_.id), quoted(name()));
    out += ",\"status\":" + statuses();
    out += ",\"events\":" + events();
    if (!h_.nameservers.empty()) out += ",\"nameservers\":" + nameservers();
    out += ",\"secureDNS\":" + secure_dns();
    out += ",\"entities\":" + entities();
    out += ",\"links\":" + links();
    return out + ",\"notices\":" + notices() + "}";
  }

 private:
  [[nodiscard]] std::string name() const {
    return style_ == 1 ? upper(h_.domain) + "." : h_.domain;
  }
  [[nodiscard]] std::string role(std::string_view word) const {
    return quoted(capitalised(word, style_ == 3));
  }
  [[nodiscard]] std::string statuses() const {
    if (style_ == 3 && h_.statuses.size() == 1) return quoted(status_words(h_.statuses[0]));
    return list_of(h_.statuses, [](const auto& status) { return quoted(status_words(status)); });
  }
  [[nodiscard]] std::string events() const {
    const std::pair<std::string_view, int64_t> events[] = {
        {"registration", h_.created}, {"expiration", h_.expires}, {"last changed", h_.updated}};
    return list_of(events, [&](const auto& event) {
      return fmt::format("{{\"eventAction\":{},\"eventDate\":\"{}Z\"}}", role(event.first),
                         iso_time(event.second));
    });
  }
  [[nodiscard]] std::string nameservers() const {
    return list_of(h_.nameservers, [&](const auto& host) {
      return fmt::format("{{\"objectClassName\":\"nameserver\",\"ldhName\":{}}}",
                         quoted(style_ == 1 ? upper(host) : host));
    });
  }
  [[nodiscard]] std::string secure_dns() const {
    const std::string_view quote = style_ == 2 ? "\"" : "";
    const std::string ds = fmt::format(
        "\"dsData\":[{{\"keyTag\":{0}{1}{0},\"algorithm\":{0}13{0},\"digestType\":{0}2{0},"
        "\"digest\":\"{2:064X}\"}}]",
        quote, h_.registrar + 1'000, static_cast<uint64_t>(h_.created));
    if (!h_.signed_delegation) return "{\"delegationSigned\":false}";
    return style_ == 2 ? "{" + ds + "}" : "{\"delegationSigned\":true," + ds + "}";
  }
  [[nodiscard]] std::string abuse() const {
    return fmt::format(
        "{{\"objectClassName\":\"entity\",\"roles\":[{}],\"vcardArray\":[\"vcard\",[[\"version\",{{"
        "}},"
        "\"text\",\"4.0\"],[\"fn\",{{}},\"text\",\"Abuse desk\"],[\"email\",{{}},\"text\",{}],"
        "[\"tel\",{{\"type\":\"voice\"}},\"uri\",{}]]]}}",
        role("abuse"), quoted(h_.abuse_email), quoted("tel:" + h_.abuse_phone));
  }
  [[nodiscard]] std::string registrar() const {
    return fmt::format(
        "{{\"objectClassName\":\"entity\",\"handle\":\"{0}\",\"roles\":[{1}],\"publicIds\":[{{"
        "\"type\":"
        "\"Registry Identifier\",\"identifier\":\"R{0}\"}},{{\"type\":\"IANA Registrar ID\","
        "\"identifier\":\"{2}\"}}],\"vcardArray\":[\"vcard\",[[\"version\",{{}},\"text\",\"4.0\"],"
        "[\"fn\",{{}},\"text\",{3}]]],\"entities\":[{4}]}}",
        h_.registrar, role("registrar"), h_.registrar_iana_id, quoted(h_.registrar_name), abuse());
  }
  [[nodiscard]] std::string registrant() const {
    return fmt::format(
        "{{\"objectClassName\":\"entity\",\"roles\":[{}],\"vcardArray\":[\"vcard\",[[\"version\",{{"
        "}},"
        "\"text\",\"4.0\"],[\"fn\",{{}},\"text\",\"\"],[\"org\",{{}},\"text\",{}],[\"adr\",{{"
        "\"cc\":{}}},"
        "\"text\",[\"\",\"\",\"\",\"\",\"\",\"\",\"\"]]]]}}",
        role("registrant"), quoted(h_.registrant_org), quoted(h_.registrant_country));
  }
  [[nodiscard]] std::string entities() const {
    return h_.registrant_org.empty() ? "[" + registrar() + "]"
                                     : "[" + registrar() + "," + registrant() + "]";
  }
  [[nodiscard]] std::string link(std::string_view rel, std::string_view href) const {
    return fmt::format(
        "{{\"value\":{},\"rel\":\"{}\",\"href\":{},\"type\":\"application/rdap+json\"}}",
        quoted(links_.self), rel, quoted(href));
  }
  [[nodiscard]] std::string links() const {
    std::string out = "[" + link("self", links_.self);
    if (!links_.related.empty()) out += "," + link("related", links_.related);
    return out + "]";
  }
  // Every word that a careless reader takes for a refusal.
  [[nodiscard]] static std::string notices() {
    return "[{\"title\":\"Terms of Use\",\"description\":[\"Access is limited: clients that exceed "
           "the rate limit get a quota, and errors instead of data.\"]}]";
  }

  const Holding& h_;
  uint32_t style_;
  const RdapLinks& links_;
};

}  // namespace

std::string rdap_answer(const Holding& holding, uint32_t style, const RdapLinks& links) {
  return Answer{holding, style, links}.print();
}

StatedFacts stated_by_rdap(const Holding& h, const RdapLinks& links) {
  StatedFacts out;
  out.registrar = h.registrar_name;
  out.registrar_iana_id = h.registrar_iana_id;
  out.created = iso_time(h.created) + "Z";
  out.updated = iso_time(h.updated) + "Z";
  out.expires = iso_time(h.expires) + "Z";
  out.statuses = h.statuses;
  out.nameservers = h.nameservers;
  out.dnssec = h.signed_delegation;
  out.registrant_org = h.registrant_org;
  out.registrant_country = h.registrant_country;
  out.abuse_email = h.abuse_email;
  out.abuse_phone = h.abuse_phone;
  out.referral = links.related;
  return out;
}

std::string rdap_error(uint32_t code, std::string_view title) {
  return fmt::format(
      "{{\"rdapConformance\":[\"rdap_level_0\"],\"errorCode\":{},\"title\":{},\"description\":[{}]}"
      "}",
      code, quoted(title), quoted(title));
}

std::string rdap_help() {
  return "{\"rdapConformance\":[\"rdap_level_0\"],\"notices\":[{\"title\":\"Help\",\"description\":"
         "[\"/domain/NAME\"]}]}";
}

}  // namespace zonesweep::loopback
