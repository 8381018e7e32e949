// Multi-head latent attention: keys and values of all heads come from one narrow latent, positions
// from one rotary key that the heads share; here in its expanded form.    [DeepSeek-V3, eqs. 1-11]
#pragma once

#include "nn/attention.h"

namespace r1 {

/// Expanded: attention of H heads with D = nope + rope and Dv = value_dim.
struct Mla {
  Linear q_proj;                    // (H D, C), where queries have no latent
  Linear q_a_proj, q_b_proj;        // (Rq, C), (H D, Rq), where they do
  RmsNorm q_a_layernorm;            // (Rq)
  Linear kv_a_proj_with_mqa;        // (R + rope, C): the latent, then the shared rotary key
  RmsNorm kv_a_layernorm;           // (R), on the latent alone
  Linear kv_b_proj;                 // (H (nope + Dv), R): of each head the key, then the value
  Linear o_proj;                    // (C, H Dv)
  int64_t nope = 0, rope_dim = 0;   // parts of a head's D, in this order
  int64_t q_rank = 0, kv_rank = 0;  // Rq (0: q_proj), R
  AttentionCore core;
  const RopeTable* rope_table = nullptr;

  struct Saved {
    Tensor x, q_latent, latent;  // (N, C), normed (N, Rq), normed (N, R)
    RmsNorm::Saved q_norm, kv_norm;
    AttentionCore::Saved core;
  };

  /// h (N, C) += o_proj(attention(x)); keys and values go to the pages of `layer`.
  void forward(Context&, const Rows&, int64_t layer, Tensor h, Tensor x, Saved*) const;
  /// Returns dx (N, C) for dh (N, C).
  Tensor backward(Context&, const Rows&, Tensor dh, const Saved&) const;

  void visit(auto&& f) {
    if (q_rank == 0) {
      f("q_proj.weight", q_proj);
    } else {
      f("q_a_proj.weight", q_a_proj);
      f("q_a_layernorm.weight", q_a_layernorm);
      f("q_b_proj.weight", q_b_proj);
    }
    f("kv_a_proj_with_mqa.weight", kv_a_proj_with_mqa);
    f("kv_a_layernorm.weight", kv_a_layernorm);
    f("kv_b_proj.weight", kv_b_proj);
    f("o_proj.weight", o_proj);
  }

 private:
  void turn(Context&, const Rows&, Tensor q, Tensor k_rope, bool inverse) const;
};

}  // namespace r1
