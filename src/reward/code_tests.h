// How a data row says what a program must do.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "data/problem.h"

namespace r1 {

struct CodeTests {
  enum class Kind {
    kInput,          // a program reads standard input, writes standard output
    kCalls,          // Python: asserts call functions
    kNativeAsserts,  // C, C++: asserts in a main() that follows the program
  };
  struct Pair {
    std::string input, output;
  };

  Kind kind = Kind::kInput;
  std::string language;
  std::vector<Pair> pairs;                // kInput
  std::string checker, checker_language;  // kInput: decides instead of comparing; "" for none
  std::string prompt;                     // what the completion may continue
  std::string entry_point, setup;         // kCalls
  std::vector<std::string> asserts;       // kCalls; kNativeAsserts: one text
  std::vector<std::string> stops;         // a continuation ends before the first of these
};

/// Reads the columns of a row. Tests, in the order they are looked for:
///   test + entry_point          HumanEval: test defines check(candidate)
///   test_list, test_setup_code  MBPP: asserts
///   tests, test_cases, input_output, public_tests, private_tests
///     [{"input", "output"} …] or {"inputs": […], "outputs": […]}, also as JSON within text
///     ["assert …", …]           asserts
///     text                      MultiPL-E: the rest of the program; Python: one script of asserts
///   language, checker, checker_language, stop_tokens  as named
Result<CodeTests> read_code_tests(const Problem& problem, const std::string& default_language);

}  // namespace r1
