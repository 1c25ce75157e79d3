#include "tools/loopback/whois_text.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>

namespace zonesweep::loopback {
namespace {

constexpr std::array<std::string_view, kWhoisThrottles> kThrottles = {
    "Number of allowed queries exceeded.\r\n",
    "%% Too many requests...\r\n",
    "% Error: 55000000002 Connection refused; access control limit reached.\r\n",
    "WHOIS LIMIT EXCEEDED - SEE WWW.REGISTRY.TEST/WHOIS FOR DETAILS\r\n",
    "# Too many connections.\r\n",
    "Please go away for 13 Seconds\r\n",
    "The WHOIS query quota for 127.0.0.1 has been exceeded\r\nand will be replenished in 50 "
    "seconds\r\n",
    "Looup quota exceeded.\r\n",
    "Rate limit exceeded. Try again after: 24h0m0s\r\n",
    "Maximum Daily connection limit reached. Lookup refused.\r\n",
    "You have exceeded your quota of queries.\r\n",
    "Query rate limit exceeded\r\n",
};

// What many registries say below the data of each good answer: every word that a careless reader
// takes for a refusal.
constexpr std::string_view kTerms =
    "\r\n"
    "TERMS OF USE: You may not use automated queries of high volume. Access may be limited, and\r\n"
    "queries that exceed the limit or quota may be throttled, blocked or not found to be\r\n"
    "permitted. Data that is not available here can be requested from the registrar.\r\n";

std::string upper(std::string_view text) {
  std::string out{text};
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  }
  return out;
}

class Text {
 public:
  void line(std::string_view text) { out_.append(text).append("\r\n"); }
  void line() { out_ += "\r\n"; }
  // "label: value"; nothing for no value.
  void pair(std::string_view label, std::string_view value) {
    if (!value.empty()) line(fmt::format("{}: {}", label, value));
  }
  void column(std::string_view label, size_t width, std::string_view between,
              std::string_view value) {
    if (!value.empty()) line(fmt::format("{:{}}{}{}", label, width, between, value));
  }
  void dots(std::string_view label, std::string_view value) {
    if (!value.empty()) line(fmt::format("{:.<20}: {}", label, value));
  }
  void add(std::string_view text) { out_ += text; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string iana_url(std::string_view status) {
  return fmt::format("{} https://icann.org/epp#{}", status, status);
}

std::string labels(const Holding& h, std::string_view referral) {
  Text out;
  out.pair("Domain Name", upper(h.domain));
  out.pair("Registry Domain ID", h.id);
  out.pair("Registrar WHOIS Server", referral);
  out.pair("Registrar URL", fmt::format("https://www.reg{}.test", h.registrar));
  out.pair("Updated Date", iso_time(h.updated) + "Z");
  out.pair("Creation Date", iso_time(h.created) + "Z");
  out.pair("Registry Expiry Date", iso_time(h.expires) + "Z");
  out.pair("Registrar", h.registrar_name);
  out.pair("Registrar IANA ID", h.registrar_iana_id);
  out.pair("Registrar Abuse Contact Email", h.abuse_email);
  out.pair("Registrar Abuse Contact Phone", h.abuse_phone);
  for (const auto& status : h.statuses) out.pair("Domain Status", iana_url(status));
  out.pair("Registrant Organization", h.registrant_org);
  out.pair("Registrant Country", h.registrant_country);
  out.pair("Registrant Email", "Please query the RDAP service of the registrar");
  for (const auto& host : h.nameservers) out.pair("Name Server", upper(host));
  out.pair("DNSSEC", h.signed_delegation ? "signedDelegation" : "unsigned");
  out.pair("URL of the ICANN Whois Inaccuracy Complaint Form", "https://www.icann.org/wicf/");
  out.line(">>> Last update of WHOIS database: 2026-08-01T00:00:00Z <<<");
  out.add(kTerms);
  return out.take();
}

std::string rpsl(const Holding& h) {
  Text out;
  out.line("% The loopback registry. Rights reserved; this answer is limited to one object.");
  out.line("% Quota: a client whose queries exceed the limit is refused.");
  out.line();
  const auto attribute = [&](std::string_view label, std::string_view value) {
    out.column(fmt::format("{}:", label), 16, "", value);
  };
  attribute("domain", h.domain);
  for (const auto& host : h.nameservers) attribute("nserver", host);
  for (const auto& status : h.statuses) attribute("status", status);
  attribute("registrar", h.registrar_name);
  attribute("created", iso_time(h.created) + "Z");
  attribute("changed", iso_time(h.updated) + "Z");
  attribute("expires", iso_time(h.expires) + "Z");
  attribute("source", "LOOPBACK");
  out.line();
  out.line("contact:        TECH");
  out.line("name:           Technical Desk");
  out.line("address:        1 Loopback Road");
  return out.take();
}

std::string thin(const Holding& h, std::string_view referral) {
  Text out;
  const auto pair = [&](std::string_view label, std::string_view value) {
    if (!value.empty()) out.line(fmt::format("   {}: {}", label, value));
  };
  pair("Domain Name", upper(h.domain));
  pair("Registry Domain ID", h.id);
  pair("Registrar WHOIS Server", referral);
  pair("Registrar URL", fmt::format("http://www.reg{}.test", h.registrar));
  pair("Updated Date", iso_time(h.updated) + "Z");
  pair("Creation Date", iso_time(h.created) + "Z");
  pair("Registry Expiry Date", iso_time(h.expires) + "Z");
  pair("Registrar", h.registrar_name);
  pair("Registrar IANA ID", h.registrar_iana_id);
  pair("Registrar Abuse Contact Email", h.abuse_email);
  pair("Registrar Abuse Contact Phone", h.abuse_phone);
  for (const auto& status : h.statuses) pair("Domain Status", iana_url(status));
  for (const auto& host : h.nameservers) pair("Name Server", upper(host));
  pair("DNSSEC", h.signed_delegation ? "signedDelegation" : "unsigned");
  out.line(">>> Last update of whois database: 2026-08-01T00:00:00Z <<<");
  out.line();
  out.line("NOTICE: The expiration date displayed in this record is the date the registrar's");
  out.line("sponsorship of the domain name registration in the registry is set to expire.");
  out.add(kTerms);
  return out.take();
}

std::string day_first(int64_t seconds) {
  const CivilTime t = civil_time(seconds);
  return fmt::format("{}.{}.{} {:02}:{:02}:{:02}", t.day, t.month, t.year, t.hour, t.minute,
                     t.second);
}

std::string dotted_lines(const Holding& h) {
  Text out;
  out.line();
  out.dots("domain", h.domain);
  for (const auto& status : h.statuses) out.dots("status", status);
  out.dots("created", day_first(h.created));
  out.dots("expires", day_first(h.expires));
  out.dots("modified", day_first(h.updated));
  out.dots("RegistryLock", "no");
  out.line();
  out.line("Nameservers");
  out.line();
  for (const auto& host : h.nameservers) out.dots("nserver", host + " [OK]");
  out.line();
  out.line("DNSSEC");
  out.line();
  out.dots("dnssec", h.signed_delegation ? "signed delegation" : "no");
  out.line();
  out.line("Registrar");
  out.line();
  out.dots("registrar", h.registrar_name);
  out.dots("www", fmt::format("www.reg{}.test", h.registrar));
  out.line();
  out.line(">>> Last update of WHOIS database: 1.8.2026 0:00:00 (EET) <<<");
  return out.take();
}

std::string slashed(int64_t seconds) {
  const CivilTime t = civil_time(seconds);
  return fmt::format("{:04}/{:02}/{:02}", t.year, t.month, t.day);
}

std::string brackets(const Holding& h) {
  Text out;
  out.line("[ The loopback registry provides information on names.              ]");
  out.line("[ Its use is limited; a client that exceeds the limit is not served. ]");
  out.line();
  const auto pair = [&](std::string_view label, std::string_view value) {
    out.column(fmt::format("[{}]", label), 32, "", value);
  };
  out.line("Domain Information:");
  pair("Domain Name", upper(h.domain));
  out.line();
  pair("Registrant", h.registrant_org.empty() ? "Withheld" : h.registrant_org);
  out.line();
  for (const auto& host : h.nameservers) pair("Name Server", host);
  if (h.nameservers.empty()) out.line("[Name Server]");
  out.line(h.signed_delegation ? "[Signing Key]                   12345 8 2 ( 00112233 )"
                               : "[Signing Key]");
  out.line();
  pair("Created on", slashed(h.created));
  pair("Expires on", slashed(h.expires));
  for (const auto& status : h.statuses) pair("Status", status);
  const int64_t in_japan = h.updated + 9 * 3'600;
  const CivilTime t = civil_time(in_japan);
  pair("Last Updated",
       fmt::format("{} {:02}:{:02}:{:02} (JST)", slashed(in_japan), t.hour, t.minute, t.second));
  return out.take();
}

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::string with_month(int64_t seconds) {
  const CivilTime t = civil_time(seconds);
  return fmt::format("{:02}-{}-{}", t.day, kMonths[static_cast<size_t>(t.month - 1)], t.year);
}

std::string blocks(const Holding& h) {
  Text out;
  const auto block = [&](std::string_view heading, const std::vector<std::string>& values) {
    out.line(fmt::format("    {}:", heading));
    for (const auto& value : values) out.line("        " + value);
    out.line();
  };
  out.line();
  block("Domain name", {h.domain});
  block("Registrar", {h.registrar_name, fmt::format("URL: https://www.reg{}.test", h.registrar)});
  block("Relevant dates",
        {"Registered on: " + with_month(h.created), "Expiry date:  " + with_month(h.expires),
         "Last updated:  " + with_month(h.updated)});
  block("Registration status", h.statuses);
  block("Name servers", h.nameservers.empty() ? std::vector<std::string>{"No name servers listed."}
                                              : h.nameservers);
  block("DNSSEC", {h.signed_delegation ? "Signed" : "Unsigned"});
  out.line("    WHOIS lookup made at 00:00:00 01-Aug-2026");
  out.line();
  out.line("-- ");
  out.line("This information is limited to what is permitted; if queries exceed the quota, access");
  out.line("is not possible for a time.");
  return out.take();
}

std::string spaced(int64_t seconds) {
  const CivilTime t = civil_time(seconds);
  return fmt::format("{:04}. {:02}. {:02}.", t.year, t.month, t.day);
}

std::string table(const Holding& h) {
  Text out;
  const auto row = [&](std::string_view label, std::string_view value) {
    out.column(label, 28, ": ", value);
  };
  out.line(fmt::format("query : {}", h.domain));
  out.line();
  row("Domain Name", h.domain);
  row("Registrant", h.registrant_org.empty() ? "Withheld" : h.registrant_org);
  row("Registered Date", spaced(h.created));
  row("Last Updated Date", spaced(h.updated));
  row("Expiration Date", spaced(h.expires));
  for (const auto& status : h.statuses) row("Domain Status", status);
  row("Publishes", "N");
  row("Authorized Agency", h.registrar_name);
  row("DNSSEC", h.signed_delegation ? "signed" : "unsigned");
  if (!h.nameservers.empty()) {
    out.line();
    out.line("Primary Name Server");
    out.column("   Host Name", 28, ": ", h.nameservers[0]);
    out.line();
    out.line("Secondary Name Server");
    out.column("   Host Name", 28, ": ", h.nameservers[1]);
  }
  return out.take();
}

}  // namespace

std::string latin1_of(std::string_view utf8) {
  std::string out;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const auto octet = static_cast<unsigned char>(utf8[i]);
    if (octet < 0x80) {
      out += utf8[i];
    } else if (octet < 0xe0 && i + 1 < utf8.size()) {  // U+0080 to U+07FF
      const auto low = static_cast<unsigned char>(utf8[++i]);
      out += static_cast<char>((octet & 0x1fU) << 6U | (low & 0x3fU));
    }
  }
  return out;
}

std::string whois_answer(const Holding& holding, WhoisFormat format, std::string_view referral) {
  switch (format) {
    case WhoisFormat::labels: return labels(holding, referral);
    case WhoisFormat::rpsl: return rpsl(holding);
    case WhoisFormat::thin: return thin(holding, referral);
    case WhoisFormat::dotted: return dotted_lines(holding);
    case WhoisFormat::brackets: return brackets(holding);
    case WhoisFormat::blocks: return blocks(holding);
    case WhoisFormat::latin1: return latin1_of(labels(holding, referral));
    case WhoisFormat::table: return table(holding);
  }
  return {};
}

StatedFacts stated_by_whois(const Holding& h, WhoisFormat format, std::string_view referral) {
  StatedFacts out;
  out.created = iso_time(h.created);
  out.updated = iso_time(h.updated);
  out.expires = iso_time(h.expires);
  out.statuses = h.statuses;
  out.nameservers = h.nameservers;
  if (format != WhoisFormat::brackets) out.registrar = h.registrar_name;
  if (format != WhoisFormat::rpsl && format != WhoisFormat::brackets) {
    out.dnssec = h.signed_delegation;
  }
  if (format == WhoisFormat::brackets && h.signed_delegation) out.dnssec = true;  // there is a key
  const bool full = format == WhoisFormat::labels || format == WhoisFormat::latin1;
  if (full || format == WhoisFormat::thin) {
    out.registrar_iana_id = h.registrar_iana_id;
    out.abuse_email = h.abuse_email;
    out.abuse_phone = h.abuse_phone;
    out.referral = referral;
  }
  if (full) {
    out.registrant_org = h.registrant_org;
    out.registrant_country = h.registrant_country;
  }
  if (full || format == WhoisFormat::thin || format == WhoisFormat::rpsl) {
    for (auto* date : {&out.created, &out.updated, &out.expires}) *date += 'Z';
  } else if (format != WhoisFormat::dotted) {
    out.created = iso_day(h.created);
    out.expires = iso_day(h.expires);
    out.updated = format == WhoisFormat::brackets ? out.updated + 'Z' : iso_day(h.updated);
  }
  return out;
}

std::string whois_not_found(std::string_view name, WhoisFormat format) {
  switch (format) {
    case WhoisFormat::labels: return fmt::format("Domain not found.\r\n{}", kTerms);
    case WhoisFormat::rpsl:
      return "% The loopback registry. Rights reserved.\r\n\r\n%ERROR:101: no entries "
             "found\r\n%\r\n% No "
             "entries found in source LOOPBACK.\r\n";
    case WhoisFormat::thin:
      return fmt::format(
          "No match for domain \"{}\".\r\n>>> Last update of whois database: "
          "2026-08-01T00:00:00Z <<<\r\n{}",
          upper(name), kTerms);
    case WhoisFormat::dotted: return "\r\nDomain not found\r\n";
    case WhoisFormat::brackets:
      return "[ The loopback registry provides information on names. ]\r\n\r\nNo match!!\r\n";
    case WhoisFormat::blocks:
      return fmt::format(
          "\r\n    No match for \"{}\".\r\n\r\n    This domain name has not been "
          "registered.\r\n\r\n    WHOIS lookup made at 00:00:00 01-Aug-2026\r\n",
          name);
    case WhoisFormat::latin1: return "NOT FOUND\r\n";
    case WhoisFormat::table:
      return fmt::format(
          "query : {}\r\n\r\nThe requested domain was not found in the Registry or "
          "Registrar's WHOIS Server.\r\n",
          name);
  }
  return {};
}

std::string whois_throttle(uint32_t which) {
  return std::string{kThrottles[which % kThrottles.size()]};
}

}  // namespace zonesweep::loopback
