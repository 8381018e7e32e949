#include "eval/evaluate.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/random.h"
#include "eval/votes.h"
#include "reward/language_mix.h"

namespace r1 {

Result<Evaluated> evaluate(const Transformer& model, const Chat& chat,
                           const std::vector<Problem>& problems, const EvalConfig& config,
                           Dtype kv_dtype, const Launch& launch,
                           const std::function<void(int64_t, int64_t)>& on_progress) {
  if (config.samples < 1) return fail("samples is {}; it must be at least 1", config.samples);
  if (config.max_tokens < 1)
    return fail("max_tokens is {}; it must be at least 1", config.max_tokens);
  if (problems.empty()) return fail("there are no problems to evaluate on");
  for (size_t i = 0; i < problems.size(); ++i) {
    if (problems[i].messages.empty())
      return fail("row {} has no prompt; evaluation needs prompts with answers", i + 1);
  }
  R1_TRY(const RewardSet rewards,
         choose_rewards(config.reward, config.reward_funcs, {}, {config.prefilled_think}));
  R1_RETURN_IF_ERROR(config.engine.validate(model));
  Engine engine(model, kv_dtype, config.engine, launch);
  EpisodePlan plan;
  plan.n_samples = config.samples;
  plan.max_tokens = config.max_tokens;
  plan.params = config.sampling;
  plan.on_progress = on_progress;
  plan.stream = eval_stream;
  if (config.force_think) plan.opening = "<think>\n";
  const Timer timer;
  Evaluated result;
  R1_TRY(result.episodes, sample_episodes(engine, chat, problems, plan, rewards, *launch.pool));
  result.seconds = timer.seconds();
  result.engine = engine.stats();
  for (const Episode& e : result.episodes) result.n_tokens += static_cast<int64_t>(e.tokens.size());
  result.summary = summarize_episodes(problems, result.episodes, rewards.specs().front().name,
                                      config.sampling.seed);
  return result;
}

uint64_t eval_stream(int p, int g) {
  return stream_key(
      {static_cast<uint64_t>(Purpose::kEval), static_cast<uint64_t>(p), static_cast<uint64_t>(g)});
}

EvalSummary summarize_episodes(const std::vector<Problem>& problems,
                               std::span<const Episode> episodes, const std::string& judge,
                               uint64_t seed) {
  std::vector<std::vector<SampleResult>> samples(problems.size());
  LanguageMix words;
  int64_t n_with_words = 0, n_one_language = 0;
  std::vector<std::pair<int, int>> languages(problems.size());  // with words, of one language
  for (const Episode& e : episodes) {
    SampleResult s;
    s.correct = !e.score.parts.empty() && e.score.parts[0].second >= 1.0;
    s.format_ok = e.score.parts.size() > 1 && e.score.parts[1].second >= 1.0;
    s.truncated = !e.finished;
    s.length = static_cast<int>(e.tokens.size());
    s.answer = vote_of(judge, e.text);
    s.reward = e.score.value;
    samples[e.problem].push_back(std::move(s));
    const LanguageMix mix = language_mix_of(problems[e.problem], e.text);
    n_with_words += mix.n_words() > 0;
    n_one_language += mix.has_one_language();
    languages[e.problem].first += mix.n_words() > 0;
    languages[e.problem].second += mix.has_one_language();
    words.add(mix);
  }
  for (auto& problem : samples) {
    std::vector<std::string*> answers;
    for (SampleResult& s : problem) answers.push_back(&s.answer);
    unite_votes(judge, answers);
  }
  EvalSummary summary = summarize(samples, seed);
  if (n_with_words > 0)
    summary.one_language_rate =
        static_cast<double>(n_one_language) / static_cast<double>(n_with_words);
  for (const auto& [n, n_one] : languages)
    summary.one_language.push_back(n > 0 ? static_cast<double>(n_one) / n : NAN);
  const double n_words = static_cast<double>(words.n_words());
  for (const auto& [language, n] : words.words)
    summary.language_shares[language] = static_cast<double>(n) / n_words;
  return summary;
}

namespace {

nlohmann::ordered_json to_json(const Estimate& e) {
  return {{"mean", e.mean}, {"stderr", e.error}, {"interval", {e.interval.low, e.interval.high}}};
}

}  // namespace

std::string describe(const EvalSummary& s) {
  return fmt::format(
      "pass@1 {:.3f} ± {:.3f} · cons@{} {:.3f} · pass@{} {:.3f} · format {:.3f} · length {:.1f} · "
      "truncated {:.3f} ({} problems × {})",
      s.pass_at_1, s.pass_at_1_stderr, s.cons_k, s.cons_at_k, s.pass_at_k.rbegin()->first,
      s.pass_at_k.rbegin()->second, s.format_rate, s.mean_length, s.truncated_rate, s.n_problems,
      s.n_samples / std::max<int64_t>(1, s.n_problems));
}

std::string summary_to_json(const EvalSummary& s) {
  nlohmann::ordered_json json{
      {"pass@1", s.pass_at_1},
      {"pass@1_stderr", s.pass_at_1_stderr},
      {"pass@1_interval", {s.pass_at_1_interval.low, s.pass_at_1_interval.high}}};
  json["cons@" + std::to_string(s.cons_k)] = s.cons_at_k;
  json["cons@" + std::to_string(s.cons_k) + "_ties"] = s.cons_at_k_ties;
  for (const auto& [k, value] : s.pass_at_k) {
    if (k != 1) json["pass@" + std::to_string(k)] = value;
  }
  for (const auto& [k, value] : s.cons_at) json["cons@k"][std::to_string(k)] = to_json(value);
  for (const auto& [k, value] : s.pass_at) json["pass@k"][std::to_string(k)] = to_json(value);
  json["format_rate"] = s.format_rate;
  json["mean_length"] = s.mean_length;
  json["truncated_rate"] = s.truncated_rate;
  json["mean_reward"] = s.mean_reward;
  json["one_language_rate"] = s.one_language_rate;
  json["language_shares"] = s.language_shares;
  json["n_problems"] = s.n_problems;
  json["n_samples"] = s.n_samples;
  // what a comparison of two models on the same problems needs
  json["by_problem"]["pass@1"] = s.accuracy;
  json["by_problem"]["cons@" + std::to_string(s.cons_k)] = s.majority;
  if (!s.language_shares.empty()) json["by_problem"]["one_language"] = s.one_language;
  return json.dump(2);
}

}  // namespace r1
