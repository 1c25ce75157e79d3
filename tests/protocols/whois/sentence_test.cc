#include "protocols/whois/sentence.h"

#include <gtest/gtest.h>

#include <string>

#include "protocols/whois/outcome.h"

namespace zonesweep::whois {
namespace {

// As a server of its own would say it: no rule of outcomes.tsv has a scope for it.
registration::Outcome said(std::string_view text, std::string_view name = "free.example") {
  const Line line{.text = text};
  OutcomeReader reader;
  return reader.read(std::span{&line, 1}, {.name = name, .server = ""}).outcome;
}

TEST(Sentence, denies_in_many_ways_that_the_name_is_there) {
  for (const char* text :
       {"No record matches free.example in this register",
        "Sorry, we could not find the domain free.example in our database",
        "We do not have any record of this domain",
        "The object free.example was not found within the registry",
        "ERROR 404: object free.example does not exist!",
        "Your search for free.example did not return any results",
        "There are no records that match your search criteria",
        "0 records found for free.example",
        "No such domain free.example",
        "No domain with the name free.example is registered",
        "Domain free.example is not currently registered",
        "The requested domain name free.example is not registered in the .example registry",
        "free.example is still available for registration",
        "The domain free.example is not found in the Ruritania WHOIS database",
        "free.example: nonexistent domain",
        "Unknown domain free.example",
        "El dominio solicitado free.example no fue encontrado en la base de datos",
        "No existen registros para el dominio free.example",
        "O domínio free.example não existe",
        "O dominio free.example nao foi encontrado",
        "Il dominio free.example non è registrato",
        "Nessun risultato trovato per free.example",
        "Le nom de domaine free.example n'est pas enregistré",
        "Aucun résultat trouvé pour free.example",
        "Domaine inconnu",
        "Die Domain free.example ist nicht registriert",
        "Die Domain free.example ist frei",
        "Kein Eintrag für free.example gefunden",
        "Domeinnaam free.example is vrij",
        "Domænet free.example er ledigt",
        "Domenet free.example er ikke registrert",
        "Domänen free.example är ledig",
        "Domena free.example nie jest zarejestrowana",
        "Doména free.example je voľná",
        "Nincs találat",
        "Domeniul free.example nu este înregistrat",
        "Domena free.example nije registrirana",
        "Domena free.example je prosta",
        "Домен FREE.EXAMPLE не зарегистрирован",
        "Домен free.example свободен",
        "Записей не найдено",
        "Domain free.example tidak ditemukan",
        "free.example bulunamadı"}) {
    EXPECT_EQ(said(text), registration::Outcome::available) << text;
  }
}

TEST(Sentence, says_nothing_with_a_word_more) {
  for (const char* text : {"No name servers found for free.example",
                           "free.example has no records",
                           "free.example has no DNS records",
                           "No registrant found",
                           "No contact found",
                           "Registrar not found",
                           "No DNSSEC records found",
                           "Whois server not found",
                           "No WHOIS server known for free.example",
                           "Domain found, no data",
                           "Domain is registered, no data found",
                           "No data found, domain is registered",
                           "Domain exists",
                           "Domain found",
                           "not found out why",
                           "Database error: no data found",
                           "Connection error: no match",
                           "not available",
                           "No data",
                           "No information",
                           "Status unknown",
                           "Unknown error",
                           "Domain not delegated",
                           "Not verified",
                           "No",
                           "Not",
                           "free domain name registration",
                           "Domain names are available at www.registrar.example",
                           "No domain name may be sold",
                           "No match for other.example",
                           "other.example is free",
                           "Domain other.example not found",
                           "Domain not found? Try again later",
                           "The domain name is not known to be safe",
                           "registered",
                           "Domain registered",
                           "Whois information is not available for this domain",
                           "No part of this database may be reproduced",
                           "This is not a domain seller",
                           "not found in cache",
                           "Query not completed"}) {
    EXPECT_NE(said(text), registration::Outcome::available) << text;
    EXPECT_FALSE(is_registered(said(text))) << text;
  }
}

TEST(Sentence, tells_what_cannot_be_had) {
  EXPECT_EQ(said("The domain name free.example is reserved"), registration::Outcome::reserved);
  EXPECT_EQ(said("El dominio free.example está reservado"), registration::Outcome::reserved);
  EXPECT_EQ(said("free.example is blocked"), registration::Outcome::unavailable);
  EXPECT_EQ(said("Domain free.example is not available"), registration::Outcome::unavailable);
  EXPECT_EQ(said("This domain name can not be registered"), registration::Outcome::unavailable);
  EXPECT_EQ(said("The name free.example is not valid"), registration::Outcome::invalid);
  EXPECT_EQ(said("Invalid domain name: free.example"), registration::Outcome::invalid);
}

}  // namespace
}  // namespace zonesweep::whois
