// Writing a data row: what dataset.h reads back to the same problem.
#pragma once

#include <string>

#include "data/problem.h"

namespace r1 {

/// One JSON object without its line end: id, messages (the completion is the assistant's, last),
/// answer, difficulty, the other columns as they were, and where the row comes from.
/// provenance: JSON text, which replaces a column of that name; empty: the columns alone say it.
std::string write_row(const Problem& problem, const std::string& provenance = "");

}  // namespace r1
