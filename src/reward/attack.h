// Strings that try to cheat a reward, and how many of them it accepts.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "reward/settings.h"

namespace r1 {

/// A completion that a reward must not accept, and the problem that it pretends to solve.
struct Attack {
  std::string family;  // what it tries
  std::string text;
  std::string prompt = {}, gold = {};
  bool finished = true, opens_think = false;
  std::vector<std::pair<std::string, std::string>> columns = {};  // of the row, as JSON
};

/// What is tried on one kind of reward. Each is made of families, at least 200 strings in all.
std::vector<Attack> answer_attacks();
std::vector<Attack> choice_attacks();
std::vector<Attack> format_attacks();
std::vector<Attack> language_attacks();
std::vector<Attack> last_digit_attacks();
std::vector<Attack> repetition_attacks();
std::vector<Attack> overlong_attacks();
std::vector<Attack> steps_attacks();
std::vector<Attack> code_attacks();  // these are run: a minute on two cores

/// What is tried on a reward of that name; other names get the attacks on final answers.
std::vector<Attack> attacks_on(const std::string& name);

/// The row that an attack stands in.
Problem attack_problem(const Attack& attack);

/// The value from which a completion counts as accepted by the reward of that name.
double accepted_from(const std::string& name);

struct AttackReport {
  std::string name;
  size_t n_tried = 0;
  struct Passed {
    Attack attack;
    double value = 0;
    std::string reason;
  };
  std::vector<Passed> passed;
};

/// Tries every attack on one reward (see parse_reward).
Result<AttackReport> run_attack(const std::string& reward, const RewardOptions& common,
                                ThreadPool& pool);

}  // namespace r1
