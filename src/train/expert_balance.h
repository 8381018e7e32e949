// Experts used evenly: a bias that moves after each step, or a loss; and how even they are.
#pragma once

#include <string>

#include "base/records.h"
#include "train/learner.h"

namespace r1 {

struct BalanceConfig {
  std::string balance = "auto";
  double bias_update_speed = 0.001;
  double bias_update_share = 0.966;
  double seq_aux_loss_alpha = 1e-4;
  double aux_loss_alpha = 0.003;
  std::string aux_loss_scope = "sequence";

  void visit(auto&& f) {
    f("balance", balance,
      "of experts: aux_free (a bias that follows the load, V3), aux_loss (V2), none, or auto: "
      "aux_free where the model has that bias");
    f("bias_update_speed", bias_update_speed, "aux_free: what a step adds to or takes from a bias");
    f("bias_update_share", bias_update_share,
      "aux_free: share of the run after which biases stay as they are");
    f("seq_aux_loss_alpha", seq_aux_loss_alpha, "aux_free: weight of the small sequence-wise loss");
    f("aux_loss_alpha", aux_loss_alpha, "aux_loss: weight of the loss");
    f("aux_loss_scope", aux_loss_scope,
      "aux_loss: even within each sequence, or only within each micro-batch: sequence or batch");
  }
  Result<void> validate() const;
};

/// A config for one model: "auto" decided, what the model has not refused.
class ExpertBalance {
 public:
  static Result<ExpertBalance> open(const BalanceConfig& config, Transformer& model);

  /// Before a step's micro-batches; they have n_rows rows together.
  void begin_step(Learner& learner, int64_t n_rows) const;
  /// How far biases move after a step, of which `done` (0 to 1) of the run lies behind.
  float bias_speed(double done) const;

 private:
  BalanceConfig config_;
};

/// b_i += speed · sign(mean load − load_i), exact in integers.   [DeepSeek-V3, section 2.1.2; Wang
/// et al. 2024, algorithm 1]
void move_biases(Transformer& model, const std::vector<ExpertTally::Layer>& layers, float speed);

/// moe/… of a step; empty for a dense model.
Metrics expert_metrics(const std::vector<ExpertTally::Layer>& layers);

/// {"loads": [[rows of expert 0, …], …]}, a list for each layer; "" for a dense model.
std::string loads_json(const std::vector<ExpertTally::Layer>& layers);

}  // namespace r1
