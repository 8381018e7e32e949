// The built-in task "last-digit programs": problems, training documents, probes and the tokenizer.
//
// A start digit and n labelled lines; run them in order, keep the last digit of every result:
//   8 a + 4 b - 5 c * 7 ?      ->  8+4=2, 2-5=7, 7*7=9  ->  9
// Everything is words separated by single spaces, special tokens included, and everything is keyed
// by (seed, index): item i is the same whatever was generated before it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "data/problem.h"

namespace r1 {

/// What `--data` says for this task instead of a file.
inline constexpr const char* kLastDigitData = "builtin:last_digit";

struct LastDigitProgram {
  struct Line {
    char op;      // + - *
    int operand;  // 1 … 9; of a multiplication 2, 3, 7 or 9
  };
  int start = 0;            // 1 … 9
  std::vector<Line> lines;  // labelled a, b, c, …
  int value = 0;            // the answer, 0 … 9
};

/// One step: the last digit of a op b, never negative.
int last_digit_of(char op, int a, int b);

/// "8 a + 4 b - 5 ?"
std::string render(const LastDigitProgram& program);

/// The split: CRC-32 of the rendered problem, spaces left out, mod 8 == 0 is held out.
bool is_test(std::string_view problem);

/// The rendered program as one user message; difficulty is the number of lines, 4 … 9 uniform.
Problem last_digit_problem(uint64_t seed, bool test, int64_t index);
/// Held-out problems first … first + n - 1.
std::vector<Problem> held_out_last_digit_problems(uint64_t seed, int64_t first, int64_t n);

enum class TraceStyle { kDirect, kQuick, kSteps, kWork, kCareful };
enum class Language { kEnglish, kFrench, kMixed };  // mixed: drawn anew for every word

/// A worked thought and the answer it arrives at; both wrong when a slip was not caught.
struct Trace {
  std::string text;
  int answer = 0;
};

/// slip_rate: chance of a wrong digit at each step (direct: of a wrong guess); slips propagate.
Trace write_trace(const LastDigitProgram& program, TraceStyle style, Language language,
                  double slip_rate, Rng& rng);

/// English words / (English + French words), 1 when there are none of either.
double english_share(std::string_view text);

struct Document {
  std::string prompt;      // begins with <bos>; carries no loss
  std::string completion;  // ends with <eos>
};

/// Document `index` of the pretraining corpus: 12 % tables, 40 % textbook traces, 48 %
/// conversations. Its problems are of the training split.
Document last_digit_document(uint64_t seed, int64_t index);

/// How the thoughts of cold-start examples are written. A slip that is not noticed gives a wrong
/// answer, and the example is drawn again.
struct ColdStartOptions {
  TraceStyle style = TraceStyle::kCareful;
  Language language = Language::kEnglish;
  double slip_rate = 0.10;
};

/// A cold-start example: tagged, with the right answer, on a problem of the training split.
Document last_digit_cold_start(uint64_t seed, int64_t index, const ColdStartOptions& options = {});
/// The same as a problem with its completion, for r1 sft.
Problem last_digit_cold_start_problem(uint64_t seed, int64_t index,
                                      const ColdStartOptions& options = {});

/// A textbook trace without slips on a held-out problem, in English 'work' style:
///   first a + 4 ; 8 + 4 = 2 then b - 5 ; 2 - 5 = 7 answer 7 <eos>
/// The gate of pretraining is the probability of these words.
struct Probe {
  std::string prompt, completion;
  std::vector<int> operand_words;  // word indices in completion: the operand as looked up (4, 5)
  std::vector<int> sum_words;      // word indices in completion: the results (2, 7)
};
Probe last_digit_probe(uint64_t seed, int64_t index);

/// A Hugging Face tokenizer.json (WordLevel, 69 words and <unk>) and its tokenizer_config.json.
std::string last_digit_tokenizer_json();
std::string last_digit_tokenizer_config_json();

}  // namespace r1
