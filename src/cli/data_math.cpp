// r1 data math: problems with worked, verified thoughts, as rows for r1 sft, r1 rl and r1 eval.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cli/data_actions.h"
#include "data/math_problem.h"
#include "data/row.h"

namespace r1 {
namespace {

struct MathVerbConfig {
  int64_t n = 1000;
  std::string output;
  MathConfig math;

  void visit(auto&& f) {
    f("n", n, "rows to write");
    math.visit(f);
    f("output", output, "the JSONL file to write; none: standard output");
  }
};

std::string row_of(const MathConfig& config, int64_t index) {
  const MathProblem math = make_math_problem(config, index);
  const nlohmann::ordered_json provenance{
      {"source", "r1 data math"}, {"seed", config.seed},         {"index", index},
      {"kind", math.kind},        {"language", math.language},   {"style", math.style},
      {"level", math.level},      {"steps", math.trace.n_steps}, {"slips", math.trace.n_slips}};
  Problem row;
  row.id = math.id;
  row.messages = {{.role = "user", .content = math.question}};
  row.completion = math.completion;
  row.answer = math.answer;
  row.difficulty = math.level;
  return write_row(row, provenance.dump());
}

Result<void> write_rows(const MathVerbConfig& config) {
  R1_RETURN_IF_ERROR(config.math.validate());
  if (config.n < 1) return fail("n is {}; it must be at least 1", config.n);
  std::string text;
  for (int64_t i = 0; i < config.n; ++i) text += row_of(config.math, i) + "\n";
  return put_rows(config.output, config.n, text);
}

}  // namespace

const Verb& math_action() {
  static const Verb action = [] {
    Verb verb{"data math",
              "the math compiler: exact problems by level, with worked thoughts to learn from",
              {"r1 data math --n 3 --levels 2 --kind expression",
               "r1 data math --n 5000 --slip_rate 0.15 --output cold.jsonl",
               "r1 data math --n 2000 --language en,fr --split test --output test.jsonl"},
              {}};
    verb.run = [verb](const std::vector<std::string>& args) {
      MathVerbConfig config;
      return run_verb(verb, config, args, write_rows);
    };
    return verb;
  }();
  return action;
}

}  // namespace r1
