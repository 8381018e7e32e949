#include "reward/judge.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/file.h"
#include "base/log.h"
#include "reward/judge_model.h"
#include "reward/judge_prompt.h"
#include "reward/scored_part.h"
#include "reward/text_scan.h"
#include "reward/thought.h"

namespace r1 {
namespace {

constexpr size_t kReasonBytes = 300;

std::string question_of(const Problem& problem) {
  for (auto m = problem.messages.rbegin(); m != problem.messages.rend(); ++m) {
    if (m->role == "user") return m->content;
  }
  return problem.messages.empty() ? "" : problem.messages.back().content;
}

/// One prompt of the judge, and what became of it.
struct Question {
  std::string prompt;
  std::optional<VerdictPattern::Verdict> verdict = {};
  std::string words = {};  // of the judge, or of the error
};

/// One completion in one comparison: two questions, in either order; or decided without any.
struct Match {
  size_t ask = 0;
  size_t first = 0, second = 0;  // questions; in the second the completion stands as B
  bool is_opponent = false;      // the completion is B in the first: all is turned round
  std::optional<double> given = {};
};

std::string last_words(const std::string& text) {
  std::string line(trim_space(text));
  std::replace(line.begin(), line.end(), '\n', ' ');
  if (line.size() <= kReasonBytes) return line;
  size_t from = line.size() - kReasonBytes;
  while (from < line.size() && (static_cast<unsigned char>(line[from]) & 0xC0) == 0x80) ++from;
  return "… " + line.substr(from);
}

class Judge : public Reward {
 public:
  Judge(JudgeOptions options, RewardOptions common, JudgeMode mode, ScoredPart part,
        JudgePrompt prompt, VerdictPattern pattern, std::unique_ptr<const JudgeModel> model)
      : options_(std::move(options)),
        common_(common),
        mode_(mode),
        part_(part),
        prompt_(std::move(prompt)),
        pattern_(std::move(pattern)),
        model_(std::move(model)) {}

  bool can_judge(const Problem& problem) const override {
    return !problem.answer.empty() || !needs_reference();
  }

  Verdict score(const Problem& problem, const Completion& completion) const override {
    ThreadPool pool(1);
    const Ask ask{&problem, completion};
    return score_all({&ask, 1}, pool)[0];
  }

  std::vector<Verdict> score_all(std::span<const Ask> asks, ThreadPool& pool) const override {
    std::vector<Verdict> verdicts(asks.size());
    std::vector<std::string> shown(asks.size());
    std::vector<size_t> left;
    std::vector<bool> speaks(asks.size(), false);
    for (size_t i = 0; i < asks.size(); ++i) {
      shown[i] = part_of(asks[i].completion);
      if (!can_judge(*asks[i].problem)) {
        verdicts[i] = {0, "the problem has no reference answer", false};
      } else if (!asks[i].completion.finished) {
        verdicts[i] = {0, "truncated"};
      } else if (shown[i].empty()) {
        verdicts[i] = {0, "nothing is said"};
      } else {
        left.push_back(i);
        speaks[i] = true;
      }
    }
    std::vector<Question> questions;
    std::vector<Match> matches;
    if (is_against_others()) {
      matches = compare_others(asks, shown, speaks, questions);
    } else {
      for (const size_t i : left) {
        if (mode_ == JudgeMode::kCompare) {
          matches.push_back(meet(asks[i], i, shown[i], asks[i].problem->answer, questions));
        } else {
          questions.push_back({fill(asks[i], shown[i], "")});
        }
      }
    }
    ask_all(questions, pool);
    for (size_t k = 0; k < left.size(); ++k) {
      verdicts[left[k]] = mode_ == JudgeMode::kCompare ? mean_of(left[k], matches, questions)
                                                       : verdict_of(questions[k]);
    }
    return verdicts;
  }

 private:
  bool is_against_others() const {
    return mode_ == JudgeMode::kCompare && options_.against == "others";
  }
  bool needs_reference() const {
    return mode_ == JudgeMode::kVerify || prompt_.needs_reference() ||
           (mode_ == JudgeMode::kCompare && !is_against_others());
  }

  std::string part_of(const Completion& completion) const {
    if (part_ == ScoredPart::kResponse) return std::string(trim_space(completion.text));
    return std::string(trim_space(said_after_thought(completion, common_)));
  }

  std::string fill(const Ask& ask, const std::string& answer, const std::string& other) const {
    return prompt_.fill({question_of(*ask.problem), answer, ask.problem->answer, other},
                        static_cast<size_t>(options_.max_bytes));
  }

  /// Two questions about one completion and another text, in either order.
  Match meet(const Ask& ask, size_t place, const std::string& answer, const std::string& other,
             std::vector<Question>& questions) const {
    questions.push_back({fill(ask, answer, other)});
    questions.push_back({fill(ask, other, answer)});
    return {place, questions.size() - 2, questions.size() - 1};
  }

  /// Those with the same question and reference, in order of arrival, stand in a ring; each meets
  /// its next neighbours. What says nothing loses without a question.
  std::vector<Match> compare_others(std::span<const Ask> asks,
                                    const std::vector<std::string>& shown,
                                    const std::vector<bool>& speaks,
                                    std::vector<Question>& questions) const {
    std::map<std::pair<std::string, std::string>, std::vector<size_t>> groups;
    for (size_t i = 0; i < asks.size(); ++i)
      groups[{question_of(*asks[i].problem), asks[i].problem->answer}].push_back(i);
    std::vector<Match> matches;
    const auto play = [&](size_t a, size_t b) {
      if (speaks[a] && speaks[b] && shown[a] == shown[b]) {
        matches.push_back({.ask = a, .given = 0.5});
        matches.push_back({.ask = b, .given = 0.5});
      } else if (speaks[a] && speaks[b]) {
        const Match match = meet(asks[a], a, shown[a], shown[b], questions);
        matches.push_back(match);
        matches.push_back({b, match.first, match.second, true});
      } else if (speaks[a] || speaks[b]) {
        matches.push_back({.ask = speaks[a] ? a : b, .given = 1});
      }
    };
    for (const auto& [key, members] : groups) {
      const size_t n = members.size(), wanted = static_cast<size_t>(options_.opponents);
      const size_t reach = wanted == 0 ? n / 2 : std::min(wanted, n / 2);
      for (size_t k = 0; k < n; ++k) {
        for (size_t d = 1; d <= reach; ++d) {
          const bool is_seen = 2 * d == n && k >= d;  // those who face each other meet once
          if (!is_seen) play(members[k], members[(k + d) % n]);
        }
      }
    }
    return matches;
  }

  /// Asks, and asks again where the reply has no verdict. What the model cannot be asked is final.
  void ask_all(std::vector<Question>& questions, ThreadPool& pool) const {
    std::vector<size_t> open(questions.size());
    for (size_t i = 0; i < open.size(); ++i) open[i] = i;
    size_t n_failed = 0;
    std::string fault;
    for (int round = 0; round <= options_.retries && !open.empty(); ++round) {
      std::vector<std::string> prompts;
      for (const size_t i : open) {
        prompts.push_back(questions[i].prompt);
        if (round > 0) prompts.back() += prompt_.reminder();
      }
      const auto replies = model_->ask(prompts, options_.seed + static_cast<uint64_t>(round), pool);
      std::vector<size_t> again;
      for (size_t k = 0; k < open.size(); ++k) {
        Question& question = questions[open[k]];
        if (!replies[k]) {
          question.words = fault = replies[k].error().message;
          ++n_failed;
          continue;
        }
        if (replies[k]->finished) question.verdict = pattern_.read(replies[k]->text);
        question.words = question.verdict ? last_words(replies[k]->text)
                         : replies[k]->finished
                             ? "the judge gave no verdict: " + last_words(replies[k]->text)
                             : "the judge's reply was cut at max_tokens";
        if (!question.verdict) again.push_back(open[k]);
      }
      open = std::move(again);
    }
    if (n_failed + open.size() == 0) return;
    log_warn(
        "reward judge: of {} questions {} could not be asked{}, {} had no verdict after {} retries",
        questions.size(), n_failed, fault.empty() ? "" : " (" + fault + ")", open.size(),
        options_.retries);
  }

  Verdict verdict_of(const Question& question) const {
    if (!question.verdict) return {0, question.words, false};
    return {question.verdict->value, question.verdict->text + ": " + question.words,
            question.verdict->decides};
  }

  /// The mean over all of a completion's matches that have both verdicts.
  static Verdict mean_of(size_t ask, const std::vector<Match>& matches,
                         const std::vector<Question>& questions) {
    double sum = 0;
    int n = 0;
    std::string fault = "there is no other completion to compare with", said;
    for (const Match& match : matches) {
      if (match.ask != ask) continue;
      if (match.given) {
        sum += *match.given, ++n;
        continue;
      }
      const Question &first = questions[match.first], &second = questions[match.second];
      if (!first.verdict || !second.verdict) {
        fault = first.verdict ? second.words : first.words;
        continue;
      }
      const double value = (first.verdict->value + 1 - second.verdict->value) / 2;
      sum += match.is_opponent ? 1 - value : value;
      ++n;
      said = first.words;
    }
    if (n == 0) return {0, fault, false};
    return {sum / n, fmt::format("{} of {} won{}", sum, n, said.empty() ? "" : ": " + said)};
  }

  JudgeOptions options_;
  RewardOptions common_;
  JudgeMode mode_;
  ScoredPart part_;
  JudgePrompt prompt_;
  VerdictPattern pattern_;
  std::unique_ptr<const JudgeModel> model_;
};

Result<std::unique_ptr<const Reward>> open_judge(const JudgeOptions& options,
                                                 const RewardOptions& common) {
  R1_RETURN_IF_ERROR(options.validate());
  R1_TRY(const JudgeMode mode, parse_judge_mode(options.mode));
  R1_TRY(const ScoredPart part, parse_scored_part(options.part));
  std::string text;
  if (!options.prompt_file.empty()) {
    R1_TRY(text, read_text(options.prompt_file));
  }
  auto prompt = JudgePrompt::make(mode, text, options.scale);
  if (!prompt) {
    return fail_with(options.prompt_file.empty() ? prompt.error()
                                                 : prompt.error().with(options.prompt_file));
  }
  R1_TRY(VerdictPattern pattern, VerdictPattern::make(mode, options.pattern, options.scale));
  R1_TRY(auto model, options.url.empty() ? open_local_judge(options) : open_remote_judge(options));
  return std::make_unique<Judge>(options, common, mode, part, std::move(*prompt),
                                 std::move(pattern), std::move(model));
}

}  // namespace

Result<void> JudgeOptions::validate() const {
  if (model.empty()) {
    return fail("no judge is named: judge;model=DIR, or judge;url=http://host:port/v1;model=NAME");
  }
  if (url.empty() && !api_key_env.empty()) return fail("api_key_env is for a server; url names it");
  if (against != "reference" && against != "others")
    return fail("against '{}': it is reference or others", against);
  if (!(scale > 0) || scale > 1e6) return fail("scale is {}; it must be above 0", scale);
  if (opponents < 0 || retries < 0 || retries > 100)
    return fail("opponents and retries must not be negative, retries at most 100");
  if (concurrency < 1 || concurrency > 1024)
    return fail("concurrency is {}; it must be from 1 to 1024", concurrency);
  if (max_tokens < 1 || max_bytes < 1000 || max_bytes > (1 << 24))
    return fail("max_tokens must be at least 1, max_bytes from 1000 to {}", 1 << 24);
  if (!(timeout_s > 0) || timeout_s > 1e6 || !(backoff_s >= 0) || backoff_s > 60)
    return fail("timeout_s must be above 0, backoff_s from 0 to 60");
  return {};
}

Result<std::unique_ptr<const Reward>> make_judge(const RewardSettings& settings) {
  R1_TRY(const JudgeOptions options, read_options<JudgeOptions>(settings));
  auto judge = open_judge(options, settings.common);
  if (!judge) return fail_with(judge.error().with("reward judge"));
  return judge;
}

}  // namespace r1
