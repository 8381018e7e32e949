// Each formula against an example solved by hand, and its derivative against central differences of
// the formula in double.
#include "train/policy_loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace r1 {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

/// One answer.
struct Answer {
  Floats logp, old_logp, reference, advantage;
  Floats entropy = {}, correction = {}, sampler_logp = {};
  float weight = 1.0f;
};

struct Result2 {
  PolicyStats stats;
  Floats dlogp, dentropy;
};

Result2 loss_of(const PolicyLoss& config, Answer a) {
  const size_t L = a.logp.size();
  if (a.entropy.empty()) a.entropy.assign(L, 0.0f);
  if (a.sampler_logp.empty()) a.sampler_logp = a.old_logp;
  Result2 r{{}, Floats(L), Floats(L)};
  const std::span<const float> reference =
      config.beta > 0 ? std::span<const float>(a.reference) : std::span<const float>();
  r.stats = policy_loss(config,
                        {a.logp, a.entropy, a.old_logp, a.sampler_logp, reference, a.advantage,
                         a.correction, a.weight},
                        r.dlogp, r.dentropy);
  return r;
}

Result2 token(const PolicyLoss& config, float logp, float old, float reference, float advantage,
              float weight) {
  Answer a{{logp}, {old}, {reference}, {advantage}};
  a.weight = weight;
  return loss_of(config, a);
}

TEST(ClippedSurrogate, ClipsOnlyWhereTheRatioHasMovedFarEnoughTheGoodWay) {
  const PolicyLoss config{.clip_low = 0.2f, .clip_high = 0.28f};
  const struct {
    float ratio, advantage, loss, dlogp;
    int low, high;
  } cases[] = {
      {1.5f, 2.0f, -0.5f * 2.0f * 1.28f, 0.0f, 0, 1},  // up enough: clipped
      {1.2f, 2.0f, -0.5f * 2.0f * 1.2f, -0.5f * 2.0f * 1.2f, 0, 0},
      {0.5f, 2.0f, -0.5f * 2.0f * 0.5f, -0.5f * 2.0f * 0.5f, 0, 0},  // wrong way: never clipped
      {0.5f, -2.0f, 0.5f * 2.0f * 0.8f, 0.0f, 1, 0},                 // down enough: clipped
      {0.9f, -2.0f, 0.5f * 2.0f * 0.9f, 0.5f * 2.0f * 0.9f, 0, 0},
      {1.5f, -2.0f, 0.5f * 2.0f * 1.5f, 0.5f * 2.0f * 1.5f, 0, 0},  // wrong way: never clipped
      {1.5f, 0.0f, 0.0f, 0.0f, 0, 0},
  };
  for (const auto& c : cases) {
    const Result2 r = token(config, std::log(c.ratio) - 1.0f, -1.0f, 0, c.advantage, 0.5f);
    EXPECT_NEAR(r.stats.loss, c.loss, 1e-6) << c.ratio << " " << c.advantage;
    EXPECT_NEAR(r.dlogp[0], c.dlogp, 1e-6) << c.ratio << " " << c.advantage;
    EXPECT_EQ(r.stats.n_clipped_low, c.low);
    EXPECT_EQ(r.stats.n_clipped_high, c.high);
  }
}

TEST(ClippedSurrogate, AnEpsilonOfTenClipsOnlyRatiosAboveEleven) {
  for (float ratio : {0.001f, 0.5f, 3.0f, 10.9f}) {
    EXPECT_EQ(clipped_surrogate(ratio, 1, 10, 10, 0).kept, ratio);
    EXPECT_EQ(clipped_surrogate(ratio, -1, 10, 10, 0).kept, ratio);
  }
  EXPECT_EQ(clipped_surrogate(12, 1, 10, 10, 0).value, 11);
  EXPECT_EQ(clipped_surrogate(12, -1, 10, 10, 0).kept, 12);
}

TEST(DualClip, BoundsWhatABadTokenMayCost) {
  const Surrogate inside = clipped_surrogate(2.5f, -2, 0.2f, 0.2f, 3);
  EXPECT_FLOAT_EQ(inside.value, -5);
  EXPECT_FLOAT_EQ(inside.kept, 2.5f);
  const Surrogate beyond = clipped_surrogate(4, -2, 0.2f, 0.2f, 3);  // verl: min(3 · 2, 4 · 2)
  EXPECT_FLOAT_EQ(beyond.value, -6);
  EXPECT_EQ(beyond.kept, 0);
  EXPECT_TRUE(beyond.is_clipped_high);
  EXPECT_FLOAT_EQ(clipped_surrogate(4, -2, 0.2f, 0.2f, 0).value, -8);   // off
  EXPECT_FLOAT_EQ(clipped_surrogate(4, 2, 0.2f, 0.2f, 3).value, 2.4f);  // good: the usual clip
}

TEST(Cispo, ClipsTheWeightAndKeepsEveryGradient) {
  // high: min(r, 5); low of 1: no bound from below
  const Surrogate free = cispo_surrogate(0.01f, -2, -3, 1, 4),
                  most = cispo_surrogate(9, 2, -3, 1, 4);
  EXPECT_FLOAT_EQ(free.value, 0.01f * -2 * -3);
  EXPECT_FLOAT_EQ(free.kept, 0.01f);
  EXPECT_FLOAT_EQ(most.value, 5 * 2 * -3);
  EXPECT_FLOAT_EQ(most.kept, 5);
  EXPECT_TRUE(most.is_clipped_high && !free.is_clipped_low);
}

TEST(Reinforce, IsTheLogProbabilityTimesTheAdvantage) {
  const Result2 r = token({.kind = SurrogateKind::kReinforce}, -2, -1, 0, 1.5f, 0.5f);
  EXPECT_FLOAT_EQ(static_cast<float>(r.stats.loss), -0.5f * 1.5f * -2);
  EXPECT_FLOAT_EQ(r.dlogp[0], -0.5f * 1.5f);
}

TEST(Gspo, TakesTheGeometricMeanOfTheRatiosOfAnAnswer) {
  const Answer a{{-1.0f, -1.0f}, {-1.1f, -1.3f}, {}, {2, 2}, {}, {}, {}, 0.25f};
  const double s = std::exp(0.2);  // (0.1 + 0.3) / 2
  EXPECT_NEAR(sequence_ratio(a.logp, a.old_logp), s, 1e-6);
  const PolicyLoss wide{.level = RatioLevel::kSequence, .clip_low = 0.5f, .clip_high = 0.5f};
  const Result2 r = loss_of(wide, a);
  EXPECT_NEAR(r.stats.loss, -2 * 0.25 * 2 * s, 1e-6);                   // both tokens carry it
  for (float d : r.dlogp) EXPECT_NEAR(d, -2 * 0.25 * 2 * s / 2, 1e-6);  // ds / dlogp = s / L
  const PolicyLoss tight{.level = RatioLevel::kSequence, .clip_low = 3e-4f, .clip_high = 4e-4f};
  const Result2 clipped = loss_of(tight, a);
  EXPECT_NEAR(clipped.stats.loss, -2 * 0.25 * 2 * 1.0004, 1e-6);
  EXPECT_EQ(clipped.dlogp, (Floats{0, 0}));
  EXPECT_EQ(clipped.stats.n_clipped_high, 2);
}

TEST(Gspo, ItsTokenFormHasTheSameValueAndGradientOfEachTokensOwn) {
  const Answer a{{-1.0f, -1.0f}, {-1.1f, -1.3f}, {}, {2, -1}, {}, {}, {}, 0.25f};
  const double s = std::exp(0.2);
  const PolicyLoss config{.level = RatioLevel::kSequenceToken, .clip_low = 0.5f, .clip_high = 0.5f};
  const Result2 r = loss_of(config, a);
  EXPECT_NEAR(r.stats.loss, -0.25 * s * (2 - 1), 1e-6);
  EXPECT_NEAR(r.dlogp[0], -0.25 * s * 2, 1e-6);
  EXPECT_NEAR(r.dlogp[1], 0.25 * s, 1e-6);
}

TEST(PolicyLoss, TheRatioOfEqualLogpIsExactlyOneAtEveryLevel) {
  for (const RatioLevel level :
       {RatioLevel::kToken, RatioLevel::kSequence, RatioLevel::kSequenceToken}) {
    for (float logp : {-0.0f, -1e-7f, -0.3f, -17.25f, -100.0f}) {
      const PolicyStats s = token({.level = level}, logp, logp, 0, 1.0f, 1.0f).stats;
      EXPECT_EQ(s.ratio_min, 1.0);
      EXPECT_EQ(s.ratio_max, 1.0);
      EXPECT_EQ(s.max_logp_difference, 0.0);
      EXPECT_EQ(s.loss, -1.0);
    }
  }
}

TEST(OffPolicyMask, DropsBadAnswersThatThePolicyHasLeft) {
  const Floats sampler{-1, -1}, now{-2, -1.2f};  // mean 0.6 nats away
  EXPECT_FALSE(keeps_sequence(-1, sampler, now, 0.5f));
  EXPECT_TRUE(keeps_sequence(-1, sampler, now, 0.7f));
  EXPECT_TRUE(keeps_sequence(1, sampler, now, 0.5f));  // good ones stay
  EXPECT_TRUE(keeps_sequence(0, sampler, now, 0.5f));
  EXPECT_TRUE(keeps_sequence(-1, now, sampler, 0.5f));  // it moved towards it
  const PolicyLoss config{.beta = 0.5f, .off_policy_mask_threshold = 0.5f};
  Answer a{now, sampler, {-2, -2}, {-1, -1}};
  const Result2 r = loss_of(config, a);
  EXPECT_EQ(r.stats.n_masked_sequences, 1);
  EXPECT_EQ(r.stats.n_sequences, 1);
  // the penalty stays: token 1 agrees with the reference, token 2 has rho = exp(-0.8)
  EXPECT_EQ(r.dlogp[0], 0);
  EXPECT_NEAR(r.dlogp[1], 0.5 * (1 - std::exp(-0.8)), 1e-6);
  EXPECT_NEAR(r.stats.loss, 0.5 * (std::exp(-0.8) + 0.8 - 1), 1e-6);
  a.sampler_logp = now;  // it is the sampler that counts, not the trainer's old weights
  EXPECT_EQ(loss_of(config, a).stats.n_masked_sequences, 0);
}

TEST(Kl, EachEstimateFollowsItsFormula) {
  // logp -2, reference -1: ln rho = 1
  const double e = std::exp(1.0);
  EXPECT_FLOAT_EQ(kl_k1(-2, -1).value, -1);
  EXPECT_FLOAT_EQ(kl_k1(-2, -1).dlogp, 1);
  EXPECT_FLOAT_EQ(kl_k2(-2, -1).value, 0.5f);
  EXPECT_FLOAT_EQ(kl_k2(-2, -1).dlogp, -1);
  EXPECT_NEAR(kl_k3(-2, -1).value, e - 2, 1e-6);
  EXPECT_NEAR(kl_k3(-2, -1).dlogp, 1 - e, 1e-6);
  EXPECT_EQ(kl_k3(-2, -2).value, 0);
  EXPECT_EQ(kl_k3(-2, -2).dlogp, 0);
  const KlTerm scaled = unbiased(kl_k3(-2, -1), 2);
  EXPECT_NEAR(scaled.value, 2 * (e - 2), 1e-5);
  EXPECT_NEAR(scaled.dlogp, 2 * (e - 2 + 1 - e), 1e-5);
}

/// E_π[k' ∇ ln π] for a softmax over three tokens, by the first logit.
double mean_gradient(const Doubles& logits, const Doubles& reference,
                     const std::function<double(float, float)>& slope) {
  double sum = 0, total = 0;
  for (double z : logits) total += std::exp(z);
  for (size_t i = 0; i < 3; ++i) {
    const double p = std::exp(logits[i]) / total, first = std::exp(logits[0]) / total;
    const double dlogp = (i == 0 ? 1.0 : 0.0) - first;
    sum += p * slope(static_cast<float>(std::log(p)), static_cast<float>(reference[i])) * dlogp;
  }
  return sum;
}

TEST(Kl, TheUnbiasedEstimateHasTheGradientOfTheDivergenceAndPlainK3HasNot) {
  const Doubles logits{0.3, -0.2, 0.9}, reference{std::log(0.5), std::log(0.2), std::log(0.3)};
  const auto divergence = [&](double first) {
    Doubles z{first, logits[1], logits[2]};
    double total = 0, kl = 0;
    for (double x : z) total += std::exp(x);
    for (size_t i = 0; i < 3; ++i) {
      const double p = std::exp(z[i]) / total;
      kl += p * (std::log(p) - reference[i]);
    }
    return kl;
  };
  const double h = 1e-6, truth = (divergence(0.3 + h) - divergence(0.3 - h)) / (2 * h);
  const auto of = [&](auto term) {
    return mean_gradient(logits, reference, [&](float logp, float ref) {
      return static_cast<double>(term(logp, ref));
    });
  };
  EXPECT_NEAR(of([](float p, float r) { return unbiased(kl_k3(p, r), 1).dlogp; }), truth, 1e-6);
  EXPECT_NEAR(of([](float p, float r) { return unbiased(kl_k1(p, r), 1).dlogp; }), truth, 1e-6);
  EXPECT_NEAR(of([](float p, float r) { return kl_k2(p, r).dlogp; }), truth, 1e-6);
  EXPECT_GT(std::abs(of([](float p, float r) { return kl_k3(p, r).dlogp; }) - truth), 1e-2);
  EXPECT_NEAR(of([](float p, float r) { return kl_k1(p, r).dlogp; }), 0, 1e-6);  // no pull at all
}

/// The loss in double. What carries no gradient is computed from `still`.
double double_loss(const PolicyLoss& c, const Answer& a, const Doubles& logp, const Doubles& still,
                   const Doubles& entropy) {
  const size_t L = logp.size();
  double mean = 0, still_mean = 0, moved = 0, loss = 0, advantage = 0;
  for (size_t t = 0; t < L; ++t) {
    mean += (logp[t] - a.old_logp[t]) / static_cast<double>(L);
    still_mean += (still[t] - a.old_logp[t]) / static_cast<double>(L);
    moved += (a.old_logp[t] - still[t]) / static_cast<double>(L);
    advantage += a.advantage[t];
  }
  const bool masked =
      c.off_policy_mask_threshold > 0 && advantage < 0 && moved > c.off_policy_mask_threshold;
  for (size_t t = 0; t < L; ++t) {
    const double A = a.advantage[t], own = std::exp(logp[t] - a.old_logp[t]);
    double r = own;
    if (c.level == RatioLevel::kSequence) r = std::exp(mean);
    if (c.level == RatioLevel::kSequenceToken) {
      r = std::exp(still_mean) * std::exp(logp[t] - still[t]);
    }
    const double still_r =
        std::exp(c.level == RatioLevel::kToken ? still[t] - a.old_logp[t] : still_mean);
    const auto clip = [&](double x) { return std::clamp(x, 1.0 - c.clip_low, 1.0 + c.clip_high); };
    double value = std::min(r * A, clip(r) * A);
    if (c.delta > 0 && A < 0) value = std::max(value, c.delta * A);
    if (c.kind == SurrogateKind::kCispo) value = clip(still_r) * A * logp[t];
    if (c.kind == SurrogateKind::kReinforce) value = A * logp[t];
    const double w = a.weight, correction = a.correction.empty() ? 1.0 : a.correction[t];
    if (!masked) loss -= w * correction * value;
    const double d = logp[t] - a.reference[t];
    double kl = std::exp(-d) + d - 1;
    if (c.kl == KlEstimator::kK1) kl = d;
    if (c.kl == KlEstimator::kK2) kl = d * d / 2;
    if (c.unbiased_kl) kl *= own;
    loss += w * c.beta * kl - c.entropy_coef * w * entropy[t];
  }
  return loss;
}

TEST(PolicyLoss, DerivativesEqualCentralDifferencesForEveryOption) {
  Answer a{{-1.2f, -0.7f, -2.5f, -0.3f},
           {-1.3f, -0.9f, -1.9f, -0.35f},
           {-1.0f, -1.2f, -2.0f, -0.3f},
           {1.3f, 1.3f, 1.3f, 1.3f}};
  a.entropy = {0.9f, 0.4f, 1.1f, 0.2f};
  a.weight = 0.4f;
  int n = 0;
  for (const float sign : {1.0f, -0.6f}) {
    for (float& x : a.advantage) x = sign;
    for (const Floats& correction : {Floats{}, Floats{2.0f, 0.5f, 0.0f, 1.5f}}) {
      a.correction = correction;
      for (const auto kind :
           {SurrogateKind::kPpoClip, SurrogateKind::kCispo, SurrogateKind::kReinforce}) {
        for (const auto level :
             {RatioLevel::kToken, RatioLevel::kSequence, RatioLevel::kSequenceToken}) {
          for (const auto kl : {KlEstimator::kK1, KlEstimator::kK2, KlEstimator::kK3}) {
            for (const bool unbiased_kl : {false, true}) {
              for (const float threshold : {0.0f, 0.02f}) {
                const PolicyLoss c{kind, level, 0.15f,       0.2f,      1.5f,
                                   0.7f, kl,    unbiased_kl, threshold, 0.05f};
                const Result2 r = loss_of(c, a);
                const Doubles logp(a.logp.begin(), a.logp.end()),
                    entropy(a.entropy.begin(), a.entropy.end());
                ASSERT_NEAR(r.stats.loss, double_loss(c, a, logp, logp, entropy), 2e-6);
                for (size_t t = 0; t < 4; ++t) {
                  const double h = 1e-6;
                  Doubles up = logp, down = logp, more = entropy, less = entropy;
                  up[t] += h, down[t] -= h, more[t] += h, less[t] -= h;
                  const double slope = (double_loss(c, a, up, logp, entropy) -
                                        double_loss(c, a, down, logp, entropy)) /
                                       (2 * h);
                  ASSERT_NEAR(r.dlogp[t], slope, 1e-5) << n << " token " << t;
                  const double by_entropy =
                      (double_loss(c, a, logp, logp, more) - double_loss(c, a, logp, logp, less)) /
                      (2 * h);
                  ASSERT_NEAR(r.dentropy[t], by_entropy, 1e-6);
                }
                ++n;
              }
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(n, 2 * 2 * 3 * 3 * 3 * 2 * 2);
}

TEST(PolicyLoss, IsFiniteHoweverFarThePolicyMoved) {
  for (float logp : {-1e30f, -500.0f, 0.0f}) {
    for (float old_logp : {-1e30f, -500.0f, 0.0f}) {
      for (const auto level : {RatioLevel::kToken, RatioLevel::kSequence}) {
        const Result2 r =
            token({.level = level, .beta = 1.0f}, logp, old_logp, old_logp, -1.0f, 1.0f);
        EXPECT_TRUE(std::isfinite(r.stats.loss) && std::isfinite(r.dlogp[0]))
            << logp << " " << old_logp;
      }
    }
  }
}

TEST(PolicyStats, AddUpOverMicroBatches) {
  PolicyStats sum;
  Answer a{{-1.0f}, {-1.5f}, {}, {1.0f}, {0.5f}}, b{{-2.0f}, {-1.0f}, {}, {-1.0f}, {0.25f}};
  sum.add(loss_of({}, a).stats);
  sum.add(loss_of({}, b).stats);
  EXPECT_EQ(sum.n_tokens, 2);
  EXPECT_EQ(sum.n_sequences, 2);
  EXPECT_NEAR(sum.ratio_min, std::exp(-1.0), 1e-6);
  EXPECT_NEAR(sum.ratio_max, std::exp(0.5), 1e-6);
  EXPECT_NEAR(sum.max_logp_difference, 1.0, 1e-6);
  EXPECT_NEAR(sum.entropy, 0.75, 1e-6);
  EXPECT_EQ(sum.n_clipped_low, 1);
  EXPECT_EQ(sum.n_clipped_high, 1);
}

TEST(PolicyLoss, KnowsItsNames) {
  EXPECT_EQ(*parse_policy_loss("cispo"), SurrogateKind::kCispo);
  EXPECT_EQ(*parse_ratio_level("sequence_token"), RatioLevel::kSequenceToken);
  EXPECT_EQ(*parse_kl_estimator("k2"), KlEstimator::kK2);
  EXPECT_EQ(parse_policy_loss("gspo").error().message,
            "unknown policy_loss 'gspo'; known: ppo_clip, cispo, reinforce");
  EXPECT_EQ(parse_ratio_level("turn").error().message,
            "unknown importance_sampling_level 'turn'; known: token, sequence, sequence_token");
  EXPECT_EQ(parse_kl_estimator("kl").error().message,
            "unknown kl_estimator 'kl'; known: k1, k2, k3");
}

}  // namespace
}  // namespace r1
