#include "reward/registry.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "reward/answer.h"
#include "reward/choice.h"
#include "reward/code.h"
#include "reward/exact.h"
#include "reward/format.h"
#include "reward/judge.h"
#include "reward/language.h"
#include "reward/length.h"
#include "reward/math_answer.h"
#include "reward/numeric.h"
#include "reward/process.h"
#include "reward/regex_reward.h"
#include "reward/repetition.h"
#include "reward/reward_model.h"
#include "reward/settings.h"

namespace r1 {
namespace {

using RewardMaker = Result<std::unique_ptr<const Reward>> (*)(const RewardSettings&);

/// A built-in reward: a rule, or what makes one from its options.
struct Entry {
  constexpr Entry(const char* n, RewardFunction f, const char* h) : name(n), help(h), function(f) {}
  constexpr Entry(const char* n, RewardMaker m, const char* h) : name(n), help(h), make(m) {}
  const char* name;
  const char* help;
  RewardFunction function = nullptr;
  RewardMaker make = nullptr;
};

constexpr Entry kRewards[] = {
    {"accuracy", accuracy,
     "1 when the final answer equals the reference as an exact number or text"},
    {"exact", make_exact, "1 when the final answer is the reference's text"},
    {"numeric", make_numeric, "1 when the final answer is the reference's number, or near it"},
    {"choice", choice, "1 when the final answer names the reference's letters"},
    {"regex", make_regex, "1 when the final answer matches a pattern"},
    {"math_answer", make_math_answer, "1 when the final answer equals the reference in value"},
    {"code", make_code, "share or all of the row's tests passed, in the sandbox"},
    {"accuracy_strict", accuracy_strict, "1 when the digits in the only <answer> pair are right"},
    {"format", make_format, "1 for <think>…</think> <answer>…</answer> and nothing else"},
    {"format_r1", format_r1, "1 for <think>…</think> and then an answer"},
    {"format_open_r1", format_open_r1, "as format, with open-r1's line breaks"},
    {"format_tag_count", format_tag_count, "0.25 for each of open-r1's four tags"},
    {"language", make_language, "share of the prompt's language in the thought"},
    {"repetition", make_repetition, "minus the share of repeated n-grams"},
    {"reasoning_steps", reasoning_steps, "marked steps, a third each, at most 1"},
    {"length", make_length, "right and short before right and long, as open-r1's cosine"},
    {"overlong", make_overlong, "DAPO: minus up to 1 for lengths near the limit"},
    {"process", make_process, "what an external program says (command)"},
    {"judge", make_judge, "what a language model says, here or behind a server (model, url)"},
    {"reward_model", make_reward_model, "the score of a trained model (model)"},
    {"last_digit_language", last_digit_language, "built-in task: share of English words"},
};

const Entry* find_reward(const std::string& name) {
  for (const Entry& entry : kRewards) {
    if (name == entry.name) return &entry;
  }
  return nullptr;
}

std::string known_names() {
  std::string names;
  for (const Entry& entry : kRewards)
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  return names;
}

/// The text of a column; nullopt without one.
std::optional<std::string> column_text(const Problem& problem, const char* name) {
  const auto column = problem.columns.find(name);
  if (column == problem.columns.end() || !column->second.starts_with('"')) return std::nullopt;
  std::string text = column->second;
  std::erase(text, '"');
  return text;
}

bool names(const std::vector<std::string>& chosen, const std::string& one) {
  return chosen.empty() || std::find(chosen.begin(), chosen.end(), one) != chosen.end();
}

/// The data set of a row: its data_source column (verl), or the name of its file.
bool is_meant(const RewardSpec& spec, const Problem& problem) {
  const bool is_data =
      spec.data.empty() ||
      names(spec.data, column_text(problem, "data_source").value_or(problem.source));
  return is_data && (spec.types.empty() || names(spec.types, problem_type(problem)));
}

void add_part(Score& score, const RewardSpec& spec, const Verdict& verdict) {
  score.reason += (score.reason.empty() ? "" : "; ") + spec.name + ": " + verdict.reason;
  const bool is_watched = spec.weight == 0;  // logged, and no part of the score
  score.valid = score.valid && (verdict.valid || is_watched);
  if (verdict.valid && !is_watched) score.value += spec.weight * verdict.value;
  score.parts.emplace_back(
      spec.name, verdict.valid ? verdict.value : std::numeric_limits<double>::quiet_NaN());
}

void skip_part(Score& score, const RewardSpec& spec) {
  score.parts.emplace_back(spec.name, std::numeric_limits<double>::quiet_NaN());
}

/// A completion that no reward is for has no score.
void finish(Score& score) {
  if (score.reason.empty()) score.reason = "no reward is for this row", score.valid = false;
}

struct NoOptions {
  void visit(auto&&) {}
};

Result<RewardSpec> make_spec(RewardSettings settings) {
  const Entry* entry = find_reward(settings.name);
  if (!entry) return fail("unknown reward {} (known: {})", settings.name, known_names());
  RewardSpec spec{settings.label, settings.weight, nullptr,
                  settings.data,  settings.types,  settings.from_step_ratio};
  if (entry->make) {
    R1_TRY(spec.reward, entry->make(settings));
    return spec;
  }
  if (auto none = read_options<NoOptions>(settings); !none) {
    return fail("{}: {} has no options of its own", none.error().message, settings.name);
  }
  spec.reward = make_rule(entry->function, settings.common);
  return spec;
}

Result<RewardSet> make_set(std::vector<RewardSettings> all) {
  if (all.empty()) return fail("no reward is named (known: {})", known_names());
  std::vector<RewardSpec> specs;
  for (RewardSettings& settings : all) {
    R1_TRY(RewardSpec spec, make_spec(std::move(settings)));
    for (const RewardSpec& other : specs) {
      if (other.name == spec.name) {
        return fail("reward {} is named twice (a label tells two apart)", spec.name);
      }
    }
    specs.push_back(std::move(spec));
  }
  return RewardSet(std::move(specs));
}

}  // namespace

std::string problem_type(const Problem& problem) {
  if (const auto type = column_text(problem, "type")) return *type;
  return column_text(problem, "ability").value_or("");
}

std::vector<Verdict> Reward::score_all(std::span<const Ask> asks, ThreadPool& pool) const {
  std::vector<Verdict> verdicts(asks.size());
  pool.parallel_for(static_cast<int64_t>(asks.size()), 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) verdicts[i] = score(*asks[i].problem, asks[i].completion);
  });
  return verdicts;
}

RewardSet::RewardSet(std::vector<RewardSpec> specs) : specs_(std::move(specs)) {
  for (const auto& spec : specs_) CHECK(spec.reward, "reward {} has no function", spec.name);
}

Score RewardSet::score(const Problem& problem, const Completion& completion) const {
  Score score;
  for (const auto& spec : specs_) {
    if (is_meant(spec, problem)) {
      add_part(score, spec, spec.reward->score(problem, completion));
    } else {
      skip_part(score, spec);
    }
  }
  finish(score);
  return score;
}

std::vector<Score> RewardSet::score_all(std::span<const Ask> asks, ThreadPool& pool,
                                        double run_share) const {
  std::vector<Score> scores(asks.size());
  for (const auto& spec : specs_) {
    std::vector<Ask> chosen;
    std::vector<size_t> places;
    for (size_t i = 0; i < asks.size(); ++i) {
      if (run_share >= spec.from_step_ratio && is_meant(spec, *asks[i].problem)) {
        chosen.push_back(asks[i]);
        places.push_back(i);
      } else {
        skip_part(scores[i], spec);
      }
    }
    if (chosen.empty()) continue;
    const std::vector<Verdict> verdicts = spec.reward->score_all(chosen, pool);
    for (size_t i = 0; i < places.size(); ++i) add_part(scores[places[i]], spec, verdicts[i]);
  }
  for (Score& score : scores) finish(score);
  return scores;
}

bool RewardSet::can_judge(const Problem& problem) const {
  bool any = false;
  for (const auto& spec : specs_) {
    if (!is_meant(spec, problem)) continue;
    const bool can = spec.reward->can_judge(problem);
    if (!can && spec.weight != 0) return false;
    any = any || can;
  }
  return any;
}

bool RewardSet::is_for(const Problem& problem) const {
  return std::any_of(specs_.begin(), specs_.end(),
                     [&](const RewardSpec& spec) { return is_meant(spec, problem); });
}

double RewardSet::opens_at(const Problem& problem) const {
  double least = 1;
  for (const auto& spec : specs_) {
    if (spec.weight != 0 && is_meant(spec, problem)) least = std::min(least, spec.from_step_ratio);
  }
  return least;
}

Result<RewardSet> make_rewards(const std::vector<std::string>& names,
                               const std::vector<double>& weights, const RewardOptions& options) {
  if (!weights.empty() && weights.size() != names.size()) {
    return fail(
        "{} rewards but {} weights: give one weight a reward, or none "
        "(--reward_weights)",
        names.size(), weights.size());
  }
  std::vector<RewardSettings> all;
  for (size_t i = 0; i < names.size(); ++i) {
    R1_TRY(RewardSettings settings, parse_reward(names[i], options));
    if (!weights.empty()) settings.weight = weights[i];
    if (!std::isfinite(settings.weight))
      return fail("reward {}: its weight is not a number", names[i]);
    all.push_back(std::move(settings));
  }
  return make_set(std::move(all));
}

Result<RewardSet> choose_rewards(const std::vector<std::string>& tables,
                                 const std::vector<std::string>& names,
                                 const std::vector<double>& weights, const RewardOptions& options) {
  if (!tables.empty()) return make_rewards(tables, {}, options);
  return make_rewards(names, weights, options);
}

std::vector<std::string> builtin_rewards() {
  std::vector<std::string> names;
  for (const Entry& entry : kRewards) {
    const std::string_view name = entry.name;  // these need a program or a model
    if (name != "process" && name != "judge" && name != "reward_model") names.push_back(entry.name);
  }
  return names;
}

std::string reward_help() {
  std::string text;
  for (const Entry& entry : kRewards) text += fmt::format("  {:<20} {}\n", entry.name, entry.help);
  return text;
}

}  // namespace r1
