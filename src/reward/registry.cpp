#include "reward/registry.h"

#include <cmath>

#include "reward/answer.h"
#include "reward/format.h"
#include "reward/language.h"

namespace r1 {
namespace {

struct Entry {
  const char* name;
  RewardFunction function;
  const char* help;
};
constexpr Entry kRewards[] = {
    {"accuracy", accuracy,
     "1 when the final answer equals the reference as an exact number or text"},
    {"exact", accuracy, "the same as accuracy"},
    {"numeric", accuracy, "the same as accuracy"},
    {"accuracy_strict", accuracy_strict, "1 when the digits in the only <answer> pair are right"},
    {"format", format_zero, "1 for <think>…</think> <answer>…</answer> and nothing else"},
    {"format_r1", format_r1, "1 for <think>…</think> and then an answer"},
    {"format_open_r1", format_open_r1, "as format, with open-r1's line breaks"},
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

}  // namespace

RewardSet::RewardSet(std::vector<RewardSpec> specs, RewardOptions options)
    : specs_(std::move(specs)), options_(options) {
  for (const auto& spec : specs_) CHECK(spec.function, "reward {} has no function", spec.name);
}

Score RewardSet::score(const Problem& problem, const Completion& completion) const {
  Score score;
  for (const auto& spec : specs_) {
    const Verdict verdict = spec.function(problem, completion, options_);
    score.value += spec.weight * verdict.value;
    score.parts.emplace_back(spec.name, verdict.value);
    score.reason += (score.reason.empty() ? "" : "; ") + spec.name + ": " + verdict.reason;
    score.valid = score.valid && verdict.valid;
  }
  return score;
}

Result<RewardSet> make_rewards(const std::vector<std::string>& names,
                               const std::vector<double>& weights, const RewardOptions& options) {
  if (names.empty()) return fail("no reward is named (known: {})", known_names());
  if (!weights.empty() && weights.size() != names.size()) {
    return fail(
        "{} rewards but {} weights: give one weight a reward, or none "
        "(--reward_weights)",
        names.size(), weights.size());
  }
  std::vector<RewardSpec> specs;
  for (size_t i = 0; i < names.size(); ++i) {
    const Entry* entry = find_reward(names[i]);
    if (!entry) return fail("unknown reward {} (known: {})", names[i], known_names());
    const double weight = weights.empty() ? 1.0 : weights[i];
    if (!std::isfinite(weight)) return fail("reward {}: its weight is not a number", names[i]);
    for (const auto& spec : specs) {
      if (spec.name == names[i]) return fail("reward {} is named twice", names[i]);
    }
    specs.push_back({names[i], weight, entry->function});
  }
  return RewardSet(std::move(specs), options);
}

std::string reward_help() {
  std::string text;
  for (const Entry& entry : kRewards) text += fmt::format("  {:<20} {}\n", entry.name, entry.help);
  return text;
}

}  // namespace r1
