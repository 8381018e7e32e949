// Golden vectors of a published course, when R1_SHARED_DATA names the folder that holds rl_ops/.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/cross_entropy.h"
#include "train/learner.h"
#include "train/objectives.h"
#include "train/policy_loss.h"

namespace r1 {
namespace {

using Json = nlohmann::json;
using Floats = std::vector<float>;

/// The golden case of this name, or null.
Json golden(const std::string& name) {
  const char* data = std::getenv("R1_SHARED_DATA");
  std::ifstream in(std::filesystem::path(data ? data : "") / "rl_ops" / "cs336_golden.jsonl");
  for (std::string line; data && std::getline(in, line);) {
    Json json = Json::parse(line);
    if (json["name"] == name) return json;
  }
  return nullptr;
}

#define SKIP_WITHOUT(json) \
  if ((json).is_null())    \
  GTEST_SKIP() << "set R1_SHARED_DATA to a folder with rl_ops/cs336_golden.jsonl"

Floats flat(const Json& json) {
  if (!json.is_array()) return {json.get<float>()};
  Floats all;
  for (const auto& part : json) {
    const Floats values = flat(part);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

TEST(Cs336, EntropyOfTheLastAxis) {
  const Json json = golden("test_compute_entropy");
  SKIP_WITHOUT(json);
  Floats logits = flat(json["inputs"]["logits"]);
  const Floats expected = flat(json["expected"]["array"]);
  const int64_t N = static_cast<int64_t>(expected.size()),
                V = static_cast<int64_t>(logits.size()) / N;
  Floats logp(N), entropy(N), lse(N);
  const std::vector<int32_t> targets(N, 0);
  const Floats inverse(N, 1.0f);
  ThreadPool pool(1);
  const auto vector = [&](Floats& x) { return Tensor(x.data(), Dtype::kF32, {N}); };
  cross_entropy_forward({available_backends().back(), &pool}, vector(logp), vector(entropy),
                        vector(lse), Tensor(logits.data(), Dtype::kF32, {N, V}), targets.data(),
                        inverse.data());
  for (int64_t i = 0; i < N; ++i) EXPECT_NEAR(entropy[i], expected[i], 1e-6);
}

TEST(Cs336, ClippedSurrogatePerToken) {
  const Json json = golden("test_compute_grpo_clip_loss_small_cliprange");
  SKIP_WITHOUT(json);
  const Floats logp = flat(json["inputs"]["policy_log_probs"]),
               old = flat(json["inputs"]["old_log_probs"]);
  const Floats advantages = flat(json["inputs"]["advantages"]),
               expected = flat(json["expected"]["array"]);
  const float clip = json["params"]["cliprange"].get<float>(), entropy = 0.0f;
  const size_t T = logp.size() / advantages.size();
  for (size_t t = 0; t < logp.size(); ++t) {
    float dlogp, dentropy;
    const PolicyStats s = policy_loss(
        {.clip_low = clip, .clip_high = clip},
        {{&logp[t], 1}, {&entropy, 1}, {&old[t], 1}, {&old[t], 1}, {}, {&advantages[t / T], 1}, {}},
        {&dlogp, 1}, {&dentropy, 1});
    EXPECT_NEAR(s.loss, expected[t], 1e-6);
  }
}

/// The three names under which the course asks for -A log π.
TEST(Cs336, PolicyGradientPerToken) {
  for (const auto& [name, key] :
       {std::pair{"test_compute_naive_policy_gradient_loss", "raw_rewards_or_advantages"},
        std::pair{"test_compute_policy_gradient_loss_no_baseline", "raw_rewards"},
        std::pair{"test_compute_policy_gradient_loss_reinforce_with_baseline", "advantages"}}) {
    const Json json = golden(name);
    SKIP_WITHOUT(json);
    const Floats logp = flat(json["inputs"]["policy_log_probs"]),
                 advantages = flat(json["inputs"][key]), expected = flat(json["expected"]["array"]);
    const size_t T = logp.size() / advantages.size();
    ASSERT_EQ(expected.size(), logp.size());
    for (size_t t = 0; t < logp.size(); ++t) {
      EXPECT_NEAR(-reinforce_surrogate(advantages[t / T], logp[t]).value, expected[t], 1e-6)
          << name;
    }
  }
}

/// Σ weight x over the masked elements; a row of the last axis is one sequence.
double aggregate(const Json& json, Aggregation mode, int64_t max_length, int64_t row_length) {
  const Floats x = flat(json["inputs"]["tensor"]), mask = flat(json["inputs"]["mask"]);
  std::vector<int64_t> lengths(x.size() / row_length, 0);
  for (size_t i = 0; i < mask.size(); ++i) lengths[i / row_length] += mask[i] != 0.0f;
  const auto weights = token_weights(mode, lengths, max_length);
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    sum += mask[i] != 0.0f ? weights[i / row_length] * x[i] : 0.0;
  return sum;
}

TEST(Cs336, MaskedMeanOverAllTokens) {
  const Json json = golden("test_masked_mean_dimNone");
  SKIP_WITHOUT(json);
  EXPECT_NEAR(aggregate(json, Aggregation::kTokenMean, 1, 100), flat(json["expected"]["array"])[0],
              1e-6);
}

TEST(Cs336, MaskedMeanOfEachSequence) {
  const Json json = golden("test_masked_mean_dimlast");
  SKIP_WITHOUT(json);
  const Floats rows = flat(json["expected"]["array"]);
  double mean = 0;
  for (float r : rows) mean += r / static_cast<double>(rows.size());
  const int64_t row_length =
      static_cast<int64_t>(flat(json["inputs"]["tensor"]).size() / rows.size());
  EXPECT_NEAR(aggregate(json, Aggregation::kSequenceMean, 1, row_length), mean, 1e-6);
}

TEST(Cs336, MaskedSumOverAConstant) {
  const Json json = golden("test_masked_normalize_dimNone");
  SKIP_WITHOUT(json);
  const int64_t n_elements = static_cast<int64_t>(flat(json["inputs"]["tensor"]).size());
  const double constant = json["params"]["normalize_constant"].get<double>();
  // one sequence: kConstant divides by its max_length, kSequenceSum by nothing
  EXPECT_NEAR(aggregate(json, Aggregation::kSequenceSum, 1, n_elements) / constant,
              flat(json["expected"]["array"])[0], 1e-6);
}

TEST(Cs336, SftStepWithItsGradient) {
  const Json json = golden("test_sft_microbatch_train_step");
  SKIP_WITHOUT(json);
  const Floats logp = flat(json["inputs"]["policy_log_probs"]),
               mask = flat(json["inputs"]["response_mask"]);
  const Floats gradient = flat(json["expected"]["policy_log_probs_grad"]);
  const double total = json["params"]["normalize_constant"].get<double>() *
                       json["params"]["gradient_accumulation_steps"].get<double>() *
                       static_cast<double>(json["inputs"]["response_mask"].size());
  Floats dlogp(logp.size());
  EXPECT_NEAR(nll(logp, mask, total, dlogp), json["expected"]["loss"].get<double>(), 1e-6);
  for (size_t i = 0; i < logp.size(); ++i) EXPECT_NEAR(dlogp[i], gradient[i], 1e-7);
}

}  // namespace
}  // namespace r1
