// Finds the final answer in what a model, or a reference solution, wrote.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "math/options.h"

namespace r1 {

struct Extraction {
  std::vector<std::string> candidates;  // best first; few
  bool is_truncated = false;            // the last \boxed{ never closed
};

/// Tries the places of options.extract in order; a place that holds something decides.
///   boxed       the last balanced \boxed{…}; neighbours joined by "and", commas or little else
///               are one list, unless "but", "wait" and the like stand between
///   answer_tag  the last <answer>…</answer>
///   answer_is   behind the last "answer is", "answer:", "#### " or "A: " (French, Chinese, … too)
///   last        all of it when it is nothing but an answer; the last formula or number
/// With skip_thought only what follows the last </think> counts; nothing, if a <think> is open.
Extraction extract_answers(std::string_view text, const MathOptions& options, bool is_reference);

/// Whether an order is a comma-separated list of known places.
bool is_known_order(std::string_view order);

/// The letter of a multiple-choice answer: C of "(C)", "C Cecile", "the answer is for sure C".
/// '\0' when none stands out.
char choice_letter(std::string_view text);

/// Whether the text is nothing but a choice, with or without its words: "C", "(C)", "C. Cecile".
bool is_choice(std::string_view text);

}  // namespace r1
