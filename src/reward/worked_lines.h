// The equations that a thought works through, which of them are true, and which mend or spoil an
// earlier one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace r1 {

/// Runs of ASCII letters and of all that is not ASCII; the ASCII ones in small letters.
std::vector<std::string> lower_words(std::string_view text);

/// How an equation is checked: exactly, or as the built-in task counts, by the last digit.
enum class Arithmetic { kExact, kLastDigit };

/// One equation "a op b = c" of a text; op is + - * / ^ (also × · ÷ −).
struct WorkedLine {
  std::string left;  // "a op b" in one spelling
  double a = 0, b = 0, result = 0;
  char op = '+';
  bool is_right = false;
  bool is_doubted = false;  // a word of doubt stands between the equation before it and this one
};

/// In order. Numbers are whole, decimal or fractions (3/4). A number that is part of a longer sum
/// ("2 + 3 + 4 = 9") makes no equation of two numbers and is left out.
std::vector<WorkedLine> worked_lines(std::string_view text, Arithmetic arithmetic);

/// A doubted equation that says again, with another result, what an earlier one said.
struct Corrections {
  int n_rescues = 0;  // wrong before, right now
  int n_breaks = 0;   // right before, wrong now
  int n_futile = 0;   // wrong before and after
};
Corrections count_corrections(const std::vector<WorkedLine>& lines);

/// Whether the text says wait, wrong, mistake, …: what a self-correction begins with.
bool has_doubt(std::string_view text);

}  // namespace r1
