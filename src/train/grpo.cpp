#include "train/grpo.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/cursor.h"
#include "data/last_digit.h"
#include "train/memory.h"
#include "train/rollout.h"
#include "train/supervised.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char* kBuiltin = "builtin:last_digit";

/// Where the prompts of a step come from.
class Prompts {
 public:
  static Result<Prompts> open(const GrpoConfig& config) {
    Prompts prompts(config);
    if (config.data == kBuiltin) return prompts;
    R1_TRY(prompts.rows_, read_problems(config.data, config.columns));
    prompts.cursor_.emplace(static_cast<int64_t>(prompts.rows_.size()), config.train.seed);
    for (size_t i = 0; i < prompts.rows_.size(); ++i) {
      if (prompts.rows_[i].messages.empty()) {
        return fail("{}: row {} has no prompt; RL needs prompts with answers", config.data, i + 1);
      }
    }
    return prompts;
  }

  std::vector<Problem> next(int64_t step) {
    std::vector<Problem> problems;
    for (int64_t i = 0; i < batch_size_; ++i) {
      problems.push_back(cursor_ ? rows_[cursor_->next()]
                                 : last_digit_problem(seed_, false, step * batch_size_ + i));
    }
    return problems;
  }

  std::string state() const {
    return cursor_ ? Json{{"epoch", cursor_->epoch()}, {"position", cursor_->position()}}.dump() : "{}";
  }
  Result<void> resume(const std::string& text) {
    if (!cursor_) return {};
    const Json state = Json::parse(text, nullptr, false);
    return cursor_->resume(state.value("epoch", int64_t{0}), state.value("position", int64_t{0}));
  }

 private:
  explicit Prompts(const GrpoConfig& config) : seed_(config.train.seed), batch_size_(config.train_batch_size) {}
  uint64_t seed_;
  int64_t batch_size_;
  std::vector<Problem> rows_;
  std::optional<DataCursor> cursor_;
};

/// The micro-batches of some trajectories, in order.
std::vector<std::vector<int>> pack_trajectories(const std::vector<Trajectory>& all,
                                                const std::vector<int>& chosen, int64_t max_tokens) {
  std::vector<int64_t> lengths;
  for (int i : chosen) lengths.push_back(static_cast<int64_t>(all[i].sequence.tokens.size()) - 1);
  auto packs = pack(lengths, max_tokens);
  for (auto& members : packs) {
    for (int& i : members) i = chosen[i];
  }
  return packs;
}

Batch batch_of(const std::vector<Trajectory>& all, const std::vector<int>& members) {
  std::vector<const TokenSequence*> views;
  for (int i : members) views.push_back(&all[i].sequence);
  return Batch(views);
}

/// Per-token columns of a micro-batch, in loss-row order.
struct Columns {
  std::vector<float> old_logp, reference, advantage, weight;
  Columns(const std::vector<Trajectory>& all, const std::vector<int>& members) {
    for (int i : members) {
      const Trajectory& t = all[i];
      old_logp.insert(old_logp.end(), t.old_logp.begin(), t.old_logp.end());
      reference.insert(reference.end(), t.reference.begin(), t.reference.end());
      advantage.resize(old_logp.size(), t.advantage);
      weight.resize(old_logp.size(), t.weight);
    }
  }
};

/// The policy, its sampler and its reference: one run of GRPO.
class Trainer {
 public:
  Trainer(const GrpoConfig& config, Learner& learner, Engine& engine, const Chat& chat,
          const RewardSet& rewards, Transformer* reference)
      : config_(config), learner_(learner), engine_(engine), chat_(chat), rewards_(rewards), reference_(reference) {
    loss_ = {static_cast<float>(config.epsilon), static_cast<float>(config.epsilon_high),
             static_cast<float>(config.beta), static_cast<float>(config.entropy_coef)};
    inverse_temperature_ = config.sampling.temperature > 0 ? 1.0f / config.sampling.temperature : 1.0f;
  }

  Result<std::vector<Episode>> sample(const std::vector<Problem>& problems, int64_t step) {
    EpisodePlan plan;
    plan.n_samples = config_.num_generations;
    plan.max_tokens = config_.max_completion_length;
    plan.params = config_.sampling;
    plan.params.seed = config_.train.seed;
    plan.stream = [step](int p, int g) {
      return stream_key({static_cast<uint64_t>(Purpose::kRollout), static_cast<uint64_t>(step),
                         static_cast<uint64_t>(p), static_cast<uint64_t>(g)});
    };
    return sample_episodes(engine_, chat_, problems, plan, rewards_, *learner_.launch().pool);
  }

  void score_reference(Rollout& rollout) {
    if (!reference_) return;
    std::vector<int> all(rollout.trajectories.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
    for (const auto& members : pack_trajectories(rollout.trajectories, all, config_.train.micro_batch_tokens)) {
      const auto logp = score_batch(*reference_, batch_of(rollout.trajectories, members), inverse_temperature_,
                                    Context{learner_.launch(), learner_.arena(), learner_.kv_dtype()});
      size_t first = 0;
      for (int i : members) {
        Trajectory& t = rollout.trajectories[i];
        t.reference.assign(logp.begin() + first, logp.begin() + first + t.old_logp.size());
        first += t.old_logp.size();
      }
    }
  }

  /// All updates of one rollout.
  Result<Metrics> update(Rollout& rollout, int64_t step, double rate) {
    PolicyStats total;
    double norm = 0;
    int n_updates = 0;
    const int64_t n = static_cast<int64_t>(rollout.trajectories.size());
    for (int iteration = 0; iteration < config_.num_iterations && n > 0; ++iteration) {
      const auto order = shuffled_rows(n, config_.train.seed ^ static_cast<uint64_t>(step), iteration);
      for (int part = 0; part < config_.num_mini_batches; ++part) {
        const int64_t begin = n * part / config_.num_mini_batches, end = n * (part + 1) / config_.num_mini_batches;
        std::vector<int> chosen(order.begin() + begin, order.begin() + end);
        std::sort(chosen.begin(), chosen.end());
        if (chosen.empty()) continue;
        R1_TRY(const PolicyStats stats, accumulate(rollout.trajectories, chosen));
        // One engine samples and trains: before the first update the policy is the sampler, bit for bit.
        CHECK(n_updates > 0 || (stats.ratio_min == 1.0 && stats.ratio_max == 1.0 && stats.max_logp_difference == 0.0),
              "sampler and trainer disagree: ratio {} … {}", stats.ratio_min, stats.ratio_max);
        R1_TRY(norm, learner_.step(static_cast<float>(rate)));
        total.add(stats);
        ++n_updates;
      }
    }
    return describe(total, norm, rate);
  }

 private:
  Result<PolicyStats> accumulate(const std::vector<Trajectory>& all, const std::vector<int>& chosen) {
    PolicyStats stats;
    double weight = 0;  // mini-batches share the rollout's weights: scale each to its part
    for (int i : chosen) weight += all[i].weight * static_cast<double>(all[i].old_logp.size());
    double whole = 0;
    for (const Trajectory& t : all) whole += t.weight * static_cast<double>(t.old_logp.size());
    const float scale = static_cast<float>(whole / weight);
    for (const auto& members : pack_trajectories(all, chosen, config_.train.micro_batch_tokens)) {
      Columns columns(all, members);
      if (scale != 1.0f) {
        for (float& w : columns.weight) w *= scale;
      }
      R1_RETURN_IF_ERROR(learner_.accumulate(batch_of(all, members), inverse_temperature_, [&](const TokenView& t) {
        stats.add(grpo_loss(loss_, {t.logp, t.entropy, columns.old_logp, columns.reference, columns.advantage, columns.weight},
                            t.dlogp, t.dentropy));
      }));
    }
    return stats;
  }

  Metrics describe(const PolicyStats& s, double norm, double rate) const {
    const double n = std::max<double>(1.0, static_cast<double>(s.n_tokens));
    Metrics m{{"loss", s.loss}, {"grad_norm", norm}, {"learning_rate", rate}, {"entropy", s.entropy / n}};
    if (config_.beta > 0) m.emplace_back("kl", s.kl / n);
    const double low = static_cast<double>(s.n_clipped_low) / n, high = static_cast<double>(s.n_clipped_high) / n;
    m.emplace_back("clip_ratio/low_mean", low);
    m.emplace_back("clip_ratio/high_mean", high);
    m.emplace_back("clip_ratio/region_mean", low + high);
    m.emplace_back("sampling/sampling_logp_difference/mean", s.logp_difference / n);
    m.emplace_back("sampling/sampling_logp_difference/max", s.max_logp_difference);
    m.emplace_back("sampling/importance_sampling_ratio/mean", s.n_tokens ? s.ratio / n : 1.0);
    m.emplace_back("sampling/importance_sampling_ratio/min", s.n_tokens ? s.ratio_min : 1.0);
    m.emplace_back("sampling/importance_sampling_ratio/max", s.n_tokens ? s.ratio_max : 1.0);
    return m;
  }

  const GrpoConfig& config_;
  Learner& learner_;
  Engine& engine_;
  const Chat& chat_;
  const RewardSet& rewards_;
  Transformer* reference_;
  GrpoLoss loss_;
  float inverse_temperature_;
};

Result<void> write_samples(Run& run, int64_t step, const std::vector<Episode>& episodes,
                           const std::vector<Problem>& problems, const std::vector<double>& advantages, int n) {
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
    R1_RETURN_IF_ERROR(run.record_sample(step, sample.dump(-1, ' ', false, Json::error_handler_t::replace)));
  }
  return {};
}

std::vector<NamedTensor> reference_tensors(const Transformer* reference) {
  std::vector<NamedTensor> tensors;
  if (!reference) return tensors;
  for (const Parameter* p : reference->store().parameters()) tensors.push_back({"reference." + p->name, p->weight});
  return tensors;
}

}  // namespace

Result<void> GrpoConfig::validate() const {
  if (model.empty()) return fail("model is not set; name a model folder: --model DIR");
  if (num_generations < 2) return fail("num_generations is {}; a group needs at least 2", num_generations);
  if (train_batch_size < 1) return fail("train_batch_size is {}; it must be at least 1", train_batch_size);
  if (max_completion_length < 1) return fail("max_completion_length is {}; it must be at least 1", max_completion_length);
  if (num_iterations < 1 || num_mini_batches < 1) return fail("num_iterations and num_mini_batches must be at least 1");
  if (epsilon < 0 || epsilon_high < 0 || beta < 0) return fail("epsilon, epsilon_high and beta must not be negative");
  if (!(sampling.temperature > 0)) return fail("sampling.temperature is {}; RL needs it above 0", sampling.temperature);
  return {};
}

Result<StageReport> grpo(GrpoConfig config, const Evaluation& evaluation) {
  TrainingArguments& args = config.train;
  R1_RETURN_IF_ERROR(config.validate());
  R1_TRY(const Aggregation aggregation, parse_aggregation(config.loss_type));
  R1_TRY(const ScaleRewards scaling, parse_scale_rewards(config.scale_rewards));
  R1_TRY(const RewardSet rewards, make_rewards(config.reward_funcs, config.reward_weights, {config.prefilled_think}));
  R1_TRY(const Machine machine, Machine::open(args.compute));
  R1_TRY(Prompts prompts, Prompts::open(config));
  R1_TRY(Run run, Run::open(args, to_toml(list_fields(config))));
  const Path folder = run.resumed() ? run.resumed()->folder : Path(config.model);
  R1_TRY(LoadedModel loaded, load_model(folder, args.dtype, StoreUse::kTraining, machine.launch()));
  Transformer& model = *loaded.model;
  R1_TRY(const Chat chat, Chat::open(folder, model.config()));
  R1_TRY(const Dtype kv_dtype, kv_dtype_of(args.kv_dtype, model.dtype()));
  MemoryPlan memory = plan_training(model.config(), model.dtype(), kv_dtype, args, model.config().max_positions);
  const MemoryPlan sampler = plan_engine(model.config(), model.dtype(), kv_dtype, config.engine);
  memory.parts.insert(memory.parts.end(), sampler.parts.begin(), sampler.parts.end());
  log_memory(memory);

  Learner learner(model, args.optimizer, kv_dtype, args.gradient_checkpointing, machine.launch());
  std::unique_ptr<Transformer> reference;
  if (config.beta > 0) {
    reference = std::make_unique<Transformer>(model.config(), model.dtype(), StoreUse::kInference);
  }
  if (run.resumed()) {
    R1_RETURN_IF_ERROR(run.restore(learner));
    R1_RETURN_IF_ERROR(prompts.resume(run.loop_state()));
    for (const NamedTensor& t : reference_tensors(reference.get())) R1_RETURN_IF_ERROR(run.resumed()->read(t.name, t.tensor));
  } else if (reference) {
    reference->copy_weights_from(model);
  }
  if (reference) reference->refresh(machine.launch());
  Engine engine(model, kv_dtype, config.engine, machine.launch());
  Trainer trainer(config, learner, engine, chat, rewards, reference.get());
  const FlopCount flops = count_flops(model.config());
  const double peak = machine_peak(machine.launch());

  StageReport report;
  Timer timer;
  double evaluation_seconds = 0;
  const auto measure = [&](int64_t step, Metrics& metrics) -> Result<void> {
    const bool due = evaluation && config.eval_steps > 0 && (step % config.eval_steps == 0 || step == args.max_steps);
    if (!due) return {};
    const Timer clock;
    R1_TRY(const Metrics more, evaluation(step, model, chat, machine));
    metrics.insert(metrics.end(), more.begin(), more.end());
    evaluation_seconds += clock.seconds();
    return {};
  };
  Progress progress("rl", args.max_steps);
  if (!run.resumed()) {
    Metrics before;
    R1_RETURN_IF_ERROR(measure(0, before));
    if (!before.empty()) R1_RETURN_IF_ERROR(run.record(0, before));
  }
  int64_t step = run.first_step(), saved = step;
  for (; step < args.max_steps; ++step) {
    const Timer step_timer;
    const std::vector<Problem> problems = prompts.next(step);
    R1_TRY(const std::vector<Episode> episodes, trainer.sample(problems, step));
    const double sampled = step_timer.seconds();
    std::vector<double> advantages;
    Rollout rollout = make_rollout(episodes, config, rewards, aggregation, scaling, &advantages);
    trainer.score_reference(rollout);
    R1_TRY(const double rate, scheduled_rate(args, step));
    const auto updated = trainer.update(rollout, step, rate);
    if (!updated) return fail_with(updated.error().with(fmt::format("step {}", step)));
    const int64_t done = step + 1;
    Metrics metrics = *updated;
    metrics.insert(metrics.end(), rollout.metrics.begin(), rollout.metrics.end());
    const double seconds = step_timer.seconds();
    R1_RETURN_IF_ERROR(measure(done, metrics));
    report.tokens += rollout.n_tokens;
    double n_trained = 0;
    for (const Trajectory& t : rollout.trajectories) n_trained += static_cast<double>(t.sequence.tokens.size());
    const double mean_length = static_cast<double>(rollout.n_tokens) / static_cast<double>(episodes.size());
    const double work = flops.train(n_trained * config.num_iterations, mean_length) +
                        flops.train(static_cast<double>(rollout.n_tokens), mean_length) / 3;
    if (done % args.logging_steps == 0) {
      R1_RETURN_IF_ERROR(run.record(done, metrics));
      R1_RETURN_IF_ERROR(run.record_timing(done, {{"step_time", seconds}, {"timing_s/gen", sampled},
                                                  {"perf/throughput", static_cast<double>(rollout.n_tokens) / seconds},
                                                  {"perf/mfu", work / seconds / peak}}));
      R1_RETURN_IF_ERROR(write_samples(run, done, episodes, problems, advantages, config.num_completions_to_print));
    }
    const auto find = [&](const char* name) {
      const auto it = std::find_if(metrics.begin(), metrics.end(), [&](const auto& m) { return m.first == name; });
      return it == metrics.end() ? 0.0 : it->second;
    };
    progress.update(done, fmt::format("reward {:.3f} · length {:.0f} · {} tok/s · {:.0f}% of peak", find("reward"),
                                      find("completions/mean_length"),
                                      human_count(static_cast<double>(rollout.n_tokens) / seconds), 100 * work / seconds / peak));
    if (reference && config.ref_model_sync_steps > 0 && done % config.ref_model_sync_steps == 0) {
      reference->copy_weights_from(model);
      reference->refresh(machine.launch());
    }
    if (args.save_steps > 0 && done % args.save_steps == 0) {
      R1_RETURN_IF_ERROR(run.save(done, learner, loaded.assets, prompts.state(), reference_tensors(reference.get())));
      saved = done;
    }
  }
  progress.finish();
  if (step != saved) R1_RETURN_IF_ERROR(run.save(step, learner, loaded.assets, prompts.state(), reference_tensors(reference.get())));
  R1_RETURN_IF_ERROR(run.save_final(model, loaded.assets));
  report.steps = step;
  report.seconds = timer.seconds() - evaluation_seconds;
  report.model = (run.folder() / "final").string();
  return report;
}

}  // namespace r1
