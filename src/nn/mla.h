// Multi-head latent attention: keys and values of all heads come from one narrow latent, positions
// from one rotary key that the heads share.                             [DeepSeek-V3, eqs. 1-11]
#pragma once

#include "nn/attention.h"

namespace r1 {

/// Two forms of one function; they differ in the last bits.
/// Expanded: keys and values of every head are made and cached; attention of H heads with
/// D = nope + rope and Dv = value_dim.
/// Absorbed: q · (Wk c) = (Wkᵀ q) · c, so queries move into the latent space and the latent c is
/// key and value of all heads at once: R + rope numbers a token are cached. Attention of H heads
/// over one KV head with D = R + rope and Dv = R.       [DeepSeek-V2, section 2.1.2 and appendix C]
struct Mla {
  Linear q_proj;                    // (H D, C), where queries have no latent
  Linear q_a_proj, q_b_proj;        // (Rq, C), (H D, Rq), where they do
  RmsNorm q_a_layernorm;            // (Rq)
  Linear kv_a_proj_with_mqa;        // (R + rope, C): the latent, then the shared rotary key
  RmsNorm kv_a_layernorm;           // (R), on the latent alone
  Linear kv_b_proj;                 // (H (nope + Dv), R): of each head the key, then the value
  Linear o_proj;                    // (C, H Dv)
  int64_t nope = 0, rope_dim = 0;   // parts of a head's D, in this order
  int64_t value_dim = 0;            // Dv
  int64_t q_rank = 0, kv_rank = 0;  // Rq (0: q_proj), R
  bool absorbed = false;
  AttentionCore core;
  const RopeTable* rope_table = nullptr;

  struct Saved {
    Tensor x, q_latent, latent;  // (N, C), normed (N, Rq), normed (N, R)
    RmsNorm::Saved q_norm, kv_norm;
    AttentionCore::Saved core;
    // absorbed: (H N, nope) queries and (H N, R) outputs head by head, (N, H Dv) what o_proj saw
    Tensor q_heads, o_heads, o;
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
  int64_t head_dim() const { return nope + rope_dim; }
  void turn(Context&, const Rows&, Tensor q, Tensor k_rope, bool inverse) const;
  /// o (N, H Dv) of q (N, H D), the latent (N, R) and the rotary key (N, rope), both turned.
  Tensor attend_expanded(Context&, const Rows&, int64_t layer, Tensor q, Tensor latent,
                         Tensor k_rope, Saved*) const;
  Tensor attend_absorbed(Context&, const Rows&, int64_t layer, Tensor q, Tensor latent,
                         Tensor k_rope, Saved*) const;
  /// Overwrites dq, dlatent and dk_rope for d_o; adds to the gradient of kv_b_proj.
  void backward_expanded(Context&, const Rows&, Tensor dq, Tensor dlatent, Tensor dk_rope,
                         Tensor d_o, const Saved&) const;
  void backward_absorbed(Context&, const Rows&, Tensor dq, Tensor dlatent, Tensor dk_rope,
                         Tensor d_o, const Saved&) const;
};

}  // namespace r1
