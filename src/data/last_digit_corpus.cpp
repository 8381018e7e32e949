#include <fmt/core.h>

#include <array>

#include "data/last_digit_draw.h"

namespace r1 {
namespace {

constexpr double kTableShare = 0.12, kTextbookShare = 0.40;  // the rest are conversations
constexpr double kMixedShare = 0.30;                         // the other languages share evenly
constexpr double kTextbookSlips = 0.02, kCarefulSlips = 0.10;

struct StyleShare {
  TraceStyle style;
  double share, slip_rate;
};
constexpr std::array<StyleShare, 4> kTextbookStyles = {{
    {TraceStyle::kQuick, 0.15, kTextbookSlips},
    {TraceStyle::kSteps, 0.30, kTextbookSlips},
    {TraceStyle::kWork, 0.35, kTextbookSlips},
    {TraceStyle::kCareful, 0.20, kCarefulSlips},  // else there would be nothing to correct
}};
constexpr std::array<StyleShare, 5> kConversationStyles = {{
    {TraceStyle::kDirect, 0.42, 0.30},
    {TraceStyle::kQuick, 0.30, 0.12},
    {TraceStyle::kSteps, 0.03, 0.10},
    {TraceStyle::kWork, 0.15, 0.10},
    {TraceStyle::kCareful, 0.10, kCarefulSlips},
}};

template <size_t N>
const StyleShare& draw_style(const std::array<StyleShare, N>& styles, Rng& rng) {
  double left = rng.uniform();
  for (const auto& style : styles) {
    if ((left -= style.share) < 0) return style;
  }
  return styles.back();
}

Language draw_language(Rng& rng) {
  if (rng.uniform() < kMixedShare) return Language::kMixed;
  return rng.uniform() < 0.5 ? Language::kEnglish : Language::kFrench;
}

/// 7 + 8 = 5 ; 5 * 9 = 5 ; …
Document table_document(Rng& rng) {
  Document document{"<bos>", ""};
  const int64_t n_facts = rng.between(4, 8);
  for (int64_t i = 0; i < n_facts; ++i) {
    const char op = "++--*"[rng.below(5)];
    const int a = static_cast<int>(rng.below(10)), b = static_cast<int>(rng.below(10));
    for (char c : {static_cast<char>('0' + a), op, static_cast<char>('0' + b), '=',
                   static_cast<char>('0' + last_digit_of(op, a, b)), ';'}) {
      document.completion += c;
      document.completion += ' ';
    }
  }
  document.completion += "<eos>";
  return document;
}

std::string answered(const Trace& trace, Language language, Rng& rng) {
  return fmt::format("{} {} {} <eos>", trace.text, draw_word(Word::kAnswer, language, rng),
                     trace.answer);
}

Document textbook_document(Rng& rng) {
  const DrawnProgram drawn = draw_program(/*test=*/false, rng);
  const Language language = draw_language(rng);
  const StyleShare& style = draw_style(kTextbookStyles, rng);
  const Trace trace = write_trace(drawn.program, style.style, language, style.slip_rate, rng);
  return {"<bos> " + drawn.text, answered(trace, language, rng)};
}

std::string conversation_prompt(const DrawnProgram& drawn) {
  return fmt::format("<bos> <user> {} <assistant>", drawn.text);
}

std::string tagged(const Trace& trace) {
  return fmt::format("<think> {} </think> <answer> {} </answer>", trace.text, trace.answer);
}

Document conversation_document(Rng& rng) {
  const DrawnProgram drawn = draw_program(/*test=*/false, rng);
  const Language language = draw_language(rng);
  const StyleShare& style = draw_style(kConversationStyles, rng);
  const Trace trace = write_trace(drawn.program, style.style, language, style.slip_rate, rng);
  Document document{conversation_prompt(drawn), ""};
  const double form = rng.uniform();
  if (form < 0.35) {
    document.completion = tagged(trace) + " <eos>";
  } else if (form < 0.45) {
    document.completion = fmt::format("<think> {} </think> {} <eos>", trace.text, trace.answer);
  } else if (form < 0.55) {
    document.completion = fmt::format("{} <answer> {} </answer> <eos>", trace.text, trace.answer);
  } else {
    document.completion = answered(trace, language, rng);
  }
  return document;
}

enum class Kind : uint64_t { kDocument, kColdStart, kProbe };

Rng corpus_rng(uint64_t seed, Kind kind, int64_t index) {
  return Rng(seed, stream_key({static_cast<uint64_t>(Purpose::kCorpus), static_cast<uint64_t>(kind),
                               static_cast<uint64_t>(index)}));
}

struct WorkedProgram {
  DrawnProgram drawn;
  Trace trace;
};

/// Drawn again until the thought arrives at the right answer.
WorkedProgram draw_cold_start(uint64_t seed, int64_t index, const ColdStartOptions& options) {
  Rng rng = corpus_rng(seed, Kind::kColdStart, index);
  while (true) {
    WorkedProgram worked{draw_program(/*test=*/false, rng), {}};
    worked.trace =
        write_trace(worked.drawn.program, options.style, options.language, options.slip_rate, rng);
    if (worked.trace.answer == worked.drawn.program.value) return worked;
  }
}

}  // namespace

Document last_digit_document(uint64_t seed, int64_t index) {
  Rng rng = corpus_rng(seed, Kind::kDocument, index);
  const double kind = rng.uniform();
  if (kind < kTableShare) return table_document(rng);
  if (kind < kTableShare + kTextbookShare) return textbook_document(rng);
  return conversation_document(rng);
}

Document last_digit_cold_start(uint64_t seed, int64_t index, const ColdStartOptions& options) {
  const WorkedProgram worked = draw_cold_start(seed, index, options);
  return {conversation_prompt(worked.drawn), tagged(worked.trace) + " <eos>"};
}

Problem last_digit_cold_start_problem(uint64_t seed, int64_t index,
                                      const ColdStartOptions& options) {
  const WorkedProgram worked = draw_cold_start(seed, index, options);
  Problem problem;
  problem.id = fmt::format("last_digit/cold_start/{}/{}", seed, index);
  problem.messages = {{.role = "user", .content = worked.drawn.text}};
  problem.is_chat = true;
  problem.completion = tagged(worked.trace);
  problem.answer = std::to_string(worked.trace.answer);
  problem.difficulty = static_cast<int>(worked.drawn.program.lines.size());
  return problem;
}

Probe last_digit_probe(uint64_t seed, int64_t index) {
  Rng rng = corpus_rng(seed, Kind::kProbe, index);
  const DrawnProgram drawn = draw_program(/*test=*/true, rng);
  const Trace trace =
      write_trace(drawn.program, TraceStyle::kWork, Language::kEnglish, /*slip_rate=*/0, rng);
  Probe probe{"<bos> " + drawn.text, answered(trace, Language::kEnglish, rng), {}, {}};
  constexpr int kWordsPerLine = 10;  // first a + 4 ; 8 + 4 = 2
  for (int i = 0; i < static_cast<int>(drawn.program.lines.size()); ++i) {
    probe.operand_words.push_back(i * kWordsPerLine + 3);
    probe.sum_words.push_back(i * kWordsPerLine + 9);
  }
  return probe;
}

}  // namespace r1
