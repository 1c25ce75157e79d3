#include "engine/bootstrap_refresh.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "engine/host_lookup.h"
#include "io/folder.h"
#include "io/small_file.h"
#include "io/uring_transport.h"
#include "protocols/http/url.h"
#include "protocols/rdap/bootstrap.h"

namespace zonesweep::engine {
namespace {

constexpr size_t kEtagBytes = 256;

struct Copy {
  std::filesystem::path file;
  [[nodiscard]] std::string etag_name() const { return file.filename().string() + ".etag"; }
  [[nodiscard]] std::filesystem::path etag_file() const { return file.parent_path() / etag_name(); }
};

[[nodiscard]] Refresh stale(std::string why) { return {Refresh::Outcome::stale, std::move(why)}; }

// When the copy was last asked about: the ETag is written anew each time.
[[nodiscard]] bool is_recent(const Copy& copy) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(copy.file, none)) return false;
  const auto asked = std::filesystem::last_write_time(copy.etag_file(), none);
  if (none) return false;
  const auto age = std::filesystem::file_time_type::clock::now() - asked;
  return age >= age.zero() && age < limits::kBootstrapAge;
}

[[nodiscard]] io::FileResult<void> replace(const Copy& copy, const std::string& name,
                                           std::string_view text) {
  const auto parent = copy.file.parent_path();
  const auto folder = io::Folder::open(parent.empty() ? "." : parent.string());
  if (!folder) return std::unexpected(folder.error());
  const std::string draft = "." + name + ".new";
  (void)folder->remove(draft);
  auto file = folder->create(draft);
  if (!file) return std::unexpected(file.error());
  if (auto put = file->append(text); !put) return put;
  if (auto safe = file->sync_data(); !safe) return safe;
  return folder->replace(draft, name);
}

// One GET, from the host name to the answer.
class Fetch final : private HttpsClient::Client, private HostLookup::Client {
 public:
  Fetch(const RefreshOptions& options, io::Transport& transport, io::TlsContext& tls)
      : options_(options), transport_(transport), https_(transport, tls, *this, options.https) {}

  [[nodiscard]] std::expected<http::Response, std::string> get(const http::Url& url,
                                                               std::string_view etag) {
    url_ = &url;
    etag_ = etag;
    auto hosts = HostLookup::create(transport_, options_.resolvers, *this);
    if (!hosts) return std::unexpected("no socket for the resolvers");
    const Instant deadline = transport_.now() + options_.https.total_timeout;
    if (const auto known = (*hosts)->ask(url.host, 0)) on_host(0, *known);
    while (failure_.empty() && !response_) {
      if (transport_.now() >= deadline) return std::unexpected("timeout");
      const Instant wake = std::min(deadline, (*hosts)->wake_at());
      for (const io::Event& event : transport_.turn(https_.wake_at(wake), 1)) {
        if (!(*hosts)->on_event(event)) (void)https_.on_event(event);
      }
      (*hosts)->expire(transport_.now());
      https_.expire(transport_.now());
      https_.flush();
      if (!transport_.failure().empty()) return std::unexpected(std::string{transport_.failure()});
    }
    if (!response_) return std::unexpected(failure_);
    return std::move(*response_);
  }

 private:
  void on_host(uint64_t, const HostAnswer& answer) override {
    std::vector<io::Endpoint> addresses;
    for (io::Endpoint address : answer.addresses) {
      address.port = url_->port;
      if (options_.fence.passes(address)) addresses.push_back(address);
    }
    if (addresses.empty()) {
      failure_ = answer.addresses.empty() ? std::string{name_of(answer.status)}
                                          : "its address is not public";
      return;
    }
    const auto origin = https_.open_origin(url_->host, url_->port, std::move(addresses), 1);
    if (!https_.ask(origin, 0, url_->target, etag_)) failure_ = "no connection";
  }

  void on_http_end(uint64_t, const HttpsResult& result) override {
    using Kind = HttpsResult::Kind;
    switch (result.kind) {
      case Kind::response: response_ = *result.response; return;
      case Kind::tls_error: failure_ = result.reason; return;
      case Kind::timeout: failure_ = fmt::format("timeout ({})", name_of(result.stage)); return;
      case Kind::net_error: failure_ = io::name_of(result.error); return;
      case Kind::problem: failure_ = http::name_of(result.problem); return;
      default: failure_ = "connection closed"; return;
    }
  }

  const RefreshOptions& options_;
  io::Transport& transport_;
  HttpsClient https_;
  const http::Url* url_ = nullptr;
  std::string_view etag_;
  std::optional<http::Response> response_;
  std::string failure_;
};

[[nodiscard]] Refresh take(const Copy& copy, const http::Response& response,
                           std::string_view old_etag) {
  std::string etag{old_etag};
  auto outcome = Refresh::Outcome::unchanged;
  if (response.status == 200) {
    rdap::Bootstrap probe;
    if (const auto usable = probe.load(response.body); !usable)
      return stale(fmt::format("what came is {}", rdap::name_of(usable.error())));
    if (auto put = replace(copy, copy.file.filename().string(), response.body); !put)
      return stale(std::make_error_code(put.error()).message());
    etag = response.etag;
    outcome = Refresh::Outcome::replaced;
  } else if (response.status != 304) {
    return stale(fmt::format("HTTP {}", response.status));
  }
  if (auto put = replace(copy, copy.etag_name(), etag); !put)
    return stale(std::make_error_code(put.error()).message());
  return {outcome, {}};
}

}  // namespace

Refresh refresh_bootstrap(const RefreshOptions& options, io::TlsContext& tls) {
  const Copy copy{options.file};
  if (is_recent(copy)) return {Refresh::Outcome::recent, {}};
  const auto url = http::parse_url(options.url);
  if (!url) return stale(std::string{http::name_of(url.error())});
  std::string etag;
  if (std::filesystem::exists(copy.file))
    etag = io::read_small_file(copy.etag_file(), kEtagBytes).value_or(std::string());
  io::TransportOptions small;
  small.ring = {.submissions = 64, .completions = 256, .buffers = 64};
  small.sockets = static_cast<uint32_t>(options.resolvers.size()) + 64;
  small.streams = 32;
  auto transport = io::UringTransport::create(small);
  if (!transport) return stale(transport.error().message);
  const auto response = Fetch(options, **transport, tls).get(*url, etag);
  return response ? take(copy, *response, etag) : stale(response.error());
}

}  // namespace zonesweep::engine
