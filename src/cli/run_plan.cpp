#include "cli/run_plan.h"

#include <algorithm>
#include <cmath>

#include "base/fields.h"
#include "cli/plan_machine.h"
#include "data/last_digit.h"
#include "recipes/eval_suite.h"
#include "train/distill.h"
#include "train/grpo_presets.h"
#include "train/reward_train.h"

namespace r1 {
namespace {

constexpr int64_t kBuiltInProblems = 256;  // of r1 sample and r1 eval
constexpr double kForwardShare = 1.0 / 3;  // of the FLOPs of forward and backward

/// r1 eval: what is measured, and options that only say where to write.
struct EvalOptions {
  EvalSuiteConfig suite;
  std::string markdown, html, samples_out;
  void visit(auto&& f) {
    suite.visit(f);
    f("markdown", markdown);
    f("html", html);
    f("samples_out", samples_out);
  }
};

/// r1 rl: its preset stands below all other options.
struct RlOptions {
  std::string preset, eval_data;
  int64_t eval_limit = 128;
  int eval_samples = 4;
  GrpoConfig grpo;
  void visit(auto&& f) {
    f("preset", preset);
    f("eval_data", eval_data);
    f("eval_limit", eval_limit);
    f("eval_samples", eval_samples);
    grpo.visit(f);
  }
};

int64_t limited(int64_t rows, int64_t limit) {
  return limit > 0 && rows > 0 ? std::min(rows, limit) : rows;
}

int64_t steps_of(double epochs, int64_t max_steps, int64_t rows, int64_t batch) {
  if (epochs <= 0) return max_steps;
  return rows == 0 ? 0
                   : std::max<int64_t>(1, std::llround(static_cast<double>(rows) * epochs /
                                                       static_cast<double>(batch)));
}

int64_t shorter(int64_t asked, const ModelConfig* shape) {
  const int64_t most = shape ? shape->max_positions : asked;
  return asked > 0 ? std::min(asked, most) : most;
}

std::string steps_text(int64_t steps) {
  return steps == 0 ? "steps by the rows it will get" : fmt::format("{} steps", steps);
}

}  // namespace

template <class Config>
Result<Config> StagePlanner::read(const Stage& stage, Config config) const {
  const std::string toml = resolve_config(
      stage, [&](const std::string& name) { return pipeline_.find(name)->product().string(); });
  if (auto done = apply_toml(list_fields(config), toml, "the recipe"); !done)
    return fail_with(done.error().with(fmt::format("stage {}", stage.name)));
  return config;
}

const ModelConfig* StagePlanner::shape_of(const std::string& model) {
  if (const auto it = shapes_.find(model); it != shapes_.end()) return &it->second;
  if (model.empty() || !std::filesystem::exists(model)) return nullptr;
  auto shape = open_config(model);
  return shape ? &shapes_.emplace(model, std::move(*shape)).first->second : nullptr;
}

void StagePlanner::will_be(const Stage& stage, const std::string& from) {
  if (const ModelConfig* shape = shape_of(from))
    shapes_.insert_or_assign(stage.product().string(), ModelConfig(*shape));
}

int64_t StagePlanner::rows_of(const std::string& file) const {
  if (file == kLastDigitData) return kBuiltInProblems;
  if (const auto it = rows_.find(file); it != rows_.end()) return it->second;
  const auto text = read_text(file);
  return text ? std::count(text->begin(), text->end(), '\n') : 0;
}

Result<StagePlanner::Cost> StagePlanner::cost_of(const ModelConfig& shape,
                                                 const TrainingArguments& args, int64_t length) {
  const std::string key =
      fmt::format("{} {} {} {} {} {} {} {}", shape.architecture, shape.d_model, shape.n_layers,
                  shape.n_heads, shape.d_ff, shape.vocab_size, length, args.gradient_checkpointing);
  if (const auto it = costs_.find(key); it != costs_.end()) return it->second;
  R1_TRY(const Machine machine, Machine::open(args.compute));
  StepPlan step{.config = shape, .args = args};
  step.length = length;
  step.tokens = std::max(args.micro_batch_tokens, length);
  R1_TRY(const StepForecast f, forecast_step(step, machine.launch(), limit_));
  Cost cost;
  cost.train = f.compute_seconds / static_cast<double>(step.tokens);
  cost.forward = cost.train * kForwardShare;
  cost.update = f.update_seconds;
  return costs_[key] = cost;
}

Result<void> StagePlanner::add_training(StagePlan& plan, const std::string& model,
                                        const TrainingArguments& args, int64_t steps, double tokens,
                                        int64_t length) {
  const ModelConfig* shape = shape_of(model);
  if (!shape) return {};
  R1_TRY(const Dtype dtype, held_dtype(args.dtype));
  R1_TRY(const Dtype kv_dtype, kv_dtype_of(args.kv_dtype, dtype));
  plan.bytes += static_cast<double>(plan_training(*shape, dtype, kv_dtype, args, length).total());
  R1_TRY(const Cost cost, cost_of(*shape, args, length));
  plan.seconds += static_cast<double>(steps) * (tokens * cost.train + cost.update);
  return {};
}

/// Weights that only answer: a reference, a teacher.
void StagePlanner::add_frozen(StagePlan& plan, const ModelConfig& shape,
                              const TrainingArguments& args) const {
  const auto dtype = held_dtype(args.dtype);
  if (!dtype) return;
  for (const auto& [name, n] : plan_training(shape, *dtype, *dtype, args, 1).parts) {
    if (name.ends_with("weights")) plan.bytes += static_cast<double>(n);
  }
}

/// Pages and activations.
void StagePlanner::add_engine(StagePlan& plan, const ModelConfig& shape,
                              const TrainingArguments& args, const EngineConfig& engine) const {
  const auto dtype = held_dtype(args.dtype);
  const auto kv_dtype = dtype ? kv_dtype_of(args.kv_dtype, *dtype) : dtype;
  if (!kv_dtype) return;
  plan.bytes += static_cast<double>(plan_engine(shape, *dtype, *kv_dtype, engine).total());
}

Result<StagePlan> StagePlanner::plan_pretraining(const Stage& stage) {
  PretrainConfig usual;
  usual.train.max_steps = 4000;  // as r1 pretrain
  R1_TRY(const PretrainConfig config, read(stage, usual));
  StagePlan plan;
  plan.what = fmt::format("{} steps of {} tokens", config.train.max_steps, config.tokens_per_step);
  if (!config.model.empty() && !shape_of(config.model)) return plan;
  if (!config.model.empty() && shapes_.contains(config.model)) {
    will_be(stage, config.model);
  } else {
    R1_TRY(const MachineRequest request, plan_request(config, stage.name));
    shapes_.insert_or_assign(stage.product().string(), request.plan.config);
  }
  plan.is_at_most = false;
  const std::string product = stage.product().string();
  R1_RETURN_IF_ERROR(add_training(plan, product, config.train, config.train.max_steps,
                                  static_cast<double>(config.tokens_per_step),
                                  shorter(config.max_length, shape_of(product))));
  return plan;
}

Result<StagePlan> StagePlanner::plan_tuning(const Stage& stage) {
  R1_TRY(const SftConfig config, read<SftConfig>(stage));
  const int64_t rows = rows_of(config.data);
  const int64_t steps =
      steps_of(config.num_train_epochs, config.train.max_steps, rows, config.train_batch_size);
  const int64_t length = shorter(config.max_length, shape_of(config.model));
  StagePlan plan;
  plan.what = steps_text(steps);
  if (config.num_train_epochs > 0 && rows > 0)
    plan.what += fmt::format(", {:g} epochs of {} rows", config.num_train_epochs, rows);
  R1_RETURN_IF_ERROR(add_training(plan, config.model, config.train, steps,
                                  static_cast<double>(config.train_batch_size * length), length));
  will_be(stage, config.model);
  return plan;
}

Result<StagePlan> StagePlanner::plan_rl(const Stage& stage) {
  R1_TRY(const RlOptions probe, read<RlOptions>(stage));
  RlOptions below;
  R1_RETURN_IF_ERROR(apply_rl_preset(below.grpo, probe.preset));
  R1_TRY(const RlOptions options, read(stage, below));
  const GrpoConfig& config = options.grpo;
  StagePlan plan;
  plan.what = fmt::format("{} steps of {} x {} completions", config.train.max_steps,
                          config.train_batch_size, config.num_generations);
  const ModelConfig* shape = shape_of(config.model);
  if (!shape) return plan;
  const int64_t length = config.engine.length(shape->max_positions);
  const double tokens =
      static_cast<double>(config.train_batch_size * config.num_generations * length);
  R1_RETURN_IF_ERROR(add_training(plan, config.model, config.train, config.train.max_steps,
                                  tokens * config.num_iterations, length));
  R1_TRY(const Cost cost, cost_of(*shape, config.train, length));
  plan.seconds += static_cast<double>(config.train.max_steps) * tokens * cost.forward;
  add_engine(plan, *shape, config.train, config.engine);
  if (config.beta != 0) add_frozen(plan, *shape, config.train);
  will_be(stage, config.model);
  return plan;
}

Result<StagePlan> StagePlanner::plan_distillation(const Stage& stage) {
  DistillConfig usual;
  usual.sample.config.samples = 2;  // as r1 distill
  R1_TRY(const DistillConfig config, read(stage, usual));
  const SampleConfig& traces = config.sample.config;
  const bool is_text = config.method == "traces";
  int64_t rows = limited(rows_of(config.data), traces.limit);
  if (config.data == kLastDigitData && traces.limit > 0) rows = traces.limit;
  const int64_t asked = rows * traces.samples;
  if (is_text)
    rows *= traces.max_per_problem > 0 ? std::min(traces.samples, traces.max_per_problem)
                                       : traces.samples;
  const int64_t steps =
      steps_of(config.num_train_epochs, config.train.max_steps, rows, config.train_batch_size);
  StagePlan plan;
  plan.what = config.method + ", " + steps_text(steps);
  if (is_text && asked > 0) plan.what += fmt::format(", {} completions of the teacher", asked);
  const ModelConfig *student = shape_of(config.model), *teacher = shape_of(config.teacher);
  if (!student || !teacher) return plan;
  const int64_t length = shorter(config.max_length, student);
  const double tokens = static_cast<double>(config.train_batch_size * length);
  R1_RETURN_IF_ERROR(add_training(plan, config.model, config.train, steps, tokens, length));
  add_frozen(plan, *teacher, config.train);
  R1_TRY(const Cost taught, cost_of(*teacher, config.train, shorter(0, teacher)));
  plan.seconds += taught.forward * (is_text ? static_cast<double>(asked * traces.max_tokens)
                                            : static_cast<double>(steps) * tokens);
  will_be(stage, config.model);
  return plan;
}

Result<StagePlan> StagePlanner::plan_reward(const Stage& stage) {
  R1_TRY(const RewardTrainConfig config, read<RewardTrainConfig>(stage));
  const int64_t rows = rows_of(config.data);
  const int64_t steps =
      steps_of(config.num_train_epochs, config.train.max_steps, rows, config.train_batch_size);
  const int64_t length = shorter(config.max_length, shape_of(config.model));
  StagePlan plan;
  plan.what = steps_text(steps);
  R1_RETURN_IF_ERROR(add_training(plan, config.model, config.train, steps,
                                  static_cast<double>(2 * config.train_batch_size * length),
                                  length));
  return plan;
}

Result<StagePlan> StagePlanner::plan_sampling(const Stage& stage) {
  R1_TRY(const SampleConfig config, read<SampleConfig>(stage));
  int64_t rows = limited(rows_of(config.data), config.limit);
  if (config.data == kLastDigitData && config.limit > 0) rows = config.limit;
  StagePlan plan;
  plan.what = fmt::format("{} completions of each of {} problems", config.samples, rows);
  const int most = config.max_per_problem > 0 ? std::min(config.samples, config.max_per_problem)
                                              : config.samples;
  rows_[stage.product().string()] =
      config.mix_count +
      std::llround(static_cast<double>(rows * most) / std::max(0.01, 1 - config.mix_share));
  const ModelConfig* shape = config.url.empty() ? shape_of(config.model.model) : nullptr;
  if (!shape) return plan;
  TrainingArguments args;
  args.compute = config.compute;
  R1_TRY(const Cost cost, cost_of(*shape, args, shorter(0, shape)));
  plan.seconds = static_cast<double>(rows * config.samples * config.max_tokens) * cost.forward;
  add_frozen(plan, *shape, args);
  add_engine(plan, *shape, args, config.engine);
  return plan;
}

Result<StagePlan> StagePlanner::plan_evaluation(const Stage& stage) {
  R1_TRY(EvalOptions config, read<EvalOptions>(stage));
  EvalSuiteConfig& suite = config.suite;
  R1_RETURN_IF_ERROR(suite.apply_preset());
  if (!suite.model.model.empty()) suite.models.push_back(suite.model.model);
  int64_t rows = 0;
  for (const std::string& data : suite.data) {
    const bool is_built_in = data == kLastDigitData && suite.limit > 0;
    rows += is_built_in ? suite.limit : limited(rows_of(data), suite.limit);
  }
  StagePlan plan;
  plan.what = fmt::format("{} models, {} completions of each of {} problems", suite.models.size(),
                          suite.eval.samples, rows);
  TrainingArguments args;
  args.compute = suite.compute;
  for (const std::string& model : suite.models) {
    const ModelConfig* shape = shape_of(model);
    if (!shape) return plan;
    R1_TRY(const Cost cost, cost_of(*shape, args, shorter(0, shape)));
    plan.seconds +=
        static_cast<double>(rows * suite.eval.samples * suite.eval.max_tokens) * cost.forward;
    StagePlan one;
    add_frozen(one, *shape, args);
    add_engine(one, *shape, args, suite.eval.engine);
    plan.bytes = std::max(plan.bytes, one.bytes);
  }
  return plan;
}

/// How many rows it writes, where its option says so.
Result<StagePlan> StagePlanner::plan_data(const Stage& stage) {
  const std::string config = "\n" + stage.config;
  const size_t at = config.find("\nn = ");
  const int64_t n = at == std::string::npos ? 1000 : std::atoll(config.c_str() + at + 5);
  if (stage.verb == "data filter") return StagePlan{.what = "rows that pass"};
  rows_[stage.product().string()] = n;
  return StagePlan{.what = fmt::format("{} rows", n)};
}

Result<void> StagePlanner::check(const Stage& stage) const {
  const auto outcome = [](const auto& read) {
    return read ? Result<void>{} : Result<void>(fail_with(read.error()));
  };
  if (stage.verb == "pretrain") return outcome(read<PretrainConfig>(stage));
  if (stage.verb == "sft") return outcome(read<SftConfig>(stage));
  if (stage.verb == "rl") return outcome(read<RlOptions>(stage));
  if (stage.verb == "distill") return outcome(read<DistillConfig>(stage));
  if (stage.verb == "reward train") return outcome(read<RewardTrainConfig>(stage));
  if (stage.verb == "sample") return outcome(read<SampleConfig>(stage));
  if (stage.verb == "eval") return outcome(read<EvalOptions>(stage));
  return {};
}

Result<StagePlan> StagePlanner::plan(const Stage& stage) {
  if (stage.verb == "pretrain") return plan_pretraining(stage);
  if (stage.verb == "sft") return plan_tuning(stage);
  if (stage.verb == "rl") return plan_rl(stage);
  if (stage.verb == "distill") return plan_distillation(stage);
  if (stage.verb == "reward train") return plan_reward(stage);
  if (stage.verb == "sample") return plan_sampling(stage);
  if (stage.verb == "eval") return plan_evaluation(stage);
  return plan_data(stage);
}

}  // namespace r1
