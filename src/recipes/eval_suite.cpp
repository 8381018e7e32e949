#include "recipes/eval_suite.h"

#include <algorithm>

#include "base/log.h"
#include "data/last_digit.h"
#include "data/published.h"
#include "recipes/eval_journal.h"

namespace r1 {
namespace {

constexpr int64_t kBuiltInProblems = 256;

/// The judge of a data set whose rewards are "auto": by the form of its rows, which must be one.
Result<EvalConfig> choose_judge(const EvalConfig& config, const std::string& data,
                                const std::vector<Problem>& problems) {
  EvalConfig chosen = config;
  if (!config.reward.empty()) return chosen;
  if (config.reward_funcs.empty()) return fail("reward_funcs is empty; name what counts as right");
  std::string& judge = chosen.reward_funcs[0];
  if (data == kLastDigitData) {
    judge = "accuracy_strict";
  } else if (judge == "auto") {
    judge = reward_of_form(problems.front().form);
    for (const Problem& problem : problems) {
      if (reward_of_form(problem.form) == judge) continue;
      return fail(
          "{}: {} is judged by {} and {} by {}; split the file, or name one reward with "
          "--reward_funcs",
          data, problems.front().id, judge, problem.id, reward_of_form(problem.form));
    }
  }
  return chosen;
}

std::string name_of_data(const std::string& data) {
  return data == kLastDigitData ? "last_digit" : Path(data).stem().string();
}

/// The last parts of the paths that tell them apart: runs/zero/final and runs/base/final are
/// zero/final and base/final.
std::vector<std::string> short_names(const std::vector<std::string>& paths) {
  for (int n_parts = 1;; ++n_parts) {
    std::vector<std::string> names;
    bool is_whole = true;
    for (const std::string& path : paths) {
      std::vector<std::string> parts;
      for (const auto& part : Path(path).lexically_normal()) {
        if (!part.empty() && part != "/") parts.push_back(part.string());
      }
      std::string name;
      const size_t first = parts.size() - std::min(parts.size(), static_cast<size_t>(n_parts));
      for (size_t i = first; i < parts.size(); ++i) name += (name.empty() ? "" : "/") + parts[i];
      is_whole = is_whole && first == 0;
      names.push_back(name.empty() ? path : name);
    }
    std::vector<std::string> sorted = names;
    std::sort(sorted.begin(), sorted.end());
    if (is_whole || std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end()) return names;
  }
}

std::string describe_protocol(const EvalSuiteConfig& c) {
  return fmt::format(
      "{}temperature {} · top-p {} · {} completions of at most {} tokens{} · seed {}",
      c.preset == "none" ? "" : c.preset + ": ", c.temperature, c.top_p, c.samples, c.max_tokens,
      c.eval.force_think ? " · <think> forced" : "", c.seed);
}

}  // namespace

Result<void> EvalSuiteConfig::apply_preset() {
  if (preset != "none" && preset != "deepseek")
    return fail("unknown preset '{}'; known: none, deepseek", preset);
  const bool deepseek = preset == "deepseek";
  if (samples == 0) samples = deepseek ? 64 : 16;
  if (max_tokens == 0) max_tokens = deepseek ? 32768 : 160;
  if (temperature < 0) temperature = deepseek ? 0.6 : 1.0;
  if (top_p == 0) top_p = deepseek ? 0.95 : 1.0;
  eval.force_think = eval.force_think || deepseek;
  if (instruction == "auto" && !deepseek) instruction.clear();
  eval.samples = samples;
  eval.max_tokens = max_tokens;
  eval.sampling.temperature = static_cast<float>(temperature);
  eval.sampling.top_p = static_cast<float>(top_p);
  eval.sampling.seed = seed;
  return {};
}

Result<std::vector<Problem>> read_eval_problems(const std::string& data,
                                                const EvalSuiteConfig& config) {
  if (data == kLastDigitData)
    return held_out_last_digit_problems(config.seed, 0,
                                        config.limit > 0 ? config.limit : kBuiltInProblems);
  R1_TRY(std::vector<Problem> problems, read_problems(data, config.columns));
  if (config.limit > 0 && config.limit < std::ssize(problems))
    problems.resize(static_cast<size_t>(config.limit));
  for (Problem& problem : problems) {
    if (problem.messages.empty()) continue;
    if (config.preset == "deepseek")
      std::erase_if(problem.messages, [](const Message& m) { return m.role == "system"; });
    const std::string ask =
        config.instruction == "auto" ? instruction_of_form(problem.form) : config.instruction;
    if (!ask.empty() && !problem.messages.empty()) problem.messages.back().content += "\n" + ask;
  }
  return problems;
}

void compare_with_first(EvalSuite& suite, uint64_t seed) {
  suite.differences.clear();
  const auto add = [&](const std::string& model, const std::string& set, const char* figure,
                       const std::vector<double>& first, const std::vector<double>& other) {
    if (first.size() != other.size()) return;  // rows that only one of the models can take
    std::vector<double> difference;
    for (size_t i = 0; i < first.size(); ++i) difference.push_back(other[i] - first[i]);
    suite.differences.push_back({model, set, figure, estimate(difference, seed)});
  };
  for (const EvalCell& cell : suite.cells) {
    const EvalCell& first = *std::find_if(suite.cells.begin(), suite.cells.end(),
                                          [&](const EvalCell& c) { return c.data == cell.data; });
    if (first.model != cell.model)
      add(cell.model, cell.data, "pass@1", first.evaluated.summary.accuracy,
          cell.evaluated.summary.accuracy);
  }
  for (const GeneralCell& cell : suite.general) {
    const GeneralCell& first =
        *std::find_if(suite.general.begin(), suite.general.end(),
                      [&](const GeneralCell& c) { return c.set == cell.set; });
    if (first.model != cell.model)
      add(cell.model, cell.set, cell.higher_is_better ? "accuracy" : "bits per byte", first.values,
          cell.values);
  }
}

namespace {

/// One model on all that it is measured on.
class ModelEvaluation {
 public:
  ModelEvaluation(std::string name, ModelPaths paths, const OpenModel& open, const Chat& chat,
                  const EvalSuiteConfig& config, Launch launch, EvalJournal& journal)
      : name_(std::move(name)),
        paths_(std::move(paths)),
        open_(open),
        chat_(chat),
        config_(config),
        launch_(launch),
        journal_(journal) {}

  Result<EvalCell> on_data(const std::string& data) {
    R1_TRY(std::vector<Problem> problems, read_eval_problems(data, config_));
    R1_TRY(const EvalConfig eval, choose_judge(config_.eval, data, problems));
    R1_TRY(const RewardSet rewards,
           choose_rewards(eval.reward, eval.reward_funcs, {}, {eval.prefilled_think}));
    R1_RETURN_IF_ERROR(eval.engine.validate(open_.model()));
    const int64_t length = eval.engine.length(open_.model().config().max_positions);
    R1_TRY(problems,
           usable_problems(std::move(problems), chat_, rewards, length, data, *launch_.pool));
    EvalCell cell{
        .model = name_, .data = name_of_data(data), .judge = rewards.specs().front().name};
    cell.problems = std::move(problems);
    R1_TRY(const std::string key, key_of(for_cell(config_, data)));
    const size_t n = cell.problems.size();
    if (journal_.find(key, n, n * static_cast<size_t>(eval.samples), cell)) {
      log_info("{} · {}: measured before", cell.model, cell.data);
      read_again(cell, eval.sampling.seed);
    } else {
      R1_RETURN_IF_ERROR(measure(cell, eval));
      R1_RETURN_IF_ERROR(journal_.add(key, cell));
    }
    cell.reflection = reflection_stats(cell.problems, cell.evaluated.episodes);
    cell.lengths = length_by_difficulty(cell.problems, cell.evaluated.episodes);
    return cell;
  }

  Result<std::vector<AbilityScore>> general() {
    std::vector<AbilityScore> scores;
    if (config_.general.general_data.empty()) return scores;
    R1_TRY(const std::string key, key_of(for_general(config_)));
    if (journal_.find(key, scores)) return scores;
    R1_TRY(scores, measure_general(open_.model(), chat_, config_.general, config_.columns,
                                   open_.kv_dtype, launch_));
    R1_RETURN_IF_ERROR(journal_.add(key, scores));
    return scores;
  }

 private:
  Result<std::string> key_of(const EvalSuiteConfig& part) const {
    if (!journal_.is_on()) return std::string();
    return eval_part_key(part, paths_);
  }

  Result<void> measure(EvalCell& cell, const EvalConfig& eval) {
    const bool is_alone = config_.data.size() * std::max<size_t>(1, config_.models.size()) == 1;
    Progress progress(is_alone ? "eval" : cell.model + " · " + cell.data,
                      std::ssize(cell.problems) * eval.samples);
    R1_TRY(cell.evaluated,
           evaluate(open_.model(), chat_, cell.problems, eval, open_.kv_dtype, launch_,
                    [&](int64_t done, int64_t) { progress.update(done, "completions"); }));
    progress.finish();
    if (config_.budget.thinking_budgets.empty()) return {};
    R1_TRY(cell.budget,
           thinking_budget_curve(open_.model(), chat_, cell.problems, cell.evaluated.episodes, eval,
                                 config_.budget, open_.kv_dtype, launch_));
    return {};
  }

  /// Texts and figures of a cell from the journal.
  void read_again(EvalCell& cell, uint64_t seed) const {
    for (Episode& e : cell.evaluated.episodes) decode_episode(e, chat_, cell.problems[e.problem]);
    cell.evaluated.summary =
        summarize_episodes(cell.problems, cell.evaluated.episodes, cell.judge, seed);
  }

  std::string name_;
  ModelPaths paths_;
  const OpenModel& open_;
  const Chat& chat_;
  const EvalSuiteConfig& config_;
  Launch launch_;
  EvalJournal& journal_;
};

}  // namespace

Result<EvalSuite> evaluate_suite(const EvalSuiteConfig& config, const Path& journal) {
  if (config.data.empty()) return fail("data is empty; name a data set: --data FILE");
  if (!config.models.empty() && !config.model.model.empty())
    return fail("model and models exclude each other; name all in models");
  R1_TRY(const Machine machine, Machine::open(config.compute));
  std::vector<std::string> paths = config.models;
  if (paths.empty()) paths.push_back(config.model.model);
  const std::vector<std::string> names = short_names(paths);
  R1_TRY(EvalJournal kept, EvalJournal::open(journal));
  EvalSuite suite;
  suite.protocol = describe_protocol(config);
  for (size_t i = 0; i < paths.size(); ++i) {
    ModelOptions options = config.model;
    options.model = paths[i];
    R1_TRY(const OpenModel open,
           open_model(options, machine.launch(), config.eval.engine.speculate > 0));
    R1_TRY(const Chat chat, open.chat());
    R1_TRY(const ModelPaths files, find_model(options.model, options.adapter));
    ModelEvaluation model(names[i], files, open, chat, config, machine.launch(), kept);
    for (const std::string& data : config.data) {
      R1_TRY(EvalCell cell, model.on_data(data));
      suite.cells.push_back(std::move(cell));
    }
    R1_TRY(const std::vector<AbilityScore> scores, model.general());
    for (const AbilityScore& score : scores)
      suite.general.push_back({names[i], score.name, score.higher_is_better,
                               estimate(score.values, config.seed), score.values});
  }
  compare_with_first(suite, config.seed);
  return suite;
}

}  // namespace r1
