// r1 data math, filter, tokenize, needle, program: what is done to data before and beside training.
#pragma once

#include "cli/verbs.h"

namespace r1 {

const Verb& math_action();
const Verb& filter_action();
const Verb& tokenize_action();
const Verb& needle_action();
const Verb& program_action();
const Verb& decontaminate_action();

}  // namespace r1
