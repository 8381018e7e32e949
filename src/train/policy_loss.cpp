#include "train/policy_loss.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace r1 {
namespace {

float bounded_exp(float x) { return exp_f32(std::clamp(x, -20.0f, 20.0f)); }

Surrogate surrogate_of(const PolicyLoss& c, float ratio, float advantage, float logp) {
  switch (c.kind) {
    case SurrogateKind::kCispo:
      return cispo_surrogate(ratio, advantage, logp, c.clip_low, c.clip_high);
    case SurrogateKind::kReinforce:
      return reinforce_surrogate(advantage, logp);
    case SurrogateKind::kPpoClip:
      break;
  }
  return clipped_surrogate(ratio, advantage, c.clip_low, c.clip_high, c.delta);
}

void note_ratio(PolicyStats& stats, float difference, float ratio) {
  stats.ratio += ratio;
  stats.ratio_min = std::min(stats.ratio_min, static_cast<double>(ratio));
  stats.ratio_max = std::max(stats.ratio_max, static_cast<double>(ratio));
  stats.logp_difference += std::abs(difference);
  stats.max_logp_difference =
      std::max(stats.max_logp_difference, std::abs(static_cast<double>(difference)));
}

}  // namespace

Result<KlEstimator> parse_kl_estimator(const std::string& name) {
  if (name == "k1") return KlEstimator::kK1;
  if (name == "k2") return KlEstimator::kK2;
  if (name == "k3") return KlEstimator::kK3;
  return fail("unknown kl_estimator '{}'; known: k1, k2, k3", name);
}

Result<SurrogateKind> parse_policy_loss(const std::string& name) {
  if (name == "ppo_clip") return SurrogateKind::kPpoClip;
  if (name == "cispo") return SurrogateKind::kCispo;
  if (name == "reinforce") return SurrogateKind::kReinforce;
  return fail("unknown policy_loss '{}'; known: ppo_clip, cispo, reinforce", name);
}

Result<RatioLevel> parse_ratio_level(const std::string& name) {
  if (name == "token") return RatioLevel::kToken;
  if (name == "sequence") return RatioLevel::kSequence;
  if (name == "sequence_token") return RatioLevel::kSequenceToken;
  return fail("unknown importance_sampling_level '{}'; known: token, sequence, sequence_token",
              name);
}

Surrogate clipped_surrogate(float ratio, float advantage, float low, float high, float delta) {
  const float clipped = std::clamp(ratio, 1.0f - low, 1.0f + high);
  Surrogate s{ratio * advantage, ratio};
  if (clipped * advantage < s.value) {
    s = {clipped * advantage, 0.0f, ratio<1.0f, ratio> 1.0f};
  }
  if (delta > 0 && advantage < 0 && s.value < delta * advantage) {
    s = {delta * advantage, 0.0f, false, true};
  }
  return s;
}

Surrogate cispo_surrogate(float ratio, float advantage, float logp, float low, float high) {
  const float clipped = std::clamp(ratio, 1.0f - low, 1.0f + high);
  return {clipped * advantage * logp, clipped, clipped > ratio, clipped < ratio};
}

Surrogate reinforce_surrogate(float advantage, float logp) { return {advantage * logp, 1.0f}; }

float sequence_ratio(std::span<const float> logp, std::span<const float> old_logp) {
  double sum = 0;
  for (size_t t = 0; t < logp.size(); ++t) {
    sum += static_cast<double>(logp[t]) - static_cast<double>(old_logp[t]);
  }
  return bounded_exp(static_cast<float>(sum / static_cast<double>(logp.size())));
}

bool keeps_sequence(float advantage, std::span<const float> sampler_logp,
                    std::span<const float> logp, float threshold) {
  if (!(advantage < 0)) return true;
  double sum = 0;
  for (size_t t = 0; t < logp.size(); ++t) {
    sum += static_cast<double>(sampler_logp[t]) - static_cast<double>(logp[t]);
  }
  return sum <= static_cast<double>(threshold) * static_cast<double>(logp.size());
}

void PolicyStats::add(const PolicyStats& o) {
  loss += o.loss;
  kl += o.kl;
  entropy += o.entropy;
  ratio += o.ratio;
  ratio_min = std::min(ratio_min, o.ratio_min);
  ratio_max = std::max(ratio_max, o.ratio_max);
  max_logp_difference = std::max(max_logp_difference, o.max_logp_difference);
  logp_difference += o.logp_difference;
  n_tokens += o.n_tokens;
  n_clipped_low += o.n_clipped_low;
  n_clipped_high += o.n_clipped_high;
  n_sequences += o.n_sequences;
  n_masked_sequences += o.n_masked_sequences;
}

PolicyStats policy_loss(const PolicyLoss& config, const PolicyTokens& tokens,
                        std::span<float> dlogp, std::span<float> dentropy) {
  const size_t L = tokens.logp.size();
  CHECK(L > 0 && tokens.old_logp.size() == L && tokens.advantage.size() == L,
        "a sequence of {} tokens, {} old ones, {} advantages", L, tokens.old_logp.size(),
        tokens.advantage.size());
  PolicyStats stats;
  stats.n_sequences = 1;
  stats.n_tokens = static_cast<int64_t>(L);
  const bool by_sequence = config.level != RatioLevel::kToken;
  const float whole = by_sequence ? sequence_ratio(tokens.logp, tokens.old_logp) : 1.0f;
  const float total = std::accumulate(tokens.advantage.begin(), tokens.advantage.end(), 0.0f);
  const bool is_kept =
      config.off_policy_mask_threshold == 0 ||
      keeps_sequence(total, tokens.sampler_logp, tokens.logp, config.off_policy_mask_threshold);
  stats.n_masked_sequences = !is_kept;
  double shared = 0;  // Σ_t d loss / d ln s
  for (size_t t = 0; t < L; ++t) {
    const float a = tokens.advantage[t], w = tokens.weight, logp = tokens.logp[t];
    const float difference = logp - tokens.old_logp[t], ratio = bounded_exp(difference);
    const float c = !is_kept ? 0.0f : tokens.correction.empty() ? 1.0f : tokens.correction[t];
    const Surrogate s = surrogate_of(config, by_sequence ? whole : ratio, a, logp);
    double loss = -static_cast<double>(w * c) * s.value;
    dlogp[t] = -(w * c) * a * s.kept;
    if (config.level == RatioLevel::kSequence && config.kind == SurrogateKind::kPpoClip) {
      shared += dlogp[t];
      dlogp[t] = 0.0f;
    }
    if (config.beta > 0 && !tokens.reference.empty()) {
      KlTerm k = kl_term(config.kl, logp, tokens.reference[t]);
      stats.kl += k.value;
      if (config.unbiased_kl) k = unbiased(k, bounded_exp(logp - tokens.sampler_logp[t]));
      loss += static_cast<double>(w) * config.beta * k.value;
      dlogp[t] += w * config.beta * k.dlogp;
    }
    loss -= static_cast<double>(config.entropy_coef) * w * tokens.entropy[t];
    dentropy[t] = -config.entropy_coef * w;
    stats.loss += loss;
    stats.entropy += tokens.entropy[t];
    stats.n_clipped_low += s.is_clipped_low;
    stats.n_clipped_high += s.is_clipped_high;
    note_ratio(stats, difference, ratio);
  }
  if (shared != 0) {
    const auto each = static_cast<float>(shared / static_cast<double>(L));
    for (float& d : dlogp) d += each;
  }
  return stats;
}

}  // namespace r1
