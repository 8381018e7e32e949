// A mixture of SwiGLU experts: a router sends each row to a few of many, and to shared ones that
// see every row. No capacity, no dropping.                            [DeepSeek-V3, section 2.1.2]
#pragma once

#include "nn/mlp.h"
#include "nn/router.h"

namespace r1 {

struct Moe {
  Linear gate;                        // (E, C)
  Parameter e_score_correction_bias;  // (E), joins the choice only; shape empty: none
  std::vector<Mlp> experts;           // E
  Mlp shared_experts;                 // all in one, side by side; unshaped: none
  Routing routing;

  struct Saved {
    Tensor x;  // (N, C)
    Routes routes;
    Tensor xs, gate, up, act, ys;  // by slot: (N K, C), (N K, F) three times, (N K, C)
    Mlp::Saved shared;
  };

  /// h (N, C) += Σ_k weight_k expert_k(x) + shared(x), k ascending.
  void forward(Context&, Tensor h, Tensor x, Saved*) const;
  /// Returns dx (N, C) for dh (N, C).
  Tensor backward(Context&, Tensor dh, const Saved&) const;

  void visit(auto&& f) {
    f("gate.weight", gate);
    if (!e_score_correction_bias.shape.empty()) {
      f("gate.e_score_correction_bias", e_score_correction_bias);
    }
    for (size_t e = 0; e < experts.size(); ++e) {
      const std::string prefix = "experts." + std::to_string(e) + ".";
      experts[e].visit([&](const std::string& name, auto& part) { f(prefix + name, part); });
    }
    if (has_shared()) {
      shared_experts.visit(
          [&](const std::string& name, auto& part) { f("shared_experts." + name, part); });
    }
  }

 private:
  bool has_shared() const { return !shared_experts.gate_proj.weight.shape.empty(); }
};

}  // namespace r1
