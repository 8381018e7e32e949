#include "data/last_digit.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "data/last_digit_draw.h"

namespace r1 {
namespace {

constexpr std::string_view kOps = "++--*";                      // drawn uniformly
constexpr std::array<int, 7> kFactors = {2, 3, 7, 9, 3, 7, 9};  // few that lose information

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320 : 0);
    table[byte] = crc;
  }
  return table;
}
constexpr auto kCrcTable = crc_table();

LastDigitProgram draw_any(Rng& rng) {
  LastDigitProgram program;
  const int64_t n_lines = rng.between(4, 9);
  program.start = static_cast<int>(rng.between(1, 9));
  program.value = program.start;
  program.lines.reserve(n_lines);
  for (int64_t i = 0; i < n_lines; ++i) {
    const char op = kOps[rng.below(kOps.size())];
    const int operand =
        op == '*' ? kFactors[rng.below(kFactors.size())] : static_cast<int>(rng.between(1, 9));
    program.lines.push_back({op, operand});
    program.value = last_digit_of(op, program.value, operand);
  }
  return program;
}

/// A wrong digit near the right one: 70 % within 2, else anywhere.
int slip(int right, Rng& rng) {
  static constexpr std::array<int, 4> kNear = {8, 9, 1, 2};  // -2 -1 +1 +2 mod 10
  while (true) {
    const int wrong =
        static_cast<int>(rng.uniform() < 0.7 ? (right + kNear[rng.below(4)]) % 10 : rng.below(10));
    if (wrong != right) return wrong;
  }
}

/// Appends words and calculations to a thought.
class TraceWriter {
 public:
  TraceWriter(Language language, Rng& rng) : language_(language), rng_(rng) { text_.reserve(320); }

  void word(Word word) { append(draw_word(word, language_, rng_)); }
  void letter(char letter) { append({&letter, 1}); }
  void digit(int digit) { letter(static_cast<char>('0' + digit)); }
  void line(size_t i, const LastDigitProgram::Line& line) {  // a + 4
    letter(static_cast<char>('a' + i));
    letter(line.op);
    digit(line.operand);
  }
  void calculation(int before, const LastDigitProgram::Line& line, int after) {  // 8 + 4 = 2
    digit(before);
    letter(line.op);
    digit(line.operand);
    letter('=');
    digit(after);
  }
  std::string take() { return std::move(text_); }

 private:
  void append(std::string_view word) {
    if (!text_.empty()) text_ += ' ';
    text_ += word;
  }
  Language language_;
  Rng& rng_;
  std::string text_;
};

/// One line of a 'work' or 'careful' thought; returns the result the writer goes on with.
int write_worked_line(TraceWriter& out, const LastDigitProgram& program, size_t i, int before,
                      int result, bool careful, Rng& rng) {
  const auto& line = program.lines[i];
  const int right = last_digit_of(line.op, before, line.operand);
  out.word(i == 0 ? Word::kFirst : Word::kThen);
  out.line(i, line);
  out.letter(';');
  out.calculation(before, line, result);
  if (!careful) return result;
  if (result == right) {
    if (rng.uniform() < 0.2) {
      out.word(Word::kCheck);
      out.calculation(before, line, right);
    }
    return result;
  }
  if (rng.uniform() >= 0.95) return result;
  out.word(Word::kWait);
  out.calculation(before, line, right);
  return right;
}

}  // namespace

int last_digit_of(char op, int a, int b) {
  const int value = op == '+' ? a + b : op == '-' ? a - b : a * b;
  return ((value % 10) + 10) % 10;
}

std::string render(const LastDigitProgram& program) {
  std::string text(1, static_cast<char>('0' + program.start));
  for (size_t i = 0; i < program.lines.size(); ++i) {
    for (char c : {static_cast<char>('a' + i), program.lines[i].op,
                   static_cast<char>('0' + program.lines[i].operand)}) {
      text += ' ';
      text += c;
    }
  }
  return text + " ?";
}

bool is_test(std::string_view problem) {
  uint32_t crc = ~0u;
  for (char c : problem) {
    if (c != ' ') crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<uint8_t>(c)) & 0xFF];
  }
  return ~crc % 8 == 0;
}

DrawnProgram draw_program(bool test, Rng& rng) {
  while (true) {
    DrawnProgram drawn{draw_any(rng), ""};
    drawn.text = render(drawn.program);
    if (is_test(drawn.text) == test) return drawn;
  }
}

std::string_view draw_word(Word word, Language language, Rng& rng) {
  const bool english =
      language == Language::kEnglish || (language == Language::kMixed && rng.uniform() < 0.5);
  return (english ? kEnglishWords : kFrenchWords)[static_cast<size_t>(word)];
}

Problem last_digit_problem(uint64_t seed, bool test, int64_t index) {
  Rng rng(seed, stream_key({static_cast<uint64_t>(Purpose::kProblem), test,
                            static_cast<uint64_t>(index)}));
  const DrawnProgram drawn = draw_program(test, rng);
  Problem problem;
  problem.id = fmt::format("last_digit/{}/{}/{}", test ? "test" : "train", seed, index);
  problem.messages.resize(1);
  problem.messages[0].role = "user";
  problem.messages[0].content = drawn.text;
  problem.is_chat = true;
  problem.answer = std::to_string(drawn.program.value);
  problem.difficulty = static_cast<int>(drawn.program.lines.size());
  return problem;
}

Trace write_trace(const LastDigitProgram& program, TraceStyle style, Language language,
                  double slip_rate, Rng& rng) {
  TraceWriter out(language, rng);
  if (style == TraceStyle::kDirect) {
    out.word(Word::kGuess);
    const bool wrong = rng.uniform() < slip_rate;
    return {out.take(), wrong ? slip(program.value, rng) : program.value};
  }
  if (style == TraceStyle::kQuick) out.word(Word::kQuick);
  int value = program.start;
  const size_t n_lines = program.lines.size();
  for (size_t i = 0; i < n_lines; ++i) {
    const auto& line = program.lines[i];
    const int right = last_digit_of(line.op, value, line.operand);
    const int result = rng.uniform() < slip_rate ? slip(right, rng) : right;
    if (style == TraceStyle::kQuick) {
      if (i % 2 == 1 && i + 1 < n_lines) {
        out.letter(static_cast<char>('a' + i));
        out.letter('=');
        out.digit(result);
      }
      value = result;
    } else if (style == TraceStyle::kSteps) {
      out.word(Word::kSo);
      out.line(i, line);
      out.letter('=');
      out.digit(result);
      value = result;
    } else {
      value = write_worked_line(out, program, i, value, result, style == TraceStyle::kCareful, rng);
    }
  }
  return {out.take(), value};
}

double english_share(std::string_view text) {
  int64_t english = 0, french = 0;
  const auto has = [](const auto& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
    const std::string_view word = text.substr(0, end);
    english += has(kEnglishWords, word);
    french += has(kFrenchWords, word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return english + french == 0 ? 1.0 : static_cast<double>(english) / (english + french);
}

std::vector<Problem> held_out_last_digit_problems(uint64_t seed, int64_t first, int64_t n) {
  std::vector<Problem> problems;
  for (int64_t i = first; i < first + n; ++i) problems.push_back(last_digit_problem(seed, true, i));
  return problems;
}

}  // namespace r1
