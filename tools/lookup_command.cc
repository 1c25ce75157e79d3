#include "tools/lookup_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>

#include "engine/ndjson.h"
#include "engine/resolver_check.h"
#include "engine/scan.h"
#include "io/uring_transport.h"
#include "protocols/dns/edns.h"
#include "protocols/dns/rdata.h"
#include "protocols/dns/relevance.h"
#include "protocols/dns/types.h"
#include "protocols/zone/name_text.h"
#include "tools/option_values.h"
#include "tools/say.h"
#include "tools/signals.h"

namespace zonesweep::tools {
namespace {

using engine::DnsRecord;
using engine::Status;

struct Paint {
  bool on = false;
  [[nodiscard]] std::string operator()(std::string_view code, std::string_view text) const {
    return on ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }
};

constexpr std::string_view kBold = "1", kDim = "2", kRed = "31", kGreen = "32", kYellow = "33";

std::string_view color_of(Status status) {
  switch (status) {
    case Status::noerror: return kGreen;
    case Status::nodata:
    case Status::nxdomain: return kYellow;
    default: return kRed;
  }
}

// Collects what the lane says, by name and question, so that it is shown in the order that was
// asked for.
class Answers final : public engine::RecordWriter {
 public:
  Answers(bool json, Paint paint) : json_(json), paint_(paint) {}

  void write(uint64_t, uint32_t question, const DnsRecord& record) override {
    std::string& text = texts_[{record.seq, question}];
    if (json_) {
      engine::append_ndjson(record, text);
    } else {
      text = for_people(record);
    }
  }
  void print() const {
    for (const auto& [place, text] : texts_) say(stdout, "{}", text);
  }

 private:
  [[nodiscard]] std::string for_people(const DnsRecord& record) const;
  void add_records(const DnsRecord& record, std::string& out) const;
  void add_extended_errors(const dns::Message& message, const dns::Summary& summary,
                           std::string& out) const;

  bool json_;
  Paint paint_;
  std::map<std::pair<uint64_t, uint32_t>, std::string> texts_;
};

std::string Answers::for_people(const DnsRecord& record) const {
  std::string type, status, out;
  dns::append_type_text(record.type, type);
  engine::append_status(record.status, record.rcode, status);
  out = fmt::format("{}  {:<6} {}", paint_(kBold, printable(record.input)), type,
                    paint_(color_of(record.status), status));
  if (record.status == Status::illegal_input) return out + fmt::format("  {}\n", record.error);
  if (!record.server.empty()) {
    std::string how = fmt::format("  {} {} {:.1f} ms", record.server,
                                  engine::name_of(record.transport), record.rtt_us / 1e3);
    if (record.tries > 1) how += fmt::format(", {} tries", record.tries);
    out += paint_(kDim, how);
  }
  if (!record.error.empty()) out += "  " + std::string(record.error);
  out += '\n';
  if (!record.message.empty()) add_records(record, out);
  return out;
}

// Presentation form is ASCII with escapes: nothing that a peer sends reaches the terminal as it is.
void Answers::add_records(const DnsRecord& record, std::string& out) const {
  const auto message = dns::Message::parse(record.message);
  if (!message) return;
  const auto summary = message->validate();
  if (!summary) return;
  for (const dns::Record& found : message->records()) {
    const bool proof = found.section == dns::Section::authority && found.type == dns::type::kSoa;
    if (found.section != dns::Section::answer && !proof) continue;
    std::string owner, type, data;
    dns::append_name_text_at(message->bytes(), found.owner, owner);
    dns::append_type_text(found.type, type);
    dns::append_rdata_text(*message, found, data);
    out += fmt::format("    {:<30} {:>7}  {:<6} {}\n", printable(owner), found.ttl(), type,
                       printable(data));
  }
  add_extended_errors(*message, *summary, out);
}

void Answers::add_extended_errors(const dns::Message& message, const dns::Summary& summary,
                                  std::string& out) const {
  if (!summary.edns.present) return;
  dns::ExtendedErrorCursor errors(message, summary.edns);
  for (dns::ExtendedError error; errors.next(error);) {
    const std::string_view text(reinterpret_cast<const char*>(error.text.data()),
                                error.text.size());
    out += fmt::format(
        "    {}\n",
        paint_(kYellow, fmt::format("extended error {} {} {}", error.info_code,
                                    dns::extended_error_name(error.info_code), printable(text))));
  }
}

int fail(int code, std::string_view message) {
  say(stderr, "zonesweep: {}\n", printable(message));
  return code;
}

}  // namespace

void add_options(CLI::App& command, LookupCommand& options) {
  command.add_option("NAME", options.names, "names, or addresses for their PTR")->required();
  command.add_option("-t,--type", options.types, "DNS types (default A,AAAA,MX,NS)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("TYPE");
  command
      .add_option("-r,--resolver", options.resolvers,
                  "ADDR[:PORT] or a file (default: the system's)")
      ->allow_extra_args(false)
      ->type_name("ADDR");
  command.add_option("--tries", options.lane.tries, "per question")
      ->check(CLI::Range(uint32_t{1}, engine::limits::kTriesMax));
  add_duration(command, "--timeout", options.lane.timeout,
               "the most that one try waits (default 2s)");
  command.add_flag("--dnssec", options.lane.dnssec_ok, "ask for signatures too (DO)");
  command.add_flag("!--no-recursion", options.lane.recursion_desired,
                   "do not ask for recursion (RD off)");
  command.add_flag("--json", options.json, "rows as `scan` writes them");
  command.add_option("--color", options.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

int run_lookup(LookupCommand options) {
  using namespace engine::exit_code;
  if (options.types.empty()) options.types = {"A", "AAAA", "MX", "NS"};
  auto types = parse_types(options.types);
  if (!types) return fail(kUsage, types.error());
  if (types->size() > engine::limits::kQuestionsPerName)
    return fail(kUsage, "--type: too many types at once");
  auto resolvers = parse_resolvers(options.resolvers);
  if (!resolvers) return fail(kUsage, resolvers.error());
  block_signals();

  io::TransportOptions transport_options;
  transport_options.ring = {.submissions = 256, .completions = 1'024, .buffers = 256};
  transport_options.sockets = static_cast<uint32_t>(resolvers->size()) * 4 + 16;
  transport_options.streams = 64;
  auto transport = io::UringTransport::create(transport_options);
  if (!transport) return fail(kEnvironment, transport.error().message);

  engine::NameQueue queue;
  auto batch = queue.fresh();
  zone::NameReader reader;
  zone::Counts counts;
  zone::Output out{.block = batch->block, .limit = options.names.size(), .seq = 0};
  for (const std::string& name : options.names) {
    if (name.size() > zone::limits::kLineBytes)
      return fail(kUsage, "a name is longer than a line may be");
    reader.append(name, out, counts);
  }
  if (!queue.push(std::move(batch))) return kUsage;
  queue.close();

  const bool terminal = isatty(STDOUT_FILENO) && std::getenv("NO_COLOR") == nullptr;
  Answers answers(options.json,
                  Paint{options.color == "always" || (options.color == "auto" && terminal)});
  options.lane.types = std::move(*types);
  options.lane.outage_patience = {};  // somebody is waiting
  options.lane.window = static_cast<uint32_t>(options.names.size());
  const std::atomic<engine::StopLevel> stop = engine::StopLevel::run;
  auto lane = engine::DnsLane::create(**transport, queue, answers, *resolvers,
                                      std::move(options.lane), stop);
  if (!lane)
    return fail(kEnvironment,
                fmt::format("no socket for the resolvers: {}", io::name_of(lane.error())));
  (*lane)->run();
  answers.print();
  return kOk;
}

}  // namespace zonesweep::tools
