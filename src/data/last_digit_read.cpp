#include "data/last_digit_read.h"

#include <algorithm>
#include <vector>

#include <string>

namespace r1 {
namespace {

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = text.find_first_not_of(" \t\r\n", at);
    if (begin == std::string_view::npos) break;
    at = std::min(text.find_first_of(" \t\r\n", begin), text.size());
    words.push_back(text.substr(begin, at - begin));
  }
  return words;
}

bool is_digit(std::string_view word) {
  return word.size() == 1 && word[0] >= '0' && word[0] <= '9';
}
bool is_operator(std::string_view word) { return word == "+" || word == "-" || word == "*"; }

}  // namespace

std::optional<LastDigitProgram> parse_last_digit(std::string_view problem) {
  const auto words = words_of(problem);
  if (words.size() < 5 || words.size() % 3 != 2 || !is_digit(words[0]) || words.back() != "?")
    return std::nullopt;
  LastDigitProgram program;
  program.start = program.value = words[0][0] - '0';
  for (size_t i = 1; i + 3 < words.size(); i += 3) {
    const std::string_view label = words[i];
    const bool is_line = label.size() == 1 && label[0] == static_cast<char>('a' + (i - 1) / 3) &&
                         is_operator(words[i + 1]) && is_digit(words[i + 2]);
    if (!is_line) return std::nullopt;
    program.lines.push_back({words[i + 1][0], words[i + 2][0] - '0'});
    program.value = last_digit_of(words[i + 1][0], program.value, words[i + 2][0] - '0');
  }
  return program;
}

}  // namespace r1
