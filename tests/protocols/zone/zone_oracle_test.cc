// A nasty zone read by BIND, by NSD and by us: the same delegated owners.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "protocols/zone/owner.h"
#include "protocols/zone/zone_file.h"
#include "tests/protocols/zone/parse_text.h"

namespace zonesweep::zone {
namespace {

using Names = std::set<std::string>;

constexpr std::string_view kNasty = R"(; every way to write an owner
$TTL 2d
example.test. 1h IN SOA ns.other.test. host\.master.other.test. ( 2024010101 ; serial (
        1d 2h 3w 60 ) ; not ( nested
        NS ns.other.test.
	IN	NS	ns2.other.test.
$ORIGIN example.test.
plain NS ns.other.test.
plain NS ns2.other.test.
UPPER 300 IN NS NS.OTHER.TEST.
upper IN 300 NS ns3.other.test.
absolute.example.test. NS ns.other.test.
two.labels NS ns.other.test.
	NS ns2.other.test.
	A 192.0.2.1
class-first IN 1w2d3h4m5s NS ns.other.test.
no-ttl-no-class NS ns.other.test.
tabs			60		IN		NS		ns.other.test.
parens ( 60
  IN NS
  ns.other.test. )
comment-inside ( NS ; not ( a " bracket
 ns.other.test. )
escaped\.dot NS ns.other.test.
decimal\046dot NS ns.other.test.
b\097ckslash NS ns.other.test.
semi\;colon NS ns.other.test.
quote\"d NS ns.other.test.
at\@sign NS ns.other.test.
\@ NS ns.other.test.
space\032d NS ns.other.test.
high\200\255 NS ns.other.test.
nul\000 NS ns.other.test.
back\\slash NS ns.other.test.
dollar\$ NS ns.other.test.
_under NS ns.other.test.
-dash- NS ns.other.test.
0123 NS ns.other.test.
ns NS ns.other.test.
in NS ns.other.test.
60 NS ns.other.test.
a NS ns.other.test.
generic TYPE2 \# 4 02 6e73 00
generic2 CLASS1 TYPE2 ns.other.test.
text TXT "NS ns.other.test. ; no comment" "( no parenthesis" "a\"b" plain\ word
text NS ns.other.test.
glue.plain A 192.0.2.1
glue.plain AAAA 2001:db8::1
not-delegated A 192.0.2.1
mail MX 10 ns.other.test.
deep.under.plain NS ns.other.test.
$ORIGIN sub.example.test.
@ NS ns.other.test.
www NS ns.other.test.
$ORIGIN .
root-relative.example.test NS ns.other.test.
example.test NS ns3.other.test.
$ORIGIN example.test.
signed DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
signed NS ns.other.test.
crlf NS ns.other.test.)";

constexpr std::string_view kBindOnly = R"(
nested ( ( NS ) ns.other.test. )
( opened-first IN
NS ns.other.test. )
$ORIGIN test.
$ORIGIN example
relative-origin NS ns.other.test.
$GENERATE 1-5 g$ NS ns.other.test.
$GENERATE 10-20/3 h-${0,4,x}-${-9,0,d} 60 IN NS ns$.other.test.
$GENERATE 7-9 $.nested NS ns.other.test.
$GENERATE 0-17 ${0,5,n}.nibble NS ns.other.test.
$GENERATE 250-260 ${0,3,N}.upper NS ns.other.test.
$GENERATE 1-2 lit\$-$ NS ns.other.test.
$GENERATE 1-2 two$$-$ NS ns.other.test.
$GENERATE 8-9 oct${0,3,o} NS ns.other.test.
$GENERATE 1-3 addr$ A 192.0.2.$
after-generate NS ns.other.test.
)";

std::string folded(std::string_view token) {
  const auto root = ZoneName::make(".", nullptr);
  const auto name = ZoneName::make(token, &*root);
  EXPECT_TRUE(name) << token;
  std::array<char, 256> key;
  lower_wire(name->wire(), key);
  return testing::wire_text(std::as_bytes(std::span(key.data(), name->wire().size())));
}

// What the tools print: a record a line, but for the SOA; $ORIGIN; owners left out where they
// repeat.
Names delegated(const std::string& records, const std::string& apex) {
  Names names;
  std::istringstream lines(records);
  std::string origin;
  std::string owner;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first;
    std::string ttl;
    std::string internet;
    std::string type;
    if (!line.starts_with('\t')) words >> first;
    if (first == "$ORIGIN") {
      words >> origin;
      continue;
    }
    if (!first.empty()) owner = first.ends_with('.') ? first : first + "." + origin;
    words >> ttl >> internet >> type;
    if (type == "NS" && internet == "IN" && folded(owner) != apex) names.insert(folded(owner));
  }
  return names;
}

Names ours(const std::string& zone) {
  ZoneParser parser({});
  const testing::Parsed parsed = testing::parse(parser, zone, 1'000);
  EXPECT_EQ(parsed.error, "") << parsed.error_line;
  Names names;
  for (const std::string& row : parsed.rows) {
    std::string wire = row.substr(row.rfind(' ') + 1);
    std::ranges::transform(wire, wire.begin(), lower);
    EXPECT_TRUE(names.insert(wire).second) << wire;
  }
  return names;
}

class ZoneOracle : public ::testing::Test {
 protected:
  ~ZoneOracle() override { std::filesystem::remove(file_); }

  std::string run(const std::string& command) {
    std::string output;
    FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    std::array<char, 4'096> room;
    for (size_t n = 0; (n = fread(room.data(), 1, room.size(), pipe)) != 0;)
      output.append(room.data(), n);
    status_ = pclose(pipe);
    return output;
  }
  static bool installed(const std::string& tool) {
    return std::system(("command -v " + tool + " > /dev/null").c_str()) == 0;
  }
  void write(const std::string& zone) { std::ofstream(file_, std::ios::binary) << zone; }

  const std::filesystem::path file_ =
      std::filesystem::temp_directory_path() / ("zonesweep-oracle-" + std::to_string(getpid()));
  int status_ = 0;
};

TEST_F(ZoneOracle, named_compilezone_finds_the_same_delegations) {
  if (!installed("named-compilezone")) GTEST_SKIP() << "bind9-utils is not installed";
  const std::string zone = std::string(kNasty) + "\r\n" + std::string(kBindOnly);
  write(zone);
  const std::string records =
      run("named-compilezone -q -i none -k ignore -n ignore -M ignore -s full -f text -o - "
          "example.test " +
          file_.string());
  ASSERT_EQ(status_, 0) << records;
  const Names want = delegated(records, "example.test.");
  EXPECT_GT(want.size(), 80u);
  EXPECT_EQ(ours(zone), want);
}

TEST_F(ZoneOracle, nsd_checkzone_finds_the_same_delegations) {
  if (!installed("nsd-checkzone")) GTEST_SKIP() << "nsd is not installed";
  const std::string zone = std::string(kNasty) + "\n";
  write(zone);
  const std::string records = run("nsd-checkzone -p example.test " + file_.string());
  ASSERT_EQ(status_, 0) << records;
  const Names want = delegated(records, "example.test.");
  EXPECT_GT(want.size(), 35u);
  EXPECT_EQ(ours(zone), want);
}

}  // namespace
}  // namespace zonesweep::zone
