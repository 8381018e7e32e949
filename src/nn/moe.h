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
  int64_t place = 0;  // among the model's mixtures, in order

  struct Saved {
    Tensor x;  // (N, C)
    Routes routes;
    Tensor xs, ys;         // (N K, C) by slot
    Tensor gate, up, act;  // (N K F + N Fs): by slot, then the shared experts'
  };

  /// h (N, C) += Σ_k weight_k expert_k(x) + shared(x), k ascending.
  void forward(Context&, Tensor h, Tensor x, Saved*) const;
  /// Returns dx (N, C) for dh (N, C). Counts the routes in ctx.experts.
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
  int64_t shared_width() const { return has_shared() ? shared_experts.gate_proj.out() : 0; }
  Tensor routed_part(Tensor flat, int64_t n_slots) const;
  Tensor shared_part(Tensor flat, int64_t n_slots) const;
  void for_each_group(const Context&, const Routes&, auto&& body) const;
};

}  // namespace r1
