// r1 reward: check rewards on recorded answers, attack them.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cli/actions.h"
#include "cli/reward_train.h"
#include "cli/verbs.h"
#include "reward/attack.h"
#include "reward/check.h"
#include "reward/registry.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;
constexpr auto kReplace = Json::error_handler_t::replace;

struct CheckConfig {
  std::vector<std::string> reward;
  std::string data;
  bool json = false, only_wrong = false;
  int64_t limit = 0;
  RewardOptions options;
  void visit(auto&& f) {
    f("reward", reward, "names, NAME;key=value;…, or [[reward]] tables of --config FILE.toml");
    f("data", data,
      "JSONL: gold and answer, or answer and completion (prompt: if the reward asks)");
    f("json", json, "one JSON object a row instead of a table");
    f("only_wrong", only_wrong, "only rows whose label (equal, expected, is_correct) disagrees");
    f("limit", limit, "only the first so many rows; 0: all");
    options.visit(f);
  }
};

struct AttackConfig {
  std::vector<std::string> reward;
  bool json = false;
  int show = 10;
  RewardOptions options{false, true};
  void visit(auto&& f) {
    f("reward", reward, "as in r1 reward check; none: every built-in reward");
    f("json", json, "one JSON object instead of a table, with every string that passed");
    f("show", show, "strings that passed to print for each reward");
    options.visit(f);
  }
};

/// One line, at most so many bytes, control characters and breaks as escapes.
std::string one_line(const std::string& text, size_t most) {
  std::string line = Json(text).dump(-1, ' ', false, kReplace);
  line = line.substr(1, line.size() - 2);
  if (line.size() <= most) return line;
  line.resize(most);
  while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0x80)) line.pop_back();
  return line + "…";
}

/// Unlike dump's NaN → null this says why: there is no verdict.
Json value_json(const Verdict& verdict) {
  return verdict.valid ? Json(verdict.value) : Json(nullptr);
}

void print_row(const CheckRow& row, const RewardSet& rewards, const std::vector<Verdict>& verdicts,
               bool as_json) {
  if (!as_json) {
    for (size_t r = 0; r < verdicts.size(); ++r) {
      const Verdict& v = verdicts[r];
      std::printf("%-16s %-16s %8s  %s\n", one_line(row.problem.id, 16).c_str(),
                  rewards.specs()[r].name.c_str(),
                  v.valid ? fmt::format("{:.4g}", v.value).c_str() : "none",
                  one_line(v.reason, 120).c_str());
    }
    return;
  }
  Json out{{"id", row.problem.id}};
  for (size_t r = 0; r < verdicts.size(); ++r) {
    out["rewards"][rewards.specs()[r].name] = {{"value", value_json(verdicts[r])},
                                               {"reason", verdicts[r].reason},
                                               {"extracted", verdicts[r].extracted},
                                               {"reference", verdicts[r].reference}};
  }
  if (row.label) out["label"] = *row.label;
  std::printf("%s\n", out.dump(-1, ' ', false, kReplace).c_str());
}

Result<void> check(const CheckConfig& config) {
  if (config.reward.empty()) return fail("no reward is named: --reward NAME\n{}", reward_help());
  if (config.data.empty()) return fail("no data is named: --data FILE.jsonl");
  R1_TRY(const RewardSet rewards, make_rewards(config.reward, {}, config.options));
  R1_TRY(const std::vector<CheckRow> rows, read_check_rows(config.data, config.limit));
  std::vector<Ask> asks;
  for (const CheckRow& row : rows)
    asks.push_back({&row.problem, {row.text, row.is_finished, row.opens_think}});
  ThreadPool pool(usable_cores());
  std::vector<std::vector<Verdict>> verdicts(rows.size());
  const Timer timer;
  for (const RewardSpec& spec : rewards.specs()) {
    const auto all = spec.reward->score_all(asks, pool);
    for (size_t i = 0; i < all.size(); ++i) verdicts[i].push_back(all[i]);
  }
  const double seconds = timer.seconds();
  const CheckSummary summary = summarize_check(rows, verdicts);
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool agrees = !rows[i].label || agrees_with_label(verdicts[i][0], *rows[i].label);
    if (!config.only_wrong || !agrees) print_row(rows[i], rewards, verdicts[i], config.json);
  }
  std::fprintf(config.json ? stderr : stdout, "%s, %.4f ms a row\n", describe(summary).c_str(),
               1e3 * seconds / static_cast<double>(rows.size()));
  return {};
}

Json report_json(const AttackReport& report) {
  Json passed = Json::array();
  for (const auto& p : report.passed) {
    passed.push_back({{"family", p.attack.family},
                      {"text", p.attack.text},
                      {"gold", p.attack.gold},
                      {"finished", p.attack.finished},
                      {"opens_think", p.attack.opens_think},
                      {"value", p.value},
                      {"reason", p.reason}});
  }
  return {{"reward", report.name},
          {"tried", report.n_tried},
          {"accepted", report.passed.size()},
          {"rate", static_cast<double>(report.passed.size()) / static_cast<double>(report.n_tried)},
          {"passed", passed}};
}

void print_report(const AttackReport& report, int show) {
  std::printf("%-20s %6zu tried %6zu accepted  %.4f\n", report.name.c_str(), report.n_tried,
              report.passed.size(),
              static_cast<double>(report.passed.size()) / static_cast<double>(report.n_tried));
  for (size_t i = 0; i < report.passed.size() && i < static_cast<size_t>(std::max(0, show)); ++i) {
    const auto& p = report.passed[i];
    std::printf("    %s, gold %s, value %.3g: %s\n", p.attack.family.c_str(), p.attack.gold.c_str(),
                p.value, one_line(p.attack.text, 160).c_str());
  }
}

Result<void> attack(const AttackConfig& config) {
  const auto names = config.reward.empty() ? builtin_rewards() : config.reward;
  ThreadPool pool(usable_cores());
  Json all = Json::array();
  size_t n_tried = 0, n_passed = 0;
  for (const std::string& name : names) {
    R1_TRY(const AttackReport report, run_attack(name, config.options, pool));
    n_tried += report.n_tried;
    n_passed += report.passed.size();
    if (config.json) {
      all.push_back(report_json(report));
    } else {
      print_report(report, config.show);
    }
  }
  if (config.json) std::printf("%s\n", all.dump(2, ' ', false, kReplace).c_str());
  if (n_passed == 0 || !config.options.strict) return {};
  return fail("{} of {} strings that must not be accepted were", n_passed, n_tried);
}

const std::vector<Action>& actions() {
  static const std::vector<Action> all = {
      reward_train_action(),
      {{"reward check",
        "what a reward says about recorded answers, and why",
        {"r1 reward check --reward accuracy --data answers.jsonl",
         "r1 reward check --reward 'length;max_length=4000' --data answers.jsonl --json",
         "r1 reward check --config rewards.toml --data answers.jsonl"},
        {}},
       [](const Verb& verb, const std::vector<std::string>& args) {
         CheckConfig config;
         return run_verb(verb, config, args, check);
       }},
      {{"reward attack",
        "how many of hundreds of cheating strings a reward accepts",
        {"r1 reward attack", "r1 reward attack --reward accuracy,format --no-strict --show 20",
         "r1 reward attack --reward 'process;command=python3 examples/run_reward.py my.py'"},
        {}},
       [](const Verb& verb, const std::vector<std::string>& args) {
         AttackConfig config;
         return run_verb(verb, config, args, attack);
       }}};
  return all;
}

}  // namespace

Verb reward_verb() {
  Verb verb{
      "reward", "train a reward model; check rewards on recorded answers, attack them", {}, {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    return run_actions(verb, actions(), args, "The rewards are\n\n" + reward_help());
  };
  return verb;
}

}  // namespace r1
