// tools/loopback/registration_servers.h - the registration part of the loopback internet: its WHOIS
// and RDAP servers, and the files that tell a client about them.
//
// Threads:    one caller; each service has its own thread.
// Ownership:  borrows the DNS world.
// Errors:     start() returns one line for people.
#pragma once

#include <expected>
#include <string>

#include "tools/loopback/rdap_server.h"
#include "tools/loopback/registration_world.h"
#include "tools/loopback/silent_port.h"
#include "tools/loopback/whois_server.h"

namespace zonesweep::loopback {

struct RegistrationOptions {
  bool on = false;
  RegistrationPorts ports;      // 0: any free one
  double whois_per_second = 0;  // of each server; 0: no limit
  double rdap_per_second = 0;
  RateLimit::Mode counted = RateLimit::Mode::smooth;
  std::string folder;    // the files go there; empty: none
  uint32_t zones = 100;  // of each ordinary kind
  uint64_t names = 0;    // in names.txt
};

class RegistrationServers {
 public:
  RegistrationServers(const World& dns, RegistrationOptions options);
  ~RegistrationServers() { stop(); }
  RegistrationServers(const RegistrationServers&) = delete;
  RegistrationServers& operator=(const RegistrationServers&) = delete;

  // Listens, writes the files, and serves from then on. Returns the ports.
  [[nodiscard]] std::expected<RegistrationPorts, std::string> start();
  void stop();  // idempotent
  // {"whois":{...},"rdap":{...}}, after stop().
  [[nodiscard]] std::string to_json() const;

 private:
  [[nodiscard]] std::expected<void, std::string> write_files() const;

  RegistrationOptions options_;
  RegistrationWorld world_;
  WhoisServer whois_;
  RdapServer rdap_;
  SilentPort silent_;
};

}  // namespace zonesweep::loopback
