// Tests of long contexts with known answers: needles in haystacks, and programs of many lines.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace r1 {

/// One test. `length` is what was asked for; the real number of tokens is just below.
struct LongProblem {
  std::string id;
  std::string prompt, answer;
  std::string completion;  // a right one, to learn from
  int64_t length = 0;
  double depth = 0;     // where the needle lies: 0 beginning, 1 end; programs: 0
  int64_t n_units = 0;  // words or sentences of hay, or lines of the program
};

/// Of the built-in task's vocabulary, or of English, for models that know it.
enum class LongStyle { kWords, kEnglish };

struct LongRequest {
  LongStyle style = LongStyle::kWords;
  uint64_t seed = 0;
  bool is_test = true;    // test and training rows are drawn apart
  int64_t length = 1024;  // tokens of prompt and right completion together, at most
  double depth = 0.5;
  int64_t index = 0;
  int64_t n_keys = 1;  // needles of which one is asked for; the others lie anywhere
};

/// Tokens that prompt and completion take, with all that a chat template puts around them.
using CountTokens = std::function<int64_t(std::string_view prompt, std::string_view completion)>;

/// Words of the built-in task: with its chat template <bos> <user> … <assistant> … <eos>.
int64_t count_words(std::string_view prompt, std::string_view completion);

/// Hay with a key and its value somewhere, then the key: what is its value?   [Kamradt 2023; Hsieh
/// et al. 2024 for several keys]
Result<LongProblem> make_needle(const LongRequest& request, const CountTokens& count);

/// A last-digit program (data/last_digit.h) of as many lines as fit with their worked answer.
/// Labels have two letters where there are more than 26 lines. Each step needs a line that lies
/// thousands of tokens back.
Result<LongProblem> make_long_program(const LongRequest& request, const CountTokens& count);

}  // namespace r1
