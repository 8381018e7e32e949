#include "train/policy.h"

#include <algorithm>

#include "base/random.h"
#include "data/cursor.h"
#include "train/expert_balance.h"
#include "train/rollout_model.h"

namespace r1 {
namespace {

/// The micro-batches of some trajectories, in order.
std::vector<std::vector<int>> pack_trajectories(const std::vector<Trajectory>& all,
                                                const std::vector<int>& chosen,
                                                int64_t max_tokens) {
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

double weight_of(const Trajectory& t) {
  return static_cast<double>(t.weight) * static_cast<double>(t.old_logp.size());
}

}  // namespace

Result<PolicyLoss> policy_loss_of(const GrpoConfig& c) {
  PolicyLoss loss;
  R1_TRY(loss.kind, parse_policy_loss(c.policy_loss));
  R1_TRY(loss.level, parse_ratio_level(c.importance_sampling_level));
  R1_TRY(loss.kl, parse_kl_estimator(c.kl_estimator));
  loss.clip_low = static_cast<float>(c.epsilon);
  loss.clip_high = static_cast<float>(c.epsilon_high);
  loss.delta = static_cast<float>(c.delta);
  loss.beta = c.use_kl_in_reward ? 0.0f : static_cast<float>(c.beta);
  loss.unbiased_kl = c.use_bias_correction_kl;
  loss.off_policy_mask_threshold = static_cast<float>(c.off_policy_mask_threshold);
  loss.entropy_coef = static_cast<float>(c.entropy_coef);
  return loss;
}

Policy::Policy(const GrpoConfig& config, const PolicyLoss& loss, Learner& learner, Engine& engine,
               const Chat& chat, const RewardSet& rewards, PolicyModels models)
    : config_(config),
      loss_(loss),
      learner_(learner),
      engine_(engine),
      chat_(chat),
      rewards_(rewards),
      models_(models),
      inverse_temperature_(1.0f / config.sampling.temperature) {}

Result<std::vector<Episode>> Policy::sample(const std::vector<Problem>& problems, int64_t step,
                                            int64_t first, double run_share) {
  EpisodePlan plan;
  plan.n_samples = config_.num_generations;
  plan.max_tokens = config_.max_completion_length;
  plan.params = config_.sampling;
  plan.params.seed = config_.train.seed;
  plan.keep_sampling_mask = config_.keep_sampling_mask;
  plan.run_share = run_share;
  plan.stream = [step, first](int p, int g) {
    return stream_key({static_cast<uint64_t>(Purpose::kRollout), static_cast<uint64_t>(step),
                       static_cast<uint64_t>(first + p), static_cast<uint64_t>(g)});
  };
  if (guessed_step_ != step) guessed_ = {};
  guessed_step_ = step;
  const EngineStats before = engine_.stats();
  auto episodes =
      sample_episodes(engine_, chat_, problems, plan, rewards_, *learner_.launch().pool);
  guessed_.n_drafted += engine_.stats().n_drafted - before.n_drafted;
  guessed_.n_accepted += engine_.stats().n_accepted - before.n_accepted;
  return episodes;
}

void Policy::sync_rollout_weights() {
  if (models_.rollout) copy_rounded(*models_.rollout, learner_.model(), learner_.launch());
}

void Policy::score(Rollout& rollout) {
  if (config_.beta > 0) {
    CHECK(models_.reference || learner_.model().adapted(), "beta {} without a reference",
          config_.beta);
    const Transformer& model = models_.reference ? *models_.reference : learner_.model();
    score(rollout, model, models_.reference != nullptr, &Trajectory::reference);
  }
  if (!models_.rollout) return;
  score(rollout, learner_.model(), true, &Trajectory::old_logp);
  correct(rollout);
}

void Policy::score(Rollout& rollout, const Transformer& model, bool with_adapter,
                   std::vector<float> Trajectory::*to) {
  Context ctx{learner_.launch(), learner_.arena(), learner_.kv_dtype()};
  ctx.adapters = with_adapter;
  std::vector<int> all(rollout.trajectories.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
  for (const auto& members :
       pack_trajectories(rollout.trajectories, all, config_.train.micro_batch_tokens)) {
    const auto logp =
        score_batch(model, batch_of(rollout.trajectories, members), inverse_temperature_, ctx);
    auto from = logp.begin();
    for (int i : members) {
      Trajectory& t = rollout.trajectories[i];
      const auto end = from + static_cast<int64_t>(t.sampler_logp.size());
      (t.*to).assign(from, end);
      from = end;
    }
  }
}

void Policy::correct(Rollout& rollout) {
  corrections_ = {};
  for (Trajectory& t : rollout.trajectories) {
    t.correction =
        correction_weights(config_.rollout_correction, t.old_logp, t.sampler_logp, corrections_);
  }
}

Result<Metrics> Policy::update(Rollout& rollout, int64_t step, double rate) {
  PolicyStats total, first;
  double norm = 0;
  int n_updates = 0;
  MtpLoss mtp;
  mtp.weight = static_cast<float>(config_.mtp_loss_weight);
  mtp.is_detached = true;
  learner_.freeze_mtp(mtp.weight == 0);
  const int64_t n = static_cast<int64_t>(rollout.trajectories.size());
  for (int iteration = 0; iteration < config_.num_iterations && n > 0; ++iteration) {
    const auto order =
        shuffled_rows(n, config_.train.seed ^ static_cast<uint64_t>(step), iteration);
    for (int part = 0; part < config_.num_mini_batches; ++part) {
      const int64_t begin = n * part / config_.num_mini_batches,
                    end = n * (part + 1) / config_.num_mini_batches;
      std::vector<int> chosen(order.begin() + begin, order.begin() + end);
      std::sort(chosen.begin(), chosen.end());
      if (chosen.empty()) continue;
      R1_TRY(const PolicyStats stats, accumulate(rollout.trajectories, chosen, mtp));
      // One forward pass samples, scores and trains: before the first update the policy is what it
      // was, bit for bit.
      CHECK(n_updates > 0 || (stats.ratio_min == 1.0 && stats.ratio_max == 1.0 &&
                              stats.max_logp_difference == 0.0),
            "sampler and trainer disagree: ratio {} … {}", stats.ratio_min, stats.ratio_max);
      if (n_updates == 0) first = stats;
      R1_TRY(norm, learner_.step(static_cast<float>(rate)));
      total.add(stats);
      ++n_updates;
    }
  }
  if (n_updates > 0) sync_rollout_weights();
  Metrics metrics;
  describe(total, norm, rate, metrics);
  describe_sampling(first, metrics);
  for (MtpLoss::Depth& depth : mtp.depths) depth.loss /= n_updates;
  mtp.describe(metrics);
  const Metrics experts = expert_metrics(learner_.experts().last);  // of the last update
  metrics.insert(metrics.end(), experts.begin(), experts.end());
  return metrics;
}

Result<PolicyStats> Policy::accumulate(const std::vector<Trajectory>& all,
                                       const std::vector<int>& chosen, MtpLoss& mtp) {
  PolicyStats stats;
  mtp.total = 0;
  double weight = 0;  // mini-batches share the rollout's weights: scale each to its part
  for (int i : chosen) {
    mtp.total += static_cast<double>(all[i].old_logp.size());
    weight += weight_of(all[i]);
  }
  double whole = 0;
  for (const Trajectory& t : all) whole += weight_of(t);
  const float scale = static_cast<float>(whole / weight);
  for (const auto& members : pack_trajectories(all, chosen, config_.train.micro_batch_tokens)) {
    const auto objective = [&](const TokenView& v) {
      size_t first = 0;
      for (int i : members) {
        const Trajectory& t = all[i];
        const size_t L = t.old_logp.size();
        const PolicyTokens tokens{v.logp.subspan(first, L),
                                  v.entropy.subspan(first, L),
                                  t.old_logp,
                                  t.sampler_logp,
                                  t.reference,
                                  t.advantage,
                                  t.correction,
                                  t.weight * scale};
        stats.add(
            policy_loss(loss_, tokens, v.dlogp.subspan(first, L), v.dentropy.subspan(first, L)));
        first += L;
      }
    };
    R1_RETURN_IF_ERROR(
        learner_.accumulate(batch_of(all, members), inverse_temperature_, objective, &mtp));
  }
  return stats;
}

void Policy::describe(const PolicyStats& s, double norm, double rate, Metrics& m) const {
  const double n = std::max<double>(1.0, static_cast<double>(s.n_tokens));
  m.emplace_back("loss", s.loss);
  m.emplace_back("grad_norm", norm);
  m.emplace_back("learning_rate", rate);
  m.emplace_back("entropy", s.entropy / n);
  if (loss_.beta > 0) m.emplace_back("kl", s.kl / n);
  if (config_.engine.speculate > 0) {
    m.emplace_back("spec/acceptance_rate", guessed_.acceptance_rate());
  }
  const double low = static_cast<double>(s.n_clipped_low) / n,
               high = static_cast<double>(s.n_clipped_high) / n;
  m.emplace_back("clip_ratio/low_mean", low);
  m.emplace_back("clip_ratio/high_mean", high);
  m.emplace_back("clip_ratio/region_mean", low + high);
  if (loss_.off_policy_mask_threshold > 0) {
    const auto sequences = static_cast<double>(std::max<int64_t>(1, s.n_sequences));
    m.emplace_back("off_policy_mask_ratio", static_cast<double>(s.n_masked_sequences) / sequences);
  }
}

/// Of the sampler against the trainer before its first update: with the same weights exactly 0 and
/// 1, which update() asserts.
void Policy::describe_sampling(const PolicyStats& first, Metrics& m) const {
  const double n = std::max<double>(1.0, static_cast<double>(first.n_tokens));
  double difference = first.logp_difference / n, most = first.max_logp_difference;
  double mean = first.n_tokens ? first.ratio / n : 1.0;
  double least = first.n_tokens ? first.ratio_min : 1.0;
  double largest = first.n_tokens ? first.ratio_max : 1.0;
  const CorrectionStats& c = corrections_;
  const bool is_corrected = models_.rollout && c.n_tokens > 0;
  const auto n_corrected = static_cast<double>(c.n_tokens);
  if (is_corrected) {
    difference = c.difference / n_corrected, most = c.max_difference;
    mean = c.weight / n_corrected, least = c.least, largest = c.most;
  }
  m.emplace_back("sampling/sampling_logp_difference/mean", difference);
  m.emplace_back("sampling/sampling_logp_difference/max", most);
  m.emplace_back("sampling/importance_sampling_ratio/mean", mean);
  m.emplace_back("sampling/importance_sampling_ratio/min", least);
  m.emplace_back("sampling/importance_sampling_ratio/max", largest);
  if (!models_.rollout) return;
  m.emplace_back("rollout_corr/k3_kl", is_corrected ? c.k3 / n_corrected : 0.0);
  m.emplace_back("rollout_corr/rollout_rs_masked_fraction",
                 is_corrected ? static_cast<double>(c.n_masked) / n_corrected : 0.0);
}

}  // namespace r1
