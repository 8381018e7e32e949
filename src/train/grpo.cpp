#include "train/grpo.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "train/memory.h"
#include "train/policy.h"
#include "train/prompts.h"
#include "train/supervised.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

Result<void> write_samples(Run& run, int64_t step, const std::vector<Episode>& episodes,
                           const std::vector<Problem>& problems,
                           const std::vector<double>& advantages, int n) {
  for (int i = 0; i < n && i < static_cast<int>(problems.size()); ++i) {
    const size_t index = static_cast<size_t>(i) * (episodes.size() / problems.size());
    const Episode& e = episodes[index];
    Json sample{{"prompt", problems[e.problem].messages.back().content},
                {"completion", e.text},
                {"answer", problems[e.problem].answer},
                {"reward", e.score.value},
                {"advantage", advantages[index]},
                {"finished", e.finished}};
    for (const auto& [name, value] : e.score.parts) sample["rewards/" + name] = value;
    R1_RETURN_IF_ERROR(
        run.record_sample(step, sample.dump(-1, ' ', false, Json::error_handler_t::replace)));
  }
  return {};
}

std::vector<NamedTensor> reference_tensors(const Transformer* reference) {
  std::vector<NamedTensor> tensors;
  if (!reference) return tensors;
  for (const Parameter* p : reference->store().parameters())
    tensors.push_back({"reference." + p->name, p->weight});
  return tensors;
}

/// What one run of GRPO works with; grpo() below owns it.
struct GrpoRun {
  const GrpoConfig& config;
  const Evaluation& evaluation;
  const Machine& machine;
  Run& run;
  LoadedModel& loaded;
  const Chat& chat;
  Prompts& prompts;
  Learner& learner;
  Policy& policy;
  const RewardSet& rewards;
  std::unique_ptr<Transformer>& reference;  // null when beta is 0 or the base is the reference
  Aggregation aggregation;
  ScaleRewards scaling;
  FlopCount flops;
  double peak;
  StageReport report = {};
  double evaluation_seconds = 0;
  int64_t n_flat_steps = 0;

  Transformer& model() { return *loaded.model; }
  Result<void> restore();
  Result<void> evaluate(int64_t step, Metrics& metrics);
  Result<void> step(int64_t step, Progress& progress);
  Result<void> write(int64_t done, const Metrics& metrics, const Metrics& timing,
                     const std::vector<Episode>& episodes, const std::vector<Problem>& problems,
                     const std::vector<double>& advantages);
  Result<void> save(int64_t done) {
    return run.save(done, learner, loaded.assets, prompts.state(),
                    reference_tensors(reference.get()));
  }
  void sync_reference() {
    reference->copy_weights_from(model());
    reference->refresh(machine.launch());
  }
};

Result<void> GrpoRun::restore() {
  if (run.resumed()) {
    R1_RETURN_IF_ERROR(run.restore(learner));
    R1_RETURN_IF_ERROR(prompts.resume(run.loop_state()));
    for (const NamedTensor& t : reference_tensors(reference.get())) {
      R1_RETURN_IF_ERROR(run.resumed()->read(t.name, t.tensor));
    }
    if (reference) reference->refresh(machine.launch());
    return {};
  }
  if (reference) sync_reference();
  Metrics before;
  R1_RETURN_IF_ERROR(evaluate(0, before));
  return before.empty() ? Result<void>{} : run.record(0, before);
}

Result<void> GrpoRun::evaluate(int64_t step, Metrics& metrics) {
  const bool due = evaluation && config.eval_steps > 0 &&
                   (step % config.eval_steps == 0 || step == config.train.max_steps);
  if (!due) return {};
  const Timer clock;
  R1_TRY(const Metrics more, evaluation(step, model(), chat, machine));
  metrics.insert(metrics.end(), more.begin(), more.end());
  evaluation_seconds += clock.seconds();
  return {};
}

std::optional<double> find(const Metrics& metrics, const char* name) {
  const auto it =
      std::find_if(metrics.begin(), metrics.end(), [&](const auto& m) { return m.first == name; });
  if (it == metrics.end()) return std::nullopt;
  return it->second;
}

Result<void> GrpoRun::write(int64_t done, const Metrics& metrics, const Metrics& timing,
                            const std::vector<Episode>& episodes,
                            const std::vector<Problem>& problems,
                            const std::vector<double>& advantages) {
  const bool evaluated = find(metrics, "eval/pass@1").has_value();  // never lost between lines
  if (done % config.train.logging_steps != 0 && !evaluated) return {};
  R1_RETURN_IF_ERROR(run.record(done, metrics));
  R1_RETURN_IF_ERROR(run.record_timing(done, timing));
  return write_samples(run, done, episodes, problems, advantages, config.num_completions_to_print);
}

/// problems → rollout → reward → advantage → loss → update
Result<void> GrpoRun::step(int64_t step, Progress& progress) {
  const Timer timer;
  const int64_t done = step + 1;
  const std::vector<Problem> problems = prompts.next(step);
  R1_TRY(const std::vector<Episode> episodes, policy.sample(problems, step));
  const double sampled = timer.seconds();
  std::vector<double> advantages;
  Rollout rollout = make_rollout(episodes, config, rewards, aggregation, scaling, &advantages);
  policy.score_reference(rollout);
  R1_TRY(const double rate, scheduled_rate(config.train, step));
  auto metrics = policy.update(rollout, step, rate);
  if (!metrics) return fail_with(run.diverged(done, problems.front().id + " …", metrics.error()));
  metrics->insert(metrics->end(), rollout.metrics.begin(), rollout.metrics.end());
  const double seconds = timer.seconds();
  R1_RETURN_IF_ERROR(evaluate(done, *metrics));
  report.tokens += rollout.n_tokens;
  n_flat_steps += rollout.trajectories.empty();

  const double n_tokens = static_cast<double>(rollout.n_tokens);
  const double mean_length = n_tokens / static_cast<double>(episodes.size());
  double n_trained = 0;
  for (const Trajectory& t : rollout.trajectories) {
    n_trained += static_cast<double>(t.sequence.tokens.size());
  }
  const double work = flops.train(n_trained * config.num_iterations, mean_length) +
                      flops.forward(n_tokens, mean_length);
  const double share = work / seconds / peak;
  R1_RETURN_IF_ERROR(write(done, *metrics,
                           {{"step_time", seconds},
                            {"timing_s/gen", sampled},
                            {"perf/throughput", n_tokens / seconds},
                            {"perf/mfu", share}},
                           episodes, problems, advantages));
  progress.update(done,
                  fmt::format("reward {:.3f} · length {:.0f} · {} tok/s · {:.0f}% of peak",
                              *find(*metrics, "reward"), *find(*metrics, "completions/mean_length"),
                              human_count(n_tokens / seconds), 100 * share));
  const int64_t sync = config.ref_model_sync_steps;
  if (reference && sync > 0 && done % sync == 0) sync_reference();
  return {};
}

void log_plan(const GrpoConfig& config, const Transformer& model, Dtype kv_dtype,
              int64_t max_length, const Transformer* reference) {
  MemoryPlan memory = plan_training(model, kv_dtype, config.train, max_length);
  const MemoryPlan sampler = plan_engine(model, kv_dtype, config.engine);
  memory.parts.insert(memory.parts.end(), sampler.parts.begin(), sampler.parts.end());
  if (reference) {
    memory.parts.emplace_back("reference", reference->store().n_bytes() + reference->panel_bytes());
  }
  log_memory(memory);
}

Result<StageReport> train(GrpoRun& r) {
  const TrainingArguments& args = r.config.train;
  const Timer timer;
  R1_RETURN_IF_ERROR(r.restore());
  Progress progress("rl", args.max_steps);
  const int64_t first = r.run.first_step();
  int64_t saved = first;
  for (int64_t step = first; step < args.max_steps; ++step) {
    R1_RETURN_IF_ERROR(r.step(step, progress));
    const int64_t done = step + 1;
    if (args.save_steps > 0 && done % args.save_steps == 0) {
      R1_RETURN_IF_ERROR(r.save(done));
      saved = done;
    }
  }
  progress.finish();
  const int64_t last = std::max(first, args.max_steps);
  if (last != saved) R1_RETURN_IF_ERROR(r.save(last));
  R1_RETURN_IF_ERROR(r.run.save_final(r.model(), r.loaded.assets));
  if (r.n_flat_steps > 0 && r.n_flat_steps == last - first) {
    log_warn(
        "the weights did not change: within every group all rewards were equal; see samples.jsonl, "
        "then try easier problems, a higher max_completion_length, or another of --reward_funcs");
  }
  r.report.steps = last;
  r.report.seconds = timer.seconds() - r.evaluation_seconds;
  r.report.model = (r.run.folder() / "final").string();
  return r.report;
}

/// An adapted model is its own reference, which never changes.
Result<void> check_reference(const GrpoConfig& config, const TrainedModel& from) {
  if (!from.is_adapted || config.beta == 0 || config.ref_model_sync_steps == 0) return {};
  return fail(
      "ref_model_sync_steps is {}, but with an adapter the frozen base is the reference: "
      "set it to 0",
      config.ref_model_sync_steps);
}

Result<void> check_mtp(const GrpoConfig& config, const Transformer& model) {
  if (!(config.mtp_loss_weight >= 0)) {
    return fail("mtp_loss_weight is {}; it must be 0 (off) or more", config.mtp_loss_weight);
  }
  if (config.mtp_loss_weight == 0) return {};
  if (model.adapted()) {
    return fail("mtp_loss_weight is {}, but an adapter learns and the modules do not: set it to 0",
                config.mtp_loss_weight);
  }
  if (!model.mtp().empty()) return {};
  return fail("mtp_loss_weight is {}, but the model has no module for multi-token prediction",
              config.mtp_loss_weight);
}

}  // namespace

Result<void> GrpoConfig::validate() const {
  if (model.empty()) return fail("model is not set; name a model folder: --model DIR");
  if (num_generations < 2)
    return fail("num_generations is {}; a group needs at least 2", num_generations);
  if (train_batch_size < 1)
    return fail("train_batch_size is {}; it must be at least 1", train_batch_size);
  if (max_completion_length < 1)
    return fail("max_completion_length is {}; it must be at least 1", max_completion_length);
  if (num_iterations < 1 || num_mini_batches < 1)
    return fail("num_iterations and num_mini_batches must be at least 1");
  if (epsilon < 0 || epsilon_high < 0 || beta < 0)
    return fail("epsilon, epsilon_high and beta must not be negative");
  if (!(sampling.temperature > 0))
    return fail("sampling.temperature is {}; RL needs it above 0", sampling.temperature);
  return {};
}

Result<StageReport> grpo(GrpoConfig config, const Evaluation& evaluation) {
  const TrainingArguments& args = config.train;
  R1_RETURN_IF_ERROR(config.validate());
  R1_TRY(const Aggregation aggregation, parse_aggregation(config.loss_type));
  R1_TRY(const ScaleRewards scaling, parse_scale_rewards(config.scale_rewards));
  R1_TRY(const RewardSet rewards, choose_rewards(config.reward, config.reward_funcs,
                                                 config.reward_weights, {config.prefilled_think}));
  R1_TRY(Machine machine, Machine::open(args.compute));
  R1_TRY(const TrainedModel from, find_trained(config.model, config.adapters, config.train));
  R1_RETURN_IF_ERROR(check_reference(config, from));
  R1_TRY(Run run, Run::open(args, to_toml(list_fields(config)),
                            {config.model, from.paths.base, from.paths.adapter}));
  const Launch launch = machine.launch();
  R1_TRY(LoadedModel loaded,
         load_trained(from, config.adapters, args, run, launch, config.engine.speculate > 0));
  Transformer& model = *loaded.model;
  R1_TRY(const Chat chat, Chat::open(from.paths.words, model.config()));
  R1_TRY(const Dtype kv_dtype, kv_dtype_of(args.kv_dtype, model.dtype()));
  R1_RETURN_IF_ERROR(config.engine.validate(model));
  R1_RETURN_IF_ERROR(check_mtp(config, model));
  const int64_t max_length = config.engine.length(model.config().max_positions);
  R1_TRY(Prompts prompts, Prompts::open(config, chat, rewards, max_length, *launch.pool));
  std::unique_ptr<Transformer> reference;
  if (config.beta > 0 && !model.adapted()) {
    reference = std::make_unique<Transformer>(model.config(), model.dtype(), StoreUse::kReference);
  }
  log_plan(config, model, kv_dtype, max_length, reference.get());
  Learner learner(model, args.optimizer, kv_dtype, args.gradient_checkpointing, launch);
  Engine engine(model, kv_dtype, config.engine, launch);
  Policy policy(config, learner, engine, chat, rewards, reference.get());
  GrpoRun r{config,
            evaluation,
            machine,
            run,
            loaded,
            chat,
            prompts,
            learner,
            policy,
            rewards,
            reference,
            aggregation,
            scaling,
            count_flops(model),
            machine_peak(launch)};
  return train(r);
}

}  // namespace r1
