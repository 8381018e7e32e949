#include "reward/attack.h"

#include "reward/registry.h"

namespace r1 {
namespace {

struct Kind {
  const char* name;
  std::vector<Attack> (*attacks)();
  double accepted_from;
};
/// Rewards of a share count as cheated near their full mark, penalties when hardly any is paid.
constexpr Kind kKinds[] = {
    {"choice", choice_attacks, 1e-9},
    {"code", code_attacks, 1e-9},
    {"format", format_attacks, 1},
    {"format_r1", format_attacks, 1},
    {"format_open_r1", format_attacks, 1},
    {"format_tag_count", format_attacks, 1},
    {"language", language_attacks, 0.9},
    {"last_digit_language", last_digit_attacks, 0.9},
    {"repetition", repetition_attacks, -0.5},
    {"overlong", overlong_attacks, -1 + 1e-9},
    {"reasoning_steps", steps_attacks, 1},
};

const Kind* find_kind(const std::string& name) {
  for (const Kind& kind : kKinds) {
    if (name == kind.name) return &kind;
  }
  return nullptr;
}

}  // namespace

Problem attack_problem(const Attack& attack) {
  Problem problem;
  problem.id = attack.family;
  problem.messages = {{}};
  problem.messages[0].role = "user";
  problem.messages[0].content = attack.prompt;
  problem.answer = attack.gold;
  for (const auto& [name, value] : attack.columns) problem.columns[name] = value;
  return problem;
}

std::vector<Attack> attacks_on(const std::string& name) {
  const Kind* kind = find_kind(name);
  return kind ? kind->attacks() : answer_attacks();
}

double accepted_from(const std::string& name) {
  const Kind* kind = find_kind(name);
  return kind ? kind->accepted_from : 1e-9;
}

Result<AttackReport> run_attack(const std::string& reward, const RewardOptions& common,
                                ThreadPool& pool) {
  R1_TRY(const RewardSettings settings, parse_reward(reward, common));
  R1_TRY(const RewardSet rewards, make_rewards({reward}, {}, common));
  const std::vector<Attack> attacks = attacks_on(settings.name);
  std::vector<Problem> problems;
  for (const Attack& attack : attacks) problems.push_back(attack_problem(attack));
  std::vector<Ask> asks;
  for (size_t i = 0; i < attacks.size(); ++i) {
    asks.push_back({&problems[i], {attacks[i].text, attacks[i].finished, attacks[i].opens_think}});
  }
  const std::vector<Verdict> verdicts = rewards.specs()[0].reward->score_all(asks, pool);
  AttackReport report{settings.label, attacks.size(), {}};
  const double limit = accepted_from(settings.name);
  for (size_t i = 0; i < attacks.size(); ++i) {
    if (verdicts[i].valid && verdicts[i].value >= limit)
      report.passed.push_back({attacks[i], verdicts[i].value, verdicts[i].reason});
  }
  return report;
}

}  // namespace r1
