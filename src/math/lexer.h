// Cuts an answer in LaTeX or plain text into tokens; what only sets type or space is dropped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace r1 {

/// What a comma between digits means: 1,234 is 1234; 1 and 234; 1.234.
enum class Comma { kThousands, kSeparator, kDecimal };

struct Token {
  enum Type { kEnd, kNumber, kWord, kCommand, kText, kSign };
  Type type = kEnd;
  std::string text;     // digits; letters; the name without \; the inside of \text{…}; one sign
  bool spaced = false;  // white space stands before it
};

/// Signs are ASCII characters and "\\" (a row's end), "^o" (degrees), "<=", ">=", "!=".
/// \frac, \sin and the like are commands, and so are their Unicode forms. Stops at max_tokens.
std::vector<Token> tokenize(std::string_view text, Comma comma, size_t max_tokens);

/// Whether some comma stands between digits, so that the three readings differ.
bool has_digit_comma(std::string_view text);

}  // namespace r1
