// Benchmarks in the form they are published in, known by the keys of their rows.
#pragma once

#include <string>
#include <vector>

#include "data/problem.h"

namespace r1 {

/// Gives a row of a published benchmark its form, and the question and reference that its form
/// asks for. Known by keys:
///   gsm8k      question, answer with "#### "                       (set by the reader)
///   math       problem, answer or solution: MATH, MATH-500, AIME   (set by the reader)
///   humaneval  prompt, test, entry_point; MultiPL-E: prompt, tests, stop_tokens
///   mbpp       text or prompt, test_list: the asserts are shown, as published
///   choice     choices (MMLU: a list, answer its index; ARC: {text, label}, answerKey), options
///              (MMLU-Pro), endings and label (HellaSwag), Correct Answer and Incorrect Answer 1 …
///              (GPQA; the order depends on the question alone)
/// Choices stand under the question as "A. …", the reference becomes the letter; the columns
/// question and choices keep both as JSON. answer_is_text: the answer stood in the row as text.
void finish_published(Problem& problem, bool answer_is_text);

/// The reward that judges rows of this form: math_answer, choice, code, or accuracy.
const char* reward_of_form(const std::string& form);

/// What a reasoning model is asked to do beside the question, as DeepSeek-R1's README says it for
/// mathematics; "" where the row says it already.
const char* instruction_of_form(const std::string& form);

/// The choices of a row of form "choice", as texts.
std::vector<std::string> choices_of(const Problem& problem);
/// The question of such a row without its choices.
std::string question_of(const Problem& problem);

}  // namespace r1
