#include "train/expert_balance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace r1 {
namespace {

int64_t total(const std::vector<int64_t>& loads) {
  return std::accumulate(loads.begin(), loads.end(), int64_t{0});
}

/// How uneven one layer is.
struct Evenness {
  double max_violation = 0;  // max load / mean − 1                     [Wang et al. 2024, MaxVio]
  double mean_violation = 0;  // mean |load / mean − 1|
  double entropy = 1;         // of the shares of the load, over ln E: 1 is even
  int64_t n_dead = 0;         // experts without a row
};

Evenness evenness(const std::vector<int64_t>& loads) {
  const double n = static_cast<double>(loads.size());
  const double mean = static_cast<double>(total(loads)) / n;
  Evenness e;
  double entropy = 0;
  for (int64_t load : loads) {
    const double ratio = static_cast<double>(load) / mean, share = ratio / n;
    e.max_violation = std::max(e.max_violation, ratio - 1);
    e.mean_violation += std::abs(ratio - 1) / n;
    if (load > 0) entropy -= share * std::log(share);
    e.n_dead += load == 0;
  }
  if (loads.size() > 1) e.entropy = entropy / std::log(n);
  return e;
}

}  // namespace

Result<void> BalanceConfig::validate() const {
  if (balance != "auto" && balance != "aux_free" && balance != "aux_loss" && balance != "none") {
    return fail("balance is '{}'; it is auto, aux_free, aux_loss or none", balance);
  }
  if (aux_loss_scope != "sequence" && aux_loss_scope != "batch") {
    return fail("aux_loss_scope is '{}'; it is sequence or batch", aux_loss_scope);
  }
  if (!(bias_update_speed >= 0 && bias_update_speed <= 1)) {
    return fail("bias_update_speed is {}; it must be from 0 to 1", bias_update_speed);
  }
  if (!(bias_update_share >= 0 && bias_update_share <= 1)) {
    return fail("bias_update_share is {}; it must be from 0 to 1", bias_update_share);
  }
  for (const auto& [name, alpha] : {std::pair{"seq_aux_loss_alpha", seq_aux_loss_alpha},
                                    std::pair{"aux_loss_alpha", aux_loss_alpha}}) {
    if (!(alpha >= 0 && std::isfinite(alpha))) {
      return fail("{} is {}; it must not be negative", name, alpha);
    }
  }
  return {};
}

Result<ExpertBalance> ExpertBalance::open(const BalanceConfig& config, Transformer& model) {
  R1_RETURN_IF_ERROR(config.validate());
  ExpertBalance balance;
  balance.config_ = config;
  const auto mixtures = model.mixtures();
  const bool has_bias = !mixtures.empty() && !mixtures[0]->e_score_correction_bias.shape.empty();
  std::string& method = balance.config_.balance;
  if (method == "auto") method = mixtures.empty() ? "none" : has_bias ? "aux_free" : "aux_loss";
  if (method == "aux_free" && !mixtures.empty() && !has_bias) {
    return fail(
        "balance is aux_free, and {} has no correction bias; only deepseek_v3 has it: aux_loss",
        model.config().architecture);
  }
  return balance;
}

void ExpertBalance::begin_step(Learner& learner, int64_t n_rows) const {
  BalanceLoss& loss = learner.experts().balance;
  loss.n_rows = static_cast<double>(n_rows);
  loss.per_sequence = config_.balance != "aux_loss" || config_.aux_loss_scope == "sequence";
  loss.alpha = 0;
  if (config_.balance == "aux_free") loss.alpha = config_.seq_aux_loss_alpha;
  if (config_.balance == "aux_loss") loss.alpha = config_.aux_loss_alpha;
}

float ExpertBalance::bias_speed(double done) const {
  const bool moves = config_.balance == "aux_free" && done <= config_.bias_update_share;
  return moves ? static_cast<float>(config_.bias_update_speed) : 0.0f;
}

void move_biases(Transformer& model, const std::vector<ExpertTally::Layer>& layers, float speed) {
  const auto mixtures = model.mixtures();
  for (size_t i = 0; i < layers.size(); ++i) {
    const Tensor bias = mixtures[i]->e_score_correction_bias.weight;
    const std::vector<int64_t>& loads = layers[i].loads;
    const int64_t n = std::ssize(loads), sum = total(loads);
    for (int64_t e = 0; e < n && !bias.empty(); ++e) {
      const int64_t below = sum - n * loads[e];  // n (mean − load)
      bias.f32()[e] += below > 0 ? speed : below < 0 ? -speed : 0.0f;
    }
  }
}

Metrics expert_metrics(const std::vector<ExpertTally::Layer>& layers) {
  Evenness mean{0, 0, 0, 0};
  double worst = 0, loss = 0, n = 0;
  for (const ExpertTally::Layer& layer : layers) {
    if (total(layer.loads) == 0) continue;
    const Evenness e = evenness(layer.loads);
    n += 1;
    mean.max_violation += e.max_violation;
    mean.mean_violation += e.mean_violation;
    mean.entropy += e.entropy;
    mean.n_dead += e.n_dead;
    worst = std::max(worst, e.max_violation);
    loss += layer.loss;
  }
  if (n == 0) return {};
  return {
      {"moe/max_violation", mean.max_violation / n},          {"moe/max_violation_worst", worst},
      {"moe/mean_violation", mean.mean_violation / n},        {"moe/entropy", mean.entropy / n},
      {"moe/dead_experts", static_cast<double>(mean.n_dead)}, {"moe/balance_loss", loss}};
}

std::string loads_json(const std::vector<ExpertTally::Layer>& layers) {
  std::string json;
  for (const ExpertTally::Layer& layer : layers) {
    std::string list;
    for (int64_t load : layer.loads) list += (list.empty() ? "" : ",") + std::to_string(load);
    json += (json.empty() ? "[" : ",[") + list + "]";
  }
  return json.empty() ? "" : "{\"loads\":[" + json + "]}";
}

}  // namespace r1
