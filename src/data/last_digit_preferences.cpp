#include "data/last_digit_preferences.h"

#include <fmt/core.h>

#include <algorithm>

#include "data/last_digit_draw.h"

namespace r1 {
namespace {

constexpr double kShort = 0.52, kSlip = 0.20, kMixed = 0.10,
                 kCut = 0.16;  // the rest are counterexamples
constexpr double kFewChecks = 0.05;
constexpr uint64_t kKind = 3;  // of document, after those of last_digit_corpus.cpp

/// A thought of 'work' style whose line `slip_at` is wrong (-1: none), and what follows from it; a
/// calculation is checked again with this chance, at most twice.
Trace write_checked(const LastDigitProgram& program, int slip_at, double check_rate,
                    Language language, Rng& rng) {
  Trace trace{"", program.start};
  for (size_t i = 0; i < program.lines.size(); ++i) {
    const auto& line = program.lines[i];
    int result = last_digit_of(line.op, trace.answer, line.operand);
    if (static_cast<int>(i) == slip_at) {
      result = static_cast<int>((result + rng.between(1, 9)) % 10);
    }
    const std::string sum =
        fmt::format("{} {} {} = {}", trace.answer, line.op, line.operand, result);
    const std::string_view first = draw_word(i == 0 ? Word::kFirst : Word::kThen, language, rng);
    trace.text += fmt::format("{}{} {} {} {} ; {}", i == 0 ? "" : " ", first,
                              static_cast<char>('a' + i), line.op, line.operand, sum);
    for (int n = 0; n < 2 && rng.uniform() < check_rate; ++n) {
      trace.text += fmt::format(" {} {}", draw_word(Word::kCheck, language, rng), sum);
    }
    trace.answer = result;
  }
  return trace;
}

std::string tagged(const Trace& trace) {
  return fmt::format("<think> {} </think> <answer> {} </answer>", trace.text, trace.answer);
}

/// The thought alone: broken off at some word, or whole and followed by the answer without tags.
std::string unanswered(const Trace& trace, Rng& rng) {
  if (rng.uniform() < 0.5) return fmt::format("{} answer {}", trace.text, trace.answer);
  const auto at = static_cast<size_t>(rng.below(static_cast<int64_t>(trace.text.size())));
  return "<think> " + trace.text.substr(0, std::min(trace.text.find(' ', at), trace.text.size()));
}

/// Tries until the answer is right, or wrong: a slip may vanish in a later product.
template <class Write>
std::string answer_that(bool is_right, const LastDigitProgram& program, Write write) {
  while (true) {
    const Trace trace = write();
    if ((trace.answer == program.value) == is_right) return tagged(trace);
  }
}

}  // namespace

LastDigitPreference last_digit_preference(uint64_t seed, bool test, int64_t index) {
  Rng rng(seed, stream_key({static_cast<uint64_t>(Purpose::kCorpus), kKind, test,
                            static_cast<uint64_t>(index)}));
  const DrawnProgram drawn = draw_program(test, rng);
  const LastDigitProgram& program = drawn.program;
  const auto hasty = [&](double slip_rate) {
    const TraceStyle style = rng.uniform() < 0.5 ? TraceStyle::kDirect : TraceStyle::kQuick;
    return write_trace(program, style, Language::kEnglish, slip_rate, rng);
  };
  const auto slipped = [&](double check_rate, Language language) {
    const auto at = static_cast<int>(rng.below(static_cast<int64_t>(program.lines.size())));
    return write_checked(program, at, check_rate, language, rng);
  };
  const auto careful = [&] {
    return write_checked(program, -1, 0.2 + 0.6 * rng.uniform(), Language::kEnglish, rng);
  };
  LastDigitPreference pair;
  pair.id =
      fmt::format("last_digit/{}/{}/{}", test ? "preferences_test" : "preferences", seed, index);
  pair.prompt = drawn.text;
  pair.answer = std::to_string(program.value);
  const double kind = rng.uniform();
  if (kind < kShort) {
    pair.kind = "short";
    pair.rejected = answer_that(false, program, [&] { return hasty(0.5); });
  } else if (kind < kShort + kSlip) {
    pair.kind = "slip";
    pair.rejected =
        answer_that(false, program, [&] { return slipped(kFewChecks, Language::kEnglish); });
  } else if (kind < kShort + kSlip + kMixed) {
    pair.kind = "mixed";
    pair.rejected =
        answer_that(false, program, [&] { return slipped(kFewChecks, Language::kMixed); });
  } else if (kind < kShort + kSlip + kMixed + kCut) {
    pair.kind = "cut";
    pair.rejected = unanswered(careful(), rng);
  } else {
    pair.kind = "counter";
    pair.rejected = answer_that(false, program, [&] { return slipped(0.6, Language::kEnglish); });
    pair.chosen = answer_that(true, program, [&] { return hasty(0.0); });
    return pair;
  }
  pair.chosen = answer_that(true, program, careful);
  return pair;
}

}  // namespace r1
