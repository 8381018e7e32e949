// The programs with which r1 reward attack tries the code reward. None computes what is asked.
#pragma once

#include <string>
#include <vector>

namespace r1 {

struct CodeTrick {
  const char* family;
  std::string program;
};

/// The tests call solve(x).
std::vector<CodeTrick> python_assert_tricks();
/// The tests give standard input and look at standard output.
std::vector<CodeTrick> python_input_tricks();
std::vector<CodeTrick> c_input_tricks();  // C that is C++, too
/// The asserts stand behind the program, in its process.
std::vector<CodeTrick> c_assert_tricks();
std::vector<CodeTrick> cpp_assert_tricks();
/// Whole completions: what stands around programs, or in their place.
std::vector<CodeTrick> text_tricks();

}  // namespace r1
