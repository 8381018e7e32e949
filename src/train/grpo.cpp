#include "train/grpo.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "reward/reflection.h"
#include "train/gather.h"
#include "train/grpo_checks.h"
#include "train/memory.h"
#include "train/rollout_model.h"
#include "train/supervised.h"
#include "train/watch.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

/// Of each episode; 0 where it takes no part.
std::vector<double> mean_advantages(const Rollout& rollout, size_t n_episodes) {
  std::vector<double> all(n_episodes, 0.0);
  for (const Trajectory& t : rollout.trajectories) {
    const double sum = std::accumulate(t.advantage.begin(), t.advantage.end(), 0.0);
    all[t.episode] = sum / static_cast<double>(t.advantage.size());
  }
  return all;
}

Result<void> write_samples(Run& run, int64_t step, const std::vector<Episode>& episodes,
                           const std::vector<Problem>& problems, const Rollout& rollout, int n) {
  const std::vector<double> advantages = mean_advantages(rollout, episodes.size());
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
  const RolloutRules& rules;
  FlopCount flops;
  double peak;
  StageReport report = {};
  double evaluation_seconds = 0;
  int64_t n_flat_steps = 0;

  Transformer& model() { return *loaded.model; }
  Result<void> restore();
  Result<void> evaluate(int64_t step, Metrics& metrics);
  Result<void> watch_now(int64_t step);
  Result<void> step(int64_t step, Progress& progress);
  Result<void> write(int64_t done, const Metrics& metrics, const Metrics& timing,
                     const Gathered& gathered, const Rollout& rollout);
  double work_of(const Rollout& rollout, double mean_length) const;
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
    policy.sync_rollout_weights();
    return {};
  }
  if (reference) sync_reference();
  policy.sync_rollout_weights();
  R1_RETURN_IF_ERROR(watch_now(0));
  Metrics before;
  R1_RETURN_IF_ERROR(evaluate(0, before));
  return before.empty() ? Result<void>{} : run.record(0, before);
}

Result<void> GrpoRun::watch_now(int64_t step) {
  const bool due =
      config.watch_prompts > 0 &&
      (step % std::max<int64_t>(1, config.watch_steps) == 0 || step == config.train.max_steps);
  if (!due) return {};
  const Timer clock;
  R1_RETURN_IF_ERROR(watch(prompts.fixed(config.watch_prompts), step, model(), chat, rewards,
                           config, learner.kv_dtype(), machine.launch(), run));
  evaluation_seconds += clock.seconds();
  return {};
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

Metrics describe_curriculum(const Prompts& prompts) {
  if (!prompts.curriculum()) return {};
  return {{"curriculum/mean_pass_rate", prompts.curriculum()->mean_pass_rate()},
          {"curriculum/num_prompts", static_cast<double>(prompts.curriculum()->n_asked())}};
}

Result<void> GrpoRun::write(int64_t done, const Metrics& metrics, const Metrics& timing,
                            const Gathered& gathered, const Rollout& rollout) {
  const bool evaluated = find(metrics, "eval/pass@1").has_value();  // never lost between lines
  if (done % config.train.logging_steps != 0 && !evaluated) return {};
  R1_RETURN_IF_ERROR(run.record(done, metrics));
  R1_RETURN_IF_ERROR(run.record_timing(done, timing));
  return write_samples(run, done, gathered.episodes, gathered.prompts.problems, rollout,
                       config.num_completions_to_print);
}

/// FLOPs of sampling and of the updates.
double GrpoRun::work_of(const Rollout& rollout, double mean_length) const {
  double n_trained = 0;
  for (const Trajectory& t : rollout.trajectories) {
    n_trained += static_cast<double>(t.sequence.tokens.size());
  }
  return flops.train(n_trained * config.num_iterations, mean_length) +
         flops.forward(static_cast<double>(rollout.n_tokens), mean_length);
}

/// problems → rollout → reward → advantage → loss → update
Result<void> GrpoRun::step(int64_t step, Progress& progress) {
  const Timer timer;
  const int64_t done = step + 1;
  R1_TRY(const Gathered gathered, gather(prompts, policy, config, step));
  const double sampled = timer.seconds();
  learn_pass_rates(prompts, gathered, rewards, config);
  Rollout rollout = collect_rollout(gathered.episodes, config, rewards, rules);
  policy.score(rollout);
  weigh_rollout(rollout, rules, config.max_completion_length);
  R1_TRY(const double rate, scheduled_rate(config.train, step));
  auto metrics = policy.update(rollout, step, rate);
  if (!metrics) {
    const std::string& first = gathered.prompts.problems.front().id;
    return fail_with(run.diverged(done, first + " …", metrics.error()));
  }
  for (const Metrics& more :
       {rollout.metrics, gathered.describe(config), describe_curriculum(prompts),
        reflection_metrics(gathered.prompts.problems, gathered.episodes)}) {
    metrics->insert(metrics->end(), more.begin(), more.end());
  }
  const double seconds = timer.seconds();
  R1_RETURN_IF_ERROR(evaluate(done, *metrics));
  R1_RETURN_IF_ERROR(watch_now(done));
  report.tokens += rollout.n_tokens;
  n_flat_steps += rollout.trajectories.empty();

  const double n_tokens = static_cast<double>(rollout.n_tokens);
  const double mean_length = n_tokens / static_cast<double>(gathered.episodes.size());
  const double share = work_of(rollout, mean_length) / seconds / peak;
  R1_RETURN_IF_ERROR(write(done, *metrics,
                           {{"step_time", seconds},
                            {"timing_s/gen", sampled},
                            {"perf/throughput", n_tokens / seconds},
                            {"perf/mfu", share}},
                           gathered, rollout));
  progress.update(done,
                  fmt::format("reward {:.3f} · length {:.0f} · {} tok/s · {:.0f}% of peak",
                              *find(*metrics, "reward"), *find(*metrics, "completions/mean_length"),
                              human_count(n_tokens / seconds), 100 * share));
  const int64_t sync = config.ref_model_sync_steps;
  if (reference && sync > 0 && done % sync == 0) sync_reference();
  return {};
}

void log_plan(const GrpoConfig& config, const Transformer& model, Dtype kv_dtype,
              int64_t max_length, const PolicyModels& models) {
  MemoryPlan memory = plan_training(model, kv_dtype, config.train, max_length);
  const MemoryPlan sampler = plan_engine(model, kv_dtype, config.engine);
  memory.parts.insert(memory.parts.end(), sampler.parts.begin(), sampler.parts.end());
  for (const auto& [name, other] :
       {std::pair{"reference", models.reference}, std::pair{"rollout weights", models.rollout}}) {
    if (!other) continue;
    memory.parts.emplace_back(name, other->store().n_bytes() + other->panel_bytes());
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

}  // namespace

Result<StageReport> grpo(GrpoConfig config, const Evaluation& evaluation) {
  const TrainingArguments& args = config.train;
  R1_RETURN_IF_ERROR(config.validate());
  R1_TRY(const RolloutRules rules, RolloutRules::of(config));
  R1_TRY(const PolicyLoss loss, policy_loss_of(config));
  R1_TRY(const RewardSet rewards, rewards_of(config));
  R1_TRY(Machine machine, Machine::open(args.compute));
  R1_TRY(const TrainedModel from, find_trained(config.model, config.adapters, config.train));
  R1_RETURN_IF_ERROR(check_reference(config, from));
  R1_TRY(Run run, Run::open(args, to_toml(list_fields(config)),
                            {config.model, from.paths.base, from.paths.adapter}));
  const Launch launch = machine.launch();
  const bool speculates = config.engine.speculate > 0;
  R1_TRY(LoadedModel loaded, load_trained(from, config.adapters, args, run, launch, speculates));
  Transformer& model = *loaded.model;
  R1_TRY(const Chat chat, Chat::open(from.paths.words, model.config()));
  R1_TRY(const Dtype kv_dtype, kv_dtype_of(args.kv_dtype, model.dtype()));
  R1_RETURN_IF_ERROR(config.engine.validate(model));
  R1_RETURN_IF_ERROR(check_mtp(config, model));
  const int64_t max_length = config.engine.length(model.config().max_positions);
  R1_TRY(Prompts prompts, Prompts::open(config, chat, rewards, max_length, *launch.pool));
  std::unique_ptr<Transformer> reference, rollout;
  if (rules.needs_reference() && !model.adapted()) {
    reference = std::make_unique<Transformer>(model.config(), model.dtype(), StoreUse::kReference);
  }
  if (!config.rollout_dtype.empty()) {
    R1_TRY(rollout, make_rollout_model(model, config.rollout_dtype, speculates));
  }
  const PolicyModels models{reference.get(), rollout.get()};
  log_plan(config, model, kv_dtype, max_length, models);
  Learner learner(model, args.optimizer, kv_dtype, args.gradient_checkpointing, launch);
  Engine engine(rollout ? *rollout : model, kv_dtype, config.engine, launch);
  Policy policy(config, loss, learner, engine, chat, rewards, models);
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
            rules,
            count_flops(model),
            machine_peak(launch)};
  return train(r);
}

}  // namespace r1
