#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data/cursor.h"
#include "train/examples.h"
#include "train/memory.h"
#include "train/pretrain.h"
#include "train/supervised.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

/// All rows as examples; too long ones are left out and counted.
Result<std::vector<TokenSequence>> read_examples(const SftConfig& config, const Chat& chat,
                                                 int64_t max_length) {
  R1_TRY(const std::vector<Problem> problems, read_problems(config.data, config.columns));
  std::vector<TokenSequence> examples;
  int64_t n_long = 0, n_empty = 0;
  for (size_t i = 0; i < problems.size(); ++i) {
    if (problems[i].completion.empty()) {
      ++n_empty;
      continue;
    }
    auto example = config.assistant_only_loss ? conversation_example(chat, problems[i])
                                              : answer_example(chat, problems[i]);
    if (!example)
      return fail_with(example.error().with(fmt::format("{}: row {}", config.data, i + 1)));
    if (static_cast<int64_t>(example->tokens.size()) > max_length) {
      ++n_long;
    } else {
      examples.push_back(std::move(*example));
    }
  }
  if (examples.empty()) {
    return fail(
        "{}: no row can be learned from: of {}, {} have no answer to write (name its column with "
        "--completion_column) and {} are longer than {} tokens",
        config.data, problems.size(), n_empty, n_long, max_length);
  }
  if (n_long > 0)
    log_warn("{}: {} rows are longer than {} tokens and are left out", config.data, n_long,
             max_length);
  if (n_empty > 0)
    log_warn("{}: {} rows have no answer to learn and are left out", config.data, n_empty);
  return examples;
}

/// Rows of the longest example.
int64_t longest(const std::vector<TokenSequence>& examples) {
  size_t n = 2;
  for (const TokenSequence& example : examples) n = std::max(n, example.tokens.size());
  return static_cast<int64_t>(n) - 1;
}

}  // namespace

Result<StageReport> sft(SftConfig config, const Evaluation& evaluation, int64_t eval_steps) {
  TrainingArguments& args = config.train;
  if (config.model.empty()) return fail("model is not set; name a model folder: --model DIR");
  if (config.data.empty()) return fail("data is not set; name a JSONL file: --data FILE");
  if (config.train_batch_size < 1)
    return fail("train_batch_size is {}; it must be at least 1", config.train_batch_size);
  R1_TRY(const Machine machine, Machine::open(args.compute));
  R1_TRY(const TrainedModel from, find_trained(config.model, config.adapters, config.train));
  R1_TRY(const Chat chat, Chat::open(from.paths.words, from.shape));
  const int64_t limit = from.shape.max_positions;
  const int64_t max_length = config.max_length > 0 ? std::min(config.max_length, limit) : limit;
  R1_TRY(const std::vector<TokenSequence> examples, read_examples(config, chat, max_length));
  if (config.num_train_epochs > 0) {
    const double rows = static_cast<double>(examples.size()) * config.num_train_epochs;
    args.max_steps =
        std::max<int64_t>(1, std::llround(rows / static_cast<double>(config.train_batch_size)));
  }
  R1_TRY(Run run, Run::open(args, to_toml(list_fields(config)),
                            {config.model, from.paths.base, from.paths.adapter}));
  R1_TRY(LoadedModel loaded, load_trained(from, config.adapters, args, run, machine.launch()));
  Transformer& model = *loaded.model;
  R1_TRY(const Dtype kv_dtype, kv_dtype_of(args.kv_dtype, model.dtype()));
  log_memory(plan_training(model, kv_dtype, args, longest(examples)));
  Learner learner(model, args.optimizer, kv_dtype, args.gradient_checkpointing, machine.launch());

  DataCursor cursor(static_cast<int64_t>(examples.size()), args.seed);
  if (run.resumed()) {
    R1_RETURN_IF_ERROR(run.restore(learner));
    const Json state = Json::parse(run.loop_state(), nullptr, false);
    R1_RETURN_IF_ERROR(
        cursor.resume(state.value("epoch", int64_t{0}), state.value("position", int64_t{0})));
  }
  SupervisedPlan plan;
  plan.title = "sft";
  plan.mtp = config.mtp;
  plan.share_done = [&](int64_t step) {
    return static_cast<double>(step) / static_cast<double>(args.max_steps);
  };
  plan.next = [&]() -> Result<std::vector<TokenSequence>> {
    std::vector<TokenSequence> step;
    for (int64_t i = 0; i < config.train_batch_size; ++i) step.push_back(examples[cursor.next()]);
    return step;
  };
  plan.rate = [&](int64_t step) { return *scheduled_rate(args, step); };
  plan.is_done = [&](int64_t step) { return step >= args.max_steps; };
  plan.state = [&] {
    return Json{{"epoch", cursor.epoch()}, {"position", cursor.position()}}.dump();
  };
  R1_RETURN_IF_ERROR(
      add_evaluation(plan, evaluation, eval_steps, {run, model, chat, machine, args.max_steps}));
  return run_supervised(run, learner, loaded.assets, args, plan);
}

}  // namespace r1
