// r1 eval: pass@1, cons@k, pass@k of a model on a data set.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cli/model_options.h"
#include "cli/verbs.h"
#include "data/dataset.h"
#include "data/last_digit.h"
#include "eval/by_position.h"
#include "eval/evaluate.h"
#include "train/learner.h"
#include "train/memory.h"

namespace r1 {
namespace {

struct EvalVerbConfig {
  ModelOptions model;
  std::string data = kLastDigitData;
  int64_t limit = 0;
  double temperature = 1.0, top_p = 1.0;
  uint64_t seed = 0;
  std::string json;
  std::string samples_out;
  EvalConfig eval;
  DatasetOptions columns;
  ComputeConfig compute;

  void visit(auto&& f) {
    model.visit(f);
    f("data", data, "builtin:last_digit, or a JSONL file with prompts and answers");
    f("limit", limit, "only the first so many problems; 0: all (256 of the built-in task)");
    f("temperature", temperature, "sampling temperature");
    f("top_p", top_p, "nucleus sampling");
    f("seed", seed, "of the samples");
    f("json", json, "write the summary to this file");
    f("samples_out", samples_out, "write every completion to this JSONL file");
    eval.visit([&](const char* name, auto& member, const char* help = "") {
      if constexpr (!std::is_same_v<std::remove_reference_t<decltype(member)>, SamplingParams>)
        f(name, member, help);
    });
    columns.visit(f);
    f("compute", compute);
  }
};

Result<std::vector<Problem>> read_all(const EvalVerbConfig& config) {
  std::vector<Problem> problems;
  if (config.data == kLastDigitData) {
    return held_out_last_digit_problems(config.seed, 0, config.limit > 0 ? config.limit : 256);
  }
  R1_TRY(problems, read_problems(config.data, config.columns));
  if (config.limit > 0 && config.limit < static_cast<int64_t>(problems.size()))
    problems.resize(config.limit);
  return problems;
}

Result<void> write_samples(const std::string& file, const std::vector<Episode>& episodes,
                           const std::vector<Problem>& problems) {
  std::string text;
  for (const Episode& e : episodes) {
    const nlohmann::ordered_json row{{"id", problems[e.problem].id},
                                     {"sample", e.sample},
                                     {"answer", problems[e.problem].answer},
                                     {"completion", e.text},
                                     {"reward", e.score.value},
                                     {"finished", e.finished}};
    text += row.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  }
  return write_text_atomic(file, text);
}

std::string summary_of(const EvalVerbConfig& config, const Evaluated& result,
                       const std::vector<PositionAccuracy>& positions) {
  const std::string summary = summary_to_json(result.summary);
  if (config.eval.engine.speculate == 0 && positions.empty()) return summary;
  auto json = nlohmann::ordered_json::parse(summary);
  if (config.eval.engine.speculate > 0)
    json["spec/acceptance_rate"] = result.engine.acceptance_rate();
  if (!positions.empty())
    json["by_position"] = nlohmann::ordered_json::parse(positions_to_json(positions));
  return json.dump(2);
}

Result<void> run_eval(EvalVerbConfig& config) {
  if (config.eval.reward_funcs.empty())
    return fail("reward_funcs is empty; name what counts as right");
  if (config.data == kLastDigitData) config.eval.reward_funcs[0] = "accuracy_strict";
  config.eval.sampling.temperature = static_cast<float>(config.temperature);
  config.eval.sampling.top_p = static_cast<float>(config.top_p);
  config.eval.sampling.seed = config.seed;
  R1_TRY(const RewardSet rewards, choose_rewards(config.eval.reward, config.eval.reward_funcs, {},
                                                 {config.eval.prefilled_think}));
  R1_TRY(std::vector<Problem> problems, read_all(config));
  R1_TRY(const Machine machine, Machine::open(config.compute));
  R1_TRY(const OpenModel open,
         open_model(config.model, machine.launch(), config.eval.engine.speculate > 0));
  R1_TRY(const Chat chat, open.chat());
  const int64_t max_positions = open.model().config().max_positions;
  R1_RETURN_IF_ERROR(config.eval.engine.validate(open.model()));
  R1_TRY(problems, usable_problems(std::move(problems), chat, rewards,
                                   config.eval.engine.length(max_positions), config.data,
                                   *machine.launch().pool));
  Progress progress("eval", static_cast<int64_t>(problems.size()) * config.eval.samples);
  R1_TRY(const Evaluated result,
         evaluate(open.model(), chat, problems, config.eval, open.kv_dtype, machine.launch(),
                  [&](int64_t done, int64_t) { progress.update(done, "completions"); }));
  progress.finish();
  std::printf("%s\n", describe(result.summary).c_str());
  std::printf("%s sampled tokens in %s (%s tok/s)\n",
              human_count(static_cast<double>(result.n_tokens)).c_str(),
              human_seconds(result.seconds).c_str(),
              human_count(static_cast<double>(result.n_tokens) / result.seconds).c_str());
  const bool speculates = config.eval.engine.speculate > 0;
  if (speculates) std::printf("%s\n", describe_speculation(result.engine).c_str());
  const auto positions = accuracy_by_position(problems, result.episodes);
  if (!positions.empty()) std::printf("\n%s\n", describe(positions).c_str());
  if (!config.json.empty())
    R1_RETURN_IF_ERROR(
        write_text_atomic(config.json, summary_of(config, result, positions) + "\n"));
  if (!config.samples_out.empty())
    R1_RETURN_IF_ERROR(write_samples(config.samples_out, result.episodes, problems));
  return {};
}

}  // namespace

Verb eval_verb() {
  Verb verb{"eval",
            "pass@1 with its error, cons@k and pass@k of a model on a data set",
            {"r1 eval --model runs/quickstart/zero/final --samples 16",
             "r1 eval --model DIR --data test.jsonl --samples 16 --temperature 0.6 --top_p 0.95 "
             "--json out.json"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    EvalVerbConfig config;
    return run_verb(verb, config, args, run_eval);
  };
  return verb;
}

}  // namespace r1
