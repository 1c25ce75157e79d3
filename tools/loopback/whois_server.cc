#include "tools/loopback/whois_server.h"

#include <utility>

#include "tools/loopback/whois_text.h"

namespace zonesweep::loopback {

std::expected<uint16_t, std::string> WhoisServer::listen(uint16_t port) {
  auto service = TcpService::listen(port);
  if (!service) return std::unexpected("WHOIS: " + service.error());
  service_ = std::move(*service);
  return service_->port();
}

void WhoisServer::start(const RegistrationWorld& world) {
  responder_ = std::make_unique<WhoisResponder>(world, world.dns().seed());
  thread_ = std::thread([this] { service_->run(*this, stop_); });
}

void WhoisServer::stop() {
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

void WhoisServer::on_open(Id id) {
  if (id >= clients_.size()) clients_.resize(id + 1);
  clients_[id] = Client{};
  const uint32_t address = service_->address(id);
  counts_.opened(address);
  if (resets_at_once(address)) service_->reset(id);
  if (speaks_first(address)) {
    clients_[id].asked = true;
    service_->send(id, whois_throttle(address));
    service_->end(id);
  }
}

void WhoisServer::on_gone(Id id) { counts_.closed(service_->address(id)); }

void WhoisServer::on_bytes(Id id, std::string_view bytes) {
  Client& client = clients_[id];
  if (client.asked) return;
  const size_t end = bytes.find('\n');
  client.line.append(bytes.substr(0, end));
  if (end == std::string_view::npos && client.line.size() < limits::kWhoisLineBytes) return;
  if (client.line.ends_with('\r')) client.line.pop_back();
  client.asked = true;
  answer(id);
}

void WhoisServer::answer(Id id) {
  const uint32_t address = service_->address(id);
  const WhoisQuestion question = responder_->read(address, clients_[id].line);
  if (counts_.asked(address, question.host, question.name, service_->now())) {
    carry_out(id, responder_->respond(question));
  } else {
    carry_out(id, {.text = whois_throttle(address)});
  }
}

void WhoisServer::carry_out(Id id, WhoisPlan plan) {
  if (plan.delay.count() != 0) service_->hold(id, service_->now() + plan.delay);
  if (plan.drip_bytes != 0) service_->drip(id, plan.drip_bytes, plan.drip_gap);
  if (plan.end == WhoisPlan::End::after_peer) {
    clients_[id].parked = std::move(plan.text);
    return;
  }
  if (plan.end == WhoisPlan::End::flood) clients_[id].flood = plan.text;
  service_->send(id, plan.text);
  if (plan.end == WhoisPlan::End::orderly) service_->end(id);
  // What was sent has left: nobody else holds the socket's buffer, and the reset comes behind it.
  if (plan.end == WhoisPlan::End::reset) service_->reset(id);
}

void WhoisServer::on_drained(Id id) {
  if (!clients_[id].flood.empty()) service_->send(id, clients_[id].flood);
}

// A client that gives up gets its end.
void WhoisServer::on_peer_end(Id id) {
  if (!clients_[id].parked.empty()) {
    service_->send(id, std::exchange(clients_[id].parked, {}));
    return service_->end(id);
  }
  if (!clients_[id].asked || service_->unsent(id) == 0) service_->end(id);
}

}  // namespace zonesweep::loopback
