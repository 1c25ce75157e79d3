#include "engine/row_status.h"

#include "engine/record.h"
#include "engine/registration_record.h"

namespace zonesweep::engine {

void append_status(Table table, RowStatus status, std::string& out) {
  switch (table) {
    case Table::dns: return append_status(static_cast<Status>(status.code), status.rcode, out);
    case Table::registration: out += name_of(static_cast<RegistrationStatus>(status.code)); return;
  }
}

}  // namespace zonesweep::engine
