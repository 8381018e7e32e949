#include "reward/exact.h"

#include <algorithm>

#include "reward/answer.h"
#include "reward/text_scan.h"
#include "reward/thought.h"
#include "text/unicode.h"

namespace r1 {
namespace {

class Exact : public Reward {
 public:
  Exact(ExactOptions options, RewardOptions common) : options_(options), common_(common) {}

  bool can_judge(const Problem& problem) const override { return !problem.answer.empty(); }

  Verdict score(const Problem& problem, const Completion& completion) const override {
    Verdict verdict = judge_answer(problem, completion, find(completion),
                                   [](std::string_view, std::string_view) { return true; });
    if (verdict.value == 0) return verdict;
    const bool is_right = plain(verdict.extracted) == plain(verdict.reference);
    verdict.value = is_right ? 1 : 0;
    verdict.reason = is_right ? "the same text" : "another text";
    return verdict;
  }

 private:
  std::string find(const Completion& completion) const {
    if (common_.strict) return extract_only_answer(completion, common_);
    std::string answer = extract_marked_answer(completion.text);
    if (answer.empty()) answer = trim_space(said_after_thought(completion, common_));
    return answer;
  }

  std::string plain(const std::string& text) const {
    std::string result = options_.ignore_case ? to_lower(to_utf8(text)) : text;
    if (options_.ignore_space)
      std::erase_if(result, [](char c) { return kAsciiSpace.find(c) != std::string_view::npos; });
    return result;
  }

  ExactOptions options_;
  RewardOptions common_;
};

}  // namespace

Result<std::unique_ptr<const Reward>> make_exact(const RewardSettings& settings) {
  R1_TRY(const ExactOptions options, read_options<ExactOptions>(settings));
  return std::make_unique<Exact>(options, settings.common);
}

}  // namespace r1
