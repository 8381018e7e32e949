#include "reward/math_answer.h"

#include <algorithm>
#include <string>

#include "math/extract.h"
#include "math/verify.h"
#include "reward/answer.h"
#include "reward/thought.h"

namespace r1 {
namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

class MathAnswer : public Reward {
 public:
  MathAnswer(MathOptions options, RewardOptions common)
      : options_(std::move(options)), common_(common) {
    if (common_.strict) options_.simplified = true;
  }

  bool can_judge(const Problem& problem) const override { return !problem.answer.empty(); }

  Verdict score(const Problem& problem, const Completion& completion) const override {
    if (problem.answer.empty()) return {0, "the problem has no reference answer", false};
    if (!completion.finished) return {0, "truncated", true};
    std::string said(said_after_thought(completion, common_));
    if (common_.strict) {
      const std::string only = extract_only_answer(completion, common_);
      if (only.empty()) return {0, "no answer found", true};
      if (is_ascii(problem.answer) && !is_ascii(only)) return {0, "look-alike letters", true, only};
      said = "\\boxed{" + only + "}";
    }
    MathVerdict verdict = verify_answer(problem.answer, said, options_);
    return {verdict.equal ? 1.0 : 0.0, std::move(verdict.reason), verdict.valid,
            std::move(verdict.answer), std::move(verdict.gold)};
  }

 private:
  MathOptions options_;
  RewardOptions common_;
};

}  // namespace

Result<std::unique_ptr<const Reward>> make_math_answer(const RewardSettings& settings) {
  R1_TRY(MathOptions options, read_options<MathOptions>(settings));
  if (!is_known_order(options.extract)) {
    return fail("math_answer: extract is \"{}\", not a list of boxed, answer_tag, answer_is, last",
                options.extract);
  }
  return std::make_unique<MathAnswer>(std::move(options), settings.common);
}

}  // namespace r1
