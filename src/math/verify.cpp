#include "math/verify.h"

#include <optional>
#include <vector>

#include "math/equal.h"
#include "math/extract.h"
#include "math/parse.h"
#include "math/units.h"

namespace r1 {
namespace {

constexpr int64_t kBudget = 12000;  // under 20 ms

/// The text without what only sets type.
std::string squeezed(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ' || c == '\n' || c == '\t' || c == '$') continue;
    out += c;
    for (std::string_view drop : {"\\left", "\\right", "\\,", "\\!", "\\;"}) {
      if (out.ends_with(drop)) out.resize(out.size() - drop.size());
    }
  }
  while (out.ends_with('.')) out.pop_back();
  return out;
}

std::string shortened(std::string_view text) {
  constexpr size_t kShown = 200;
  return std::string(text.substr(0, kShown)) + (text.size() > kShown ? "..." : "");
}

/// Whether a text is a number written out (3, -1/2, 2\frac{1}{2}, 2.5 \times 10^3, 5 cm), with no
/// operation left to do.
bool is_written_out(std::string_view text, bool is_integer) {
  constexpr size_t kMaxTokens = 60;
  const std::vector<Token> tokens = tokenize(text, Comma::kThousands, kMaxTokens);
  int n_numbers = 0, n_fractions = 0;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    const Token& token = tokens[i];
    const auto next_is = [&](size_t k, std::string_view sign) {
      return i + k < tokens.size() && tokens[i + k].text == sign;
    };
    if (token.type == Token::kNumber) {
      ++n_numbers;
    } else if (token.text == "*" && next_is(1, "10") && next_is(2, "^")) {
      i += 2;  // times a power of ten
      --n_numbers;
    } else if (token.text == "frac" || token.text == "/") {
      ++n_fractions;
    } else if (token.text == "-") {
      if (i > 0 && tokens[i - 1].type == Token::kNumber) return false;
    } else if (token.type == Token::kCommand || token.text == "+" || token.text == "*" ||
               token.text == "!" || (token.text == "^" && n_numbers > 0 && next_is(1, "("))) {
      return false;
    } else if (token.text == "^" && i > 0 && tokens[i - 1].type == Token::kNumber &&
               !next_is(1, "^o") && !next_is(2, "^o")) {
      return false;
    }
  }
  return n_fractions == 0 ? n_numbers <= 1 : n_fractions == 1 && n_numbers <= 3 && !is_integer;
}

/// What a comma between digits may mean here. 1,5 is 1.5 only by itself; in brackets a comma parts
/// coordinates, unless others with a space do: (1,000, 2,000).
std::vector<Comma> readings_of(const std::string& text) {
  if (!has_digit_comma(text)) return {Comma::kThousands};
  const size_t first = text.find_first_of("([{");
  if (first == text.npos) return {Comma::kThousands, Comma::kSeparator, Comma::kDecimal};
  const bool is_in_brackets = first < text.find_first_of("0123456789");
  if (is_in_brackets && text.find(", ") == text.npos) return {Comma::kSeparator};
  return {Comma::kThousands, Comma::kSeparator};
}

/// One pair of texts in all readings of their commas; the first that makes them equal decides.
MathVerdict compare_texts(const std::string& gold, const std::string& answer,
                          const MathOptions& options) {
  MathVerdict verdict{.reason = "other text", .gold = shortened(gold), .answer = shortened(answer)};
  const std::vector<Comma> gold_readings = readings_of(gold), answer_readings = readings_of(answer);
  Budget budget(kBudget);
  bool is_first = true;
  for (Comma gold_reading : gold_readings) {
    for (Comma answer_reading : answer_readings) {
      Expressions e;
      const auto gold_root = parse_answer(e, gold, gold_reading);
      const auto answer_root = parse_answer(e, answer, answer_reading);
      if (!gold_root || !answer_root) continue;
      const Equality result = equal_answers(e, *gold_root, *answer_root, options, budget);
      if (!is_first && !result.equal) continue;
      is_first = false;
      verdict.equal = result.equal;
      verdict.reason = result.reason;
      verdict.gold = shortened(e.text_of(*gold_root));
      verdict.answer = shortened(e.text_of(*answer_root));
      if (verdict.equal && options.simplified && e.is_number(*gold_root) &&
          !is_written_out(answer, e[*gold_root].value.is_integer())) {
        verdict.equal = false;
        verdict.reason = "equal, but not worked out";
        return verdict;
      }
      if (verdict.equal) return verdict;
    }
  }
  constexpr size_t kLongest = 4000;
  const bool is_short = gold.size() < kLongest && answer.size() < kLongest;
  const std::string plain = is_short ? squeezed(gold) : gold;
  if (!plain.empty() && plain == (is_short ? squeezed(answer) : answer)) {
    verdict.equal = true;
    verdict.reason = "same text";
  }
  return verdict;
}

MathVerdict compare_choices(std::string_view gold, std::string_view completion,
                            const Extraction& found, const MathOptions& options) {
  MathVerdict verdict{.gold = std::string(1, choice_letter(gold))};
  for (const std::string& candidate : found.candidates) {
    if (is_choice(candidate)) verdict.answer = std::string(1, choice_letter(candidate));
  }
  if (verdict.answer.empty()) {
    const size_t end = options.skip_thought ? completion.rfind("</think>") : std::string::npos;
    auto said = end == std::string::npos ? completion : completion.substr(end + 8);
    if (said.size() > 60000) said.remove_prefix(said.size() - 60000);
    const char letter = choice_letter(said);
    if (letter != '\0') verdict.answer = std::string(1, letter);
  }
  verdict.equal = verdict.answer == verdict.gold;
  verdict.reason = verdict.answer.empty() ? "no choice found" : "compared as choices";
  return verdict;
}

}  // namespace

MathVerdict verify_answer(std::string_view gold, std::string_view completion,
                          const MathOptions& options) {
  const Extraction reference = extract_answers(gold, options, true);
  if (reference.candidates.empty()) {
    return {.reason = "the reference has no answer", .valid = false};
  }
  const Extraction found = extract_answers(completion, options, false);
  const std::string& wanted = reference.candidates[0];
  MathVerdict verdict{.reason = found.is_truncated ? "the box never closes" : "no answer found",
                      .gold = shortened(wanted)};
  if (!found.candidates.empty()) verdict = compare_texts(wanted, found.candidates[0], options);
  if (!verdict.equal && is_choice(wanted)) {
    return compare_choices(wanted, completion, found, options);
  }
  return verdict;
}

}  // namespace r1
