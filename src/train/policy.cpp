#include "train/policy.h"

#include <algorithm>

#include "base/random.h"
#include "data/cursor.h"
#include "train/expert_balance.h"

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

}  // namespace

Policy::Policy(const GrpoConfig& config, Learner& learner, Engine& engine, const Chat& chat,
               const RewardSet& rewards, Transformer* reference)
    : config_(config),
      learner_(learner),
      engine_(engine),
      chat_(chat),
      rewards_(rewards),
      reference_(reference),
      loss_{static_cast<float>(config.epsilon), static_cast<float>(config.epsilon_high),
            static_cast<float>(config.beta), static_cast<float>(config.entropy_coef)},
      inverse_temperature_(1.0f / config.sampling.temperature) {}

Result<std::vector<Episode>> Policy::sample(const std::vector<Problem>& problems, int64_t step) {
  EpisodePlan plan;
  plan.n_samples = config_.num_generations;
  plan.max_tokens = config_.max_completion_length;
  plan.params = config_.sampling;
  plan.params.seed = config_.train.seed;
  plan.stream = [step](int p, int g) {
    return stream_key({static_cast<uint64_t>(Purpose::kRollout), static_cast<uint64_t>(step),
                       static_cast<uint64_t>(p), static_cast<uint64_t>(g)});
  };
  const EngineStats before = engine_.stats();
  auto episodes =
      sample_episodes(engine_, chat_, problems, plan, rewards_, *learner_.launch().pool);
  guessed_.n_drafted = engine_.stats().n_drafted - before.n_drafted;
  guessed_.n_accepted = engine_.stats().n_accepted - before.n_accepted;
  return episodes;
}

void Policy::score_reference(Rollout& rollout) {
  if (config_.beta == 0) return;
  CHECK(reference_ || learner_.model().adapted(), "beta {} without a reference", config_.beta);
  Context ctx{learner_.launch(), learner_.arena(), learner_.kv_dtype()};
  ctx.adapters = reference_ != nullptr;
  const Transformer& reference = reference_ ? *reference_ : learner_.model();
  std::vector<int> all(rollout.trajectories.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
  for (const auto& members :
       pack_trajectories(rollout.trajectories, all, config_.train.micro_batch_tokens)) {
    const auto logp =
        score_batch(reference, batch_of(rollout.trajectories, members), inverse_temperature_, ctx);
    size_t first = 0;
    for (int i : members) {
      Trajectory& t = rollout.trajectories[i];
      t.reference.assign(logp.begin() + first, logp.begin() + first + t.old_logp.size());
      first += t.old_logp.size();
    }
  }
}

Result<Metrics> Policy::update(Rollout& rollout, int64_t step, double rate) {
  PolicyStats total;
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
      // One engine samples and trains: before the first update the policy is the sampler, bit for
      // bit.
      CHECK(n_updates > 0 || (stats.ratio_min == 1.0 && stats.ratio_max == 1.0 &&
                              stats.max_logp_difference == 0.0),
            "sampler and trainer disagree: ratio {} … {}", stats.ratio_min, stats.ratio_max);
      R1_TRY(norm, learner_.step(static_cast<float>(rate)));
      total.add(stats);
      ++n_updates;
    }
  }
  Metrics metrics = describe(total, norm, rate);
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
  for (int i : chosen) mtp.total += static_cast<double>(all[i].old_logp.size());
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
    const auto objective = [&](const TokenView& t) {
      stats.add(grpo_loss(loss_,
                          {t.logp, t.entropy, columns.old_logp, columns.reference,
                           columns.advantage, columns.weight},
                          t.dlogp, t.dentropy));
    };
    R1_RETURN_IF_ERROR(
        learner_.accumulate(batch_of(all, members), inverse_temperature_, objective, &mtp));
  }
  return stats;
}

Metrics Policy::describe(const PolicyStats& s, double norm, double rate) const {
  const double n = std::max<double>(1.0, static_cast<double>(s.n_tokens));
  Metrics m{
      {"loss", s.loss}, {"grad_norm", norm}, {"learning_rate", rate}, {"entropy", s.entropy / n}};
  if (config_.beta > 0) m.emplace_back("kl", s.kl / n);
  if (config_.engine.speculate > 0) {
    m.emplace_back("spec/acceptance_rate", guessed_.acceptance_rate());
  }
  const double low = static_cast<double>(s.n_clipped_low) / n,
               high = static_cast<double>(s.n_clipped_high) / n;
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

}  // namespace r1
