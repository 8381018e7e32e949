#include "reward/numeric.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "reward/answer.h"

namespace r1 {
namespace {

class Numeric : public Reward {
 public:
  Numeric(NumericOptions options, RewardOptions common) : options_(options), common_(common) {}

  bool can_judge(const Problem& problem) const override {
    return parse_scientific(reference_answer(problem.answer)).has_value();
  }

  Verdict score(const Problem& problem, const Completion& completion) const override {
    if (!can_judge(problem)) return {0, "the reference answer is not a number", false};
    Verdict verdict = judge_answer(problem, completion, find_answer(completion, common_),
                                   [](std::string_view, std::string_view) { return true; });
    if (verdict.value == 0) return verdict;
    const auto said = parse_scientific(verdict.extracted);
    const bool is_right = said && is_near(*said, *parse_scientific(verdict.reference));
    verdict.value = is_right ? 1 : 0;
    verdict.reason = !said ? fmt::format("{} is not a number", verdict.extracted)
                           : fmt::format("{} {} {}", verdict.extracted,
                                         is_right ? "equals" : "is not", verdict.reference);
    return verdict;
  }

 private:
  bool is_near(const Rational& a, const Rational& b) const {
    if (a == b) return true;
    const double allowed = std::max(options_.absolute, options_.relative * std::abs(b.to_double()));
    return allowed > 0 && std::abs(a.to_double() - b.to_double()) <= allowed;
  }

  NumericOptions options_;
  RewardOptions common_;
};

}  // namespace

std::optional<Rational> parse_scientific(std::string_view text) {
  if (const auto number = parse_number(text)) return number;
  const size_t e = text.find_last_of("eE");
  if (e == std::string_view::npos || e == 0) return std::nullopt;
  const auto mantissa = parse_number(text.substr(0, e));
  int power = 0;
  const std::string_view digits = text.substr(text.substr(e + 1).starts_with('+') ? e + 2 : e + 1);
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), power);
  const bool has_two_signs = text.substr(e + 1).starts_with("+-");
  if (!mantissa || has_two_signs || code != std::errc{} || end != digits.data() + digits.size() ||
      std::abs(power) > 30)
    return std::nullopt;
  const auto scale = r1::power(Rational(10), Rational(power));
  return scale ? multiply(*mantissa, *scale) : std::nullopt;
}

Result<std::unique_ptr<const Reward>> make_numeric(const RewardSettings& settings) {
  R1_TRY(const NumericOptions options, read_options<NumericOptions>(settings));
  if (!(options.relative >= 0) || !(options.absolute >= 0))
    return fail("reward numeric: relative and absolute must not be negative");
  return std::make_unique<Numeric>(options, settings.common);
}

}  // namespace r1
