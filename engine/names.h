// engine/names.h - input names as they travel from the source thread to the lanes.
//
// The types live beside the parsers that fill them; the engine knows them by these names.
#pragma once

#include "protocols/zone/name_block.h"

namespace zonesweep::engine {

using zone::Illegal;
using zone::InputName;
using zone::name_of;
using zone::NameBlock;

}  // namespace zonesweep::engine
