// Invented answers in the formats of registries and registrars: what a format needs is kept, the
// data are made up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocols/whois/parser.h"

namespace zonesweep::whois {
namespace {

using registration::Dnssec;

struct Sample {
  const char* format;
  const char* name;
  const char* answer;
  const char* registrar;
  const char* created;
  const char* updated;
  const char* expires;
  std::vector<std::string> statuses;
  std::vector<std::string> nameservers;
  Dnssec dnssec = Dnssec::unstated;
  Outcome outcome = Outcome::registered;
};

void PrintTo(const Sample& sample, std::ostream* out) { *out << sample.format; }

std::string iso(const registration::Date& date) {
  std::string out;
  registration::append_iso(date, out);
  return out;
}

std::vector<std::string> texts(const std::vector<std::string_view>& pieces) {
  return {pieces.begin(), pieces.end()};
}

class Family : public testing::TestWithParam<Sample> {};

TEST_P(Family, is_read_whatever_its_registry) {
  const Sample& sample = GetParam();
  Parser parser;
  registration::Registration out;
  EXPECT_EQ(parser.parse(sample.answer, {.name = sample.name, .server = ""}, out), Problem::none);
  EXPECT_EQ(name_of(out.outcome), name_of(sample.outcome));
  EXPECT_EQ(out.domain, sample.name);
  EXPECT_EQ(out.registrar, sample.registrar);
  EXPECT_EQ(iso(out.created), sample.created);
  EXPECT_EQ(iso(out.updated), sample.updated);
  EXPECT_EQ(iso(out.expires), sample.expires);
  EXPECT_EQ(texts(out.statuses), sample.statuses);
  EXPECT_EQ(texts(out.nameservers), sample.nameservers);
  EXPECT_EQ(out.dnssec, sample.dnssec);
}

const std::vector<std::string> kTwo = {"ns1.example.net", "ns2.example.net"};

const Sample kSamples[] = {
    {"blocks with tabs, a status that is a sentence",
     "example.be",
     "% Some Whois Server 6.1\n%\n% The WHOIS service offered is for information only.\n\n"
     "Domain:\texample.be\nStatus:\tNOT AVAILABLE\nRegistered:\tTue Dec 12 2000\n\n"
     "Registrant:\n\tNot shown, please visit www.registry.example for webbased whois.\n\n"
     "Registrar Technical Contacts:\n\tOrganisation:\tTechnicians Inc.\n\tLanguage:\ten\n\tPhone:\t"
     "+1.2083895740\n\n\nRegistrar:\n\tName:\tRegistrar "
     "Inc.\n\tWebsite:\thttp://www.reg.example\n\n"
     "Nameservers:\n\tns1.example.net\n\tns2.example.net (192.0.2.1)\n\nKeys:\n\nFlags:\n\t"
     "clientTransferProhibited\n\nPlease visit www.registry.example for more info.\n",
     "Registrar Inc.",
     "2000-12-12",
     "",
     "",
     {"NOT AVAILABLE", "clientTransferProhibited"},
     kTwo},
    {"an address under the registrar",
     "example.nl",
     "Domain name: example.nl\nStatus:      active\n\nReseller:\n   Seller B.V.\n   Street 1\n\n"
     "Registrar:\n   Registrar International\n   Thames Park Road\n   OX9 3HY THAME\n   United "
     "Kingdom\n\nAbuse Contact:\n   +31.201234567\n   abuse@reg.example\n\nCreation Date: "
     "1999-05-27\n\nUpdated Date: 2020-10-01\n\nDNSSEC:      yes\n\nDomain nameservers:\n   "
     "ns1.example.net       192.0.2.1\n   ns2.example.net\n\nRecord maintained by: Registry\n\n"
     "Copyright notice\nNo part of this publication may be reproduced, published, stored in a\n"
     "retrieval system.\n",
     "Registrar International",
     "1999-05-27",
     "2020-10-01",
     "",
     {"active"},
     kTwo,
     Dnssec::signed_delegation},
    {"labels of a Nordic registry",
     "example.se",
     "# Copyright (c) 1997- The Foundation.\n# All rights reserved.\nstate:            active\n"
     "domain:           example.se\nholder:           abc8008-123\nadmin-c:          -\ncreated:   "
     "  "
     "     2003-08-27\nmodified:         2020-09-18\nexpires:          2021-10-20\ntransferred:    "
     "  "
     "2009-03-06\nnserver:          ns1.example.net 192.0.2.1\nnserver:          ns2.example.net\n"
     "dnssec:           unsigned delegation\nregistry-lock:    unlocked\nstatus:           ok\n"
     "registrar:        Registrar Inc.\n",
     "Registrar Inc.",
     "2003-08-27",
     "2020-09-18",
     "2021-10-20",
     {"active", "ok"},
     kTwo,
     Dnssec::unsigned_delegation},
    {"comments between paragraphs, addresses in brackets",
     "example.lt",
     "% Hello, this is the whois service.\n%\n% By submitting a query you agree not to use the "
     "data.\n%\nDomain:\t\t\texample.lt\nStatus:\t\t\tregistered\nRegistered:\t\t1999-07-01\n"
     "Expires:\t\t2027-07-02\n%\nRegistrar:\t\tUAB \"Registratorius\"\nRegistrar website:\t"
     "https://www.reg.example\nRegistrar email:\thostmaster@reg.example\n%\nContact organization:\t"
     "Someone\nContact email:\t\tx@example.lt\n%\nNameserver:\t\tns1.example.net\t[192.0.2.1]\n"
     "Nameserver:\t\tns2.example.net\n",
     "UAB \"Registratorius\"",
     "1999-07-01",
     "",
     "2027-07-02",
     {"registered"},
     kTwo},
    {"prefixes by role, d/m/y",
     "example.lu",
     "% Access to WHOIS information is provided to assist persons.\n%\ndomainname:     example.lu\n"
     "domaintype:     ACTIVE\nnserver:        ns1.example.net\nnserver:        ns2.example.net\n"
     "ownertype:      ORGANISATION\nregistered:     12/05/2004\norg-name:       "
     "Someone\norg-address: "
     "   Street\norg-country:    US\nadm-name:       Someone\nadm-country:    US\nregistrar-name:  "
     "    "
     "   Registrar Inc.\nregistrar-email:        x@reg.example\nregistrar-url:          "
     "http://www.reg.example/\nregistrar-country:      GB\n",
     "Registrar Inc.",
     "2004-05-12",
     "",
     "",
     {"ACTIVE"},
     kTwo},
    {"a registrar in an object of its own, behind comments",
     "example.com.ua",
     "% request from 192.0.2.1\n% This is the Whois query server #F.\n\ndomain:           "
     "example.com.ua\ndom-public:       NO\nregistrant:       abc-1\nmnt-by:           ua.reg\n"
     "nserver:          ns1.example.net\nnserver:          ns2.example.net\nstatus:           ok\n"
     "created:          2002-12-04 00:00:00+02\nmodified:         2020-11-03 12:11:08+02\nexpires: "
     "   "
     "      2021-12-04 00:00:00+02\nsource:           UAEPP\n\n% Registrar:\n% "
     "==========\nregistrar:  "
     "      ua.reg\norganization:     Registrar Ltd\nurl:              "
     "http://reg.example\ncountry:    "
     "      UA\nsource:           UAEPP\n\n% Registrant:\n% ===========\nperson:           "
     "Someone\n"
     "created:          2019-01-01 00:00:00+02\n",
     "Registrar Ltd",
     "2002-12-03T22:00:00Z",
     "2020-11-03T10:11:08Z",
     "2021-12-03T22:00:00Z",
     {"ok"},
     kTwo},
    {"deep indents and loose statuses",
     "example.com.sg",
     "---\nThe following terms apply.\n---\n\n    Domain Name:\t\texample.com.sg\n    "
     "Registrar:\t\t"
     "Registrar, Inc.\n    Creation Date:\t04-Jul-2002 00:00:00\n    Modified Date:\t03-Jun-2020 "
     "17:27:42\n    Expiration Date:\t05-Jul-2021 00:00:00\n    Domain Status:\t\tOK\n\n    "
     "Registrant:\n\n        Name:\t\tSOMEONE\n\n    Administrative Contact:\n\n        Name:\t\t"
     "SOMEONE\n        Email:\tx@example.com\n\n    Technical Contact:\n\n        "
     "Name:\t\tSOMEONE\n\n"
     "    Name Servers:\n\n        NS1.EXAMPLE.NET\n        NS2.EXAMPLE.NET\n\n    DNSSEC:\t\t\t"
     "unsigned\n",
     "Registrar, Inc.",
     "2002-07-04T00:00:00",
     "2020-06-03T17:27:42",
     "2021-07-05T00:00:00",
     {"ok"},
     kTwo,
     Dnssec::unsigned_delegation},
    {"records in sentences with the layout of the date",
     "example.com.tw",
     "Domain Name: example.com.tw\n   Domain Status: clientTransferProhibited\n   Registrant:\n    "
     "  "
     "Someone\n      Domain Admin  x@example.com\n      +1.6502530000\n\n   Administrative "
     "Contact:\n   "
     "   Someone\n\n   Record expires on 2021-11-09 (YYYY-MM-DD)\n   Record created on 2000-08-29 "
     "(YYYY-MM-DD)\n\n   Domain servers in listed order:\n      ns1.example.net      192.0.2.1\n   "
     "   "
     "ns2.example.net\n\nRegistration Service Provider: Registrar, Inc.\nRegistration Service URL: "
     "http://www.reg.example/\n",
     "Registrar, Inc.",
     "2000-08-29",
     "",
     "2021-11-09",
     {"clientTransferProhibited"},
     kTwo},
    {"numbered labels with the layout of the date",
     "example.pf",
     "This is the PF top level domain whois server.\n\nDomain : example.pf\nStatus : "
     "Active\nCreated "
     "(JJ/MM/AAAA) : 19/01/2007\nLast renewed (JJ/MM/AAAA) : 29/05/2020\nExpire (JJ/MM/AAAA) : "
     "19/01/2022\nName server 1 : ns1.example.net\nName server 2 : ns2.example.net\nRegistrant "
     "Company "
     "Name : Someone\nRegistrar Company Name : REGISTRAR SAS\nRegistrar Country : FRANCE\n",
     "REGISTRAR SAS",
     "2007-01-19",
     "",
     "2022-01-19",
     {"Active"},
     kTwo},
    {"a table of wide columns",
     "example.ug",
     "**********************************************************\n*                   The Registry "
     "Database               "
     "*\n**********************************************************\n\nDomain "
     "name:                    EXAMPLE.UG\nStatus:                         ACTIVE\nExpires On:     "
     "       "
     "         2021-03-19\nRegistered On:                  2010-03-19\nRenewed On:                 "
     "    "
     "2020-02-17\nNameserver:                     ns1.example.net\nNameserver:                     "
     "ns2.example.net\n\nRegistrant Contact Information:\nRegistrant Name:                "
     "Someone\n",
     "",
     "2010-03-19",
     "",
     "2021-03-19",
     {"ACTIVE"},
     kTwo},
    {"dates in the style of ctime, hosts behind a blank line",
     "example.kg",
     "% This is the ccTLD Whois server\n% Whois web service - "
     "https://www.registry.example/whois\n\n"
     "Domain EXAMPLE.KG (ACTIVE)\n\nAdministrative Contact:\n   PID: 111-KG\n   Name: Someone\n   "
     "Email: x@example.com\n\nTechnical Contact:\n   PID: 112-KG\n   Name: Someone\n\nRecord "
     "created: Tue "
     "Feb 10 09:42:42 2004\nRecord last updated on: Wed Jan 08 20:05:12 2014\nRecord expires on: "
     "Tue "
     "Feb 10 09:42:42 2015\n\nName servers in the listed "
     "order:\n\nNS1.EXAMPLE.NET\nNS2.EXAMPLE.NET "
     "192.0.2.1\n",
     "",
     "2004-02-10T09:42:42",
     "2014-01-08T20:05:12",
     "2015-02-10T09:42:42",
     {"ACTIVE"},
     kTwo},
    {"a handle and the name of the registrar",
     "example.am",
     "%\n%TLD whois server #1\n%\n\n   Domain name: example.am\n   Registrar:   reg (Registrar "
     "LLC)\n   "
     "Status:      active\n\n   Registrant:\n      Someone\n      Street\n\n   Administrative "
     "contact:\n      Someone\n\n   DNS servers:\n      ns1.example.net\n      ns2.example.net\n\n "
     "  "
     "Registered:    1999-06-05\n   Last modified: 2014-05-01\n   Expires:       2015-04-15\n",
     "reg (Registrar LLC)",
     "1999-06-05",
     "2014-05-01",
     "2015-04-15",
     {"active"},
     kTwo},
    {"leader dots and verdicts on hosts",
     "example.ax",
     "domain...............: example.ax\nstatus...............: Registered\ncreated..............: "
     "3.8.2016 10:20:30\nexpires..............: 3.8.2027 10:20:30\navailable............: "
     "3.9.2027\n"
     "RegistryLock.........: no\n\nNameservers\n\nnserver..............: ns1.example.net [OK]\n"
     "nserver..............: ns2.example.net [OK]\n\nDNSSEC\n\ndnssec...............: "
     "no\n\nHolder\n\n"
     "name.................: Someone\naddress..............: Street\ncountry..............: "
     "Finland\n\n"
     "Registrar\n\nregistrar............: Registrar Oy\nwww..................: "
     "www.reg.example\n\n>>> Last "
     "update of WHOIS database: 1.1.2027 10:00:00 (EET) <<<\n",
     "Registrar Oy",
     "2016-08-03T10:20:30",
     "",
     "2027-08-03T10:20:30",
     {"Registered"},
     kTwo,
     Dnssec::unsigned_delegation},
    {"changes with their kind in brackets",
     "example.co.il",
     "% The data in the WHOIS database is provided for information purposes.\n\nquery:        "
     "example.co.il\n\nreg-name:     example\ndomain:       example.co.il\n\ndescr:        "
     "Someone\n"
     "phone:        +1 650 1234567\ne-mail:       x AT example.com\nadmin-c:      "
     "AB-CD1234-IL\nnserver: "
     "     ns1.example.net\nnserver:      ns2.example.net\nvalidity:     05-06-2027\nDNSSEC:       "
     "unsigned\nstatus:       Transfer Locked\nchanged:      registrar AT registry.example "
     "19990605 "
     "(Assigned)\nchanged:      registrar AT registry.example 20200304 (Changed)\n\nperson:       "
     "Someone\nnic-hdl:      AB-CD1234-IL\nchanged:      registrar AT registry.example 20210101\n\n"
     "registrar name: Registrar Ltd\nregistrar info: https://www.reg.example\n",
     "Registrar Ltd",
     "1999-06-05",
     "2020-03-04",
     "2027-06-05",
     {"Transfer Locked"},
     kTwo,
     Dnssec::unsigned_delegation},
    {"days of the week and ordinals",
     "example.ac.uk",
     "\nDomain:\n\texample.ac.uk\n\nRegistered For:\n\tUniversity\n\nDomain "
     "Owner:\n\tUniversity\n\n"
     "Registered By:\n\tRegistrar "
     "Limited\n\nServers:\n\tns1.example.net\t192.0.2.1\n\tns2.example.net\n\n"
     "Registrant Contact:\n\tSomeone\n\nRegistrant Address:\n\tStreet\n\nRenewal date:\n\tThursday "
     "10th "
     "Dec 2026\n\nEntry updated:\n\tMonday 3rd August 2015\n\nEntry created:\n\tWednesday 17th "
     "September "
     "2003\n",
     "Registrar Limited",
     "2003-09-17",
     "2015-08-03",
     "2026-12-10",
     {},
     kTwo},
    {"contacts first, then the domain in a sentence",
     "example.com",
     "Registrant:\n   Someone, LLC\n   Street 1\n   Town, ZZ 12345\n   US\n\n   Registered "
     "through: "
     "Registrar, LLC (http://www.reg.example)\n   Domain Name: EXAMPLE.COM\n      Created on: "
     "02-Mar-99\n "
     "     Expires on: 01-Nov-20\n      Last Updated on: 05-Nov-12\n\n   Administrative Contact:\n "
     "     "
     "Someone  x@example.com\n      Street 1\n\n   Technical Contact:\n      Someone\n\n   Domain "
     "servers "
     "in listed order:\n      NS1.EXAMPLE.NET\n      NS2.EXAMPLE.NET\n",
     "Registrar, LLC",
     "1999-03-02",
     "2012-11-05",
     "2020-11-01",
     {},
     kTwo},
    {"a reseller's banner",
     "example.com",
     "=-=-=-=\n\nRegistration Service Provided By: Seller.example\nContact: "
     "x@seller.example\nVisit: "
     "http://seller.example\n\nDomain name: example.com\n\nRegistrant Contact:\n   Someone\n   "
     "Someone "
     "()\n   \n   Fax: \n   Street\n   US\n\nAdministrative Contact:\n   Someone\n   Phone: "
     "+1.5555555555\n\nStatus: Locked\n\nName Servers:\n   ns1.example.net\n   ns2.example.net\n   "
     "\nCreation date: 09 Mar 1998 05:00:00\nExpiration date: 08 Mar 2012 05:00:00\n",
     "Seller.example",
     "1998-03-09T05:00:00",
     "",
     "2012-03-08T05:00:00",
     {"Locked"},
     kTwo},
    {"sentences that end with a period",
     "example.com",
     "Registrant:\nSomeone, LLC\n   Street\n   Town, ZZ 12345\n   US\n\n   Domain Name: "
     "EXAMPLE.COM\n\n   "
     "Administrative Contact, Technical Contact:\n      Someone\t\tx@example.com\n\n   Record "
     "expires on "
     "27-Apr-2019.\n   Record created on 27-Apr-1998.\n   Database last updated on 4-Oct-2014 "
     "13:30:25 "
     "EDT.\n\n   Domain servers in listed order:\n\n   NS1.EXAMPLE.NET               192.0.2.1\n   "
     "NS2.EXAMPLE.NET               192.0.2.2\n",
     "",
     "1998-04-27",
     "",
     "2019-04-27",
     {},
     kTwo},
    {"leader dots without a colon",
     "example.com",
     "Domain Name.......... example.com\n  Creation Date........ 1996-07-17\n  Registration "
     "Date.... "
     "2010-08-11\n  Expiry Date.......... 2017-07-17\n  Organisation Name.... Someone\n  "
     "Organisation "
     "Address. Street\n\nAdmin Name........... Someone\n  Admin Email.......... x@example.com\n\n  "
     "Name "
     "Server.......... ns1.example.net\n  Name Server.......... ns2.example.net\n",
     "",
     "1996-07-17",
     "",
     "2017-07-17",
     {},
     kTwo},
    {"old labels of generic zones",
     "example.asia",
     "Domain ID:D12-ASIA\nDomain Name:EXAMPLE.ASIA\nDomain Create Date:14-Jan-2008 05:08:18 "
     "UTC\nDomain "
     "Expiration Date:14-Jan-2015 23:59:59 UTC\nDomain Last Updated Date:22-Dec-2013 10:21:37 UTC\n"
     "Registrar:Registrar, Inc.\nDomain Status:CLIENT TRANSFER PROHIBITED\nDomain "
     "Status:OK\nRegistrant "
     "ID:1\nRegistrant Name:Someone\nNameservers:NS1.EXAMPLE.NET\nNameservers:NS2.EXAMPLE.NET\n"
     "Nameservers:\nDNSSEC:Unsigned\n",
     "Registrar, Inc.",
     "2008-01-14T05:08:18Z",
     "2013-12-22T10:21:37Z",
     "2015-01-14T23:59:59Z",
     {"clientTransferProhibited", "ok"},
     kTwo,
     Dnssec::unsigned_delegation},
    {"labels nobody has used before",
     "example.zz",
     "Domain Name (ASCII): example.zz\nInitial Domain Registration Date (UTC): 2001-02-03\nDomain "
     "Record Expiration Time: 2027-02-03\nLast Domain Modification Date: 2020-05-06\nCurrent "
     "Sponsoring "
     "Registrar Name: Registrar, Inc.\nDomain Registration Status: active\nPrimary DNS Server "
     "Hostname: "
     "ns1.example.net\nPrimary DNS Server IP Address: 192.0.2.1\nSecond DNS Server Hostname: "
     "ns2.example.net\nDNSSEC Signed Delegation: no\n",
     "Registrar, Inc.",
     "2001-02-03",
     "2020-05-06",
     "2027-02-03",
     {"active"},
     kTwo,
     Dnssec::unsigned_delegation},
    {"two languages to a label",
     "example.pt",
     "Nome de domínio / Domain Name: example.pt\nData de registo / Creation Date (dd/mm/yyyy): "
     "03/02/2001\nData de expiração / Expiration Date (dd/mm/yyyy): 04/02/2027\nEstado / Status: "
     "ACTIVE\nTitular / Registrant\n\tSomeone\n\tState/Province: ZZ\nNameserver: ns1.example.net\n"
     "Nameserver: ns2.example.net\n",
     "",
     "2001-02-03",
     "",
     "2027-02-04",
     {"ACTIVE"},
     kTwo},
    {"Spanish",
     "example.bo",
     "Nombre de dominio: example.bo\nTitular:\n   Nombre: Someone\n   País: Bolivia\nContacto "
     "administrativo:\n   Nombre: Someone\nFecha de registro: 2003-05-06\nFecha de vencimiento: "
     "2027-05-06\nEstado: ACTIVO\nServidores de nombres:\n   ns1.example.net\n   ns2.example.net\n",
     "",
     "2003-05-06",
     "",
     "2027-05-06",
     {"ACTIVO"},
     kTwo},
    {"Russian",
     "example.kz",
     "Домен: EXAMPLE.KZ\nРегистратор: ТОО Регистратор\nДата создания: 2003-05-06\nДата изменения: "
     "2020-05-06\nОплачен до: 2027-05-06\nСостояние: активен\nDNS-серверы:\n   ns1.example.net\n   "
     "ns2.example.net\n",
     "ТОО Регистратор",
     "2003-05-06",
     "2020-05-06",
     "2027-05-06",
     {"активен"},
     kTwo},
    {"headings of hosts and of dates in a table",
     "example.sm",
     "Domain Name: example.sm\nRegistration date: 06/12/2002\nStatus: "
     "Active\n\nOwner:\n\tSomeone\n\t"
     "Street\n\nTechnical Contact:\n\tSomeone\n\tPhone: +1 650\n\nDNS "
     "Servers:\n\tns1.example.net\n\t"
     "ns2.example.net\n",
     "",
     "2002-12-06",
     "",
     "",
     {"Active"},
     kTwo},
    {"the labels of a registry system, CamelCase",
     "example.mu",
     "DomainName: example.mu\nRegistryDomainID: 1-MU\nCreationDate: 2003-05-06T07:08:09.0Z\n"
     "UpdatedDate: 2020-05-06T07:08:09Z\nRegistryExpiryDate: 2027-05-06T07:08:09Z\nRegistrar: "
     "Registrar Ltd\nDomainStatus: ok\nNameServer: ns1.example.net\nNameServer: ns2.example.net\n",
     "Registrar Ltd",
     "2003-05-06T07:08:09Z",
     "2020-05-06T07:08:09Z",
     "2027-05-06T07:08:09Z",
     {"ok"},
     kTwo},
    {"handles before hosts",
     "example.my",
     "a [Domain Name]          example.my\nb [Registration No.]     D1A000001\nc [DNSSEC]          "
     "     "
     "DISABLED\nd [Record Created]       12-MAY-2003\ne [Record Expired]       12-MAY-2027\nf "
     "[Record "
     "Last Modified] 13-MAY-2020\ng [Invoicing Party]\n  Registrar Sdn Bhd (REG)\n  "
     "x@reg.example\nh "
     "[Registrant Code]       ABC-1\n  Someone\nk [Primary Name Server]   ns1exam0.ser\n  "
     "ns1.example.net\n  192.0.2.1\nl [Secondary Name Server] ns2exam0.ser\n  ns2.example.net\n",
     "",
     "2003-05-12",
     "2020-05-13",
     "2027-05-12",
     {},
     kTwo,
     Dnssec::unsigned_delegation},
};

INSTANTIATE_TEST_SUITE_P(All, Family, testing::ValuesIn(kSamples));

struct Negative {
  const char* name;
  const char* answer;
  Outcome outcome;
};

TEST(Families, tell_outcomes_of_their_own) {
  for (const Negative& sample : {
           Negative{"free.be", "% Whois\n\nDomain:\tfree.be\nStatus:\tAVAILABLE\n\n% visit us\n",
                    Outcome::available},
           Negative{"q.be", "Domain:\tq.be\nStatus:\tQUARANTINE\nRegistered:\tTue Dec 12 2000\n",
                    Outcome::redemption},
           Negative{"x.be", "Domain:\tx.be\nStatus:\tNOT ALLOWED\n", Outcome::unavailable},
           Negative{"free.be", "% Excessive querying, grace period of 30 seconds\n",
                    Outcome::throttled},
           Negative{"free.nl", "free.nl is free\n", Outcome::available},
           Negative{"free.nl",
                    "Error: too many requests from 192.0.2.1; only 1 request per second "
                    "allowed, try again later\n",
                    Outcome::throttled},
           Negative{"free.lu", "% Some terms\n%\n% No such domain\n", Outcome::available},
           Negative{"free.hu", "% Whois server 3.0\n\n% Nincs találat / No match\n",
                    Outcome::available},
           Negative{"free.co.il", "% terms\n\n% No data was found to match the request criteria.\n",
                    Outcome::available},
           Negative{"free.com.ua", "% This is the server.\n% No entries found for free.com.ua\n",
                    Outcome::available},
           Negative{"free.tw", "No Found\n", Outcome::available},
           Negative{"free.kg",
                    "% This is the server\n\nData not found. This domain is available for "
                    "registration.\n",
                    Outcome::available},
           Negative{"free.im", "The domain free.im was not found.\n", Outcome::available},
           Negative{"free.ax", "No records matching free.ax found.\n", Outcome::available},
           Negative{"free.pf", "Domain unknown\n", Outcome::available},
           Negative{"free.ai", "Domain free.ai not registred.\n", Outcome::available},
           Negative{"free.tk", "   free.tk\n   Domain name not known\n", Outcome::available},
           Negative{"free.ug", "Domain free.ug is not registered\n", Outcome::available},
           Negative{"free.lv", "[Domain]\nDomain: free.lv\nStatus: free\n", Outcome::available},
           Negative{"free.gm", "Domain name: free.gm\nStatus: not registered\n",
                    Outcome::available},
           Negative{"free.coop", "No domain records were found to match \"free.coop\"\n",
                    Outcome::available},
           Negative{"free.kr", "domain name : free.kr\nThe requested domain was not found\n",
                    Outcome::available},
           Negative{"r.guru", "Domain Name: r.guru\nReserved by the registry\n", Outcome::reserved},
           Negative{"b.ninja", "This name is blocked by a GlobalBlock service.\n\nTerms apply.\n",
                    Outcome::unavailable},
           Negative{"free.cz",
                    "% Your connection limit exceeded. Please slow down and try again "
                    "later.\n",
                    Outcome::throttled},
           Negative{"free.ke", "Too many requests. You have been rate-limited.\n",
                    Outcome::throttled},
           Negative{"free.fr", "%% Trop de requêtes\n", Outcome::throttled},
           Negative{"free.ru", "Превышен лимит запросов\n", Outcome::throttled},
           Negative{"free.za", "Connection limit reached, please retry after 60 seconds\n",
                    Outcome::throttled},
       }) {
    Parser parser;
    registration::Registration out;
    (void)parser.parse(sample.answer, {.name = sample.name, .server = ""}, out);
    EXPECT_EQ(name_of(out.outcome), name_of(sample.outcome)) << sample.answer;
  }
}

}  // namespace
}  // namespace zonesweep::whois
