// Reading data sets: JSON Lines in the forms people already have, one row one Problem.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "data/problem.h"

namespace r1 {

struct DatasetOptions {
  std::string prompt_column;
  std::string answer_column;
  std::string completion_column;
  bool skip_bad_lines = false;
  bool is_corpus = false;  // a row with a text column is a document, whatever else it holds

  void visit(auto&& f) {
    f("prompt_column", prompt_column,
      "what is asked: text or a list of messages (found by itself: messages, conversations, "
      "prompt, problem, question, Problem, Question, question_stem, instruction)");
    f("answer_column", answer_column,
      "the reference answer (found by itself: answer, ground_truth, gold, solution, Answer, "
      "answerKey, Correct Answer, Solution)");
    f("completion_column", completion_column,
      "what the model shall learn to write (found by itself: completion, output, text)");
    f("skip_bad_lines", skip_bad_lines, "leave out lines that cannot be read, and say how many");
  }
};

/// Reads every row. What each becomes:
///   messages, conversations (ShareGPT), prompt, problem, question: a list of messages or one text;
///     a last message of the assistant is taken off and becomes the completion
///   instruction, input, output (Alpaca): one user message and the completion
///   text: a pretraining document: no messages, completion = text
///   answer, ground_truth, gold, solution, reward_model.ground_truth (verl): the first one present;
///     GSM8K's "… #### 72" becomes 72
///   what benchmarks are published as, known by their keys: see data/published.h
/// null counts as absent. A line that cannot be read is an error naming file, line and cause,
/// unless skip_bad_lines is set; a file without any row is an error.
/// Row by row: the rows need not fit into memory. Stops at the first error, also of `use`.
Result<void> for_each_problem(const Path& jsonl, const DatasetOptions& options,
                              const std::function<Result<void>(Problem&&)>& use);
/// The same with the line that the row was read from.
Result<void> for_each_row(const Path& jsonl, const DatasetOptions& options,
                          const std::function<Result<void>(Problem&&, std::string_view line)>& use);
Result<std::vector<Problem>> read_problems(const Path& jsonl, const DatasetOptions& options = {});

}  // namespace r1
