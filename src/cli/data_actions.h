// r1 data math, filter, tokenize, needle, program: what is done to data before and beside training.
#pragma once

#include "cli/verbs.h"

namespace r1 {

/// Rows that are JSON Lines already: to the file, which is then named with its size, or without one
/// to standard output.
Result<void> put_rows(const std::string& output, int64_t n_rows, const std::string& text);

const Verb& math_action();
const Verb& filter_action();
const Verb& tokenize_action();
const Verb& needle_action();
const Verb& program_action();
const Verb& decontaminate_action();

}  // namespace r1
