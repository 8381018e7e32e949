// r1 data tokenize, r1 data needle, r1 data program: what is done to data before and beside
// training.
#pragma once

#include "cli/verbs.h"

namespace r1 {

const Verb& tokenize_action();
const Verb& needle_action();
const Verb& program_action();

}  // namespace r1
