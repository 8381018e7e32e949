// Grouped-query attention with rotary positions.           [Vaswani et al. 2017; Ainslie et al.
// 2023]
#pragma once

#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/rope_table.h"

namespace r1 {

/// Softmax attention over pages of keys and values: what GQA and MLA share.
struct AttentionCore {
  int64_t n_heads = 0, n_kv_heads = 0, head_dim = 0;
  int64_t value_dim = 0;        // 0: head_dim
  float scale = 0.0f;           // of q · k
  bool values_in_keys = false;  // a value is the first value_dim numbers of its key

  struct Saved {
    Tensor q, o, lse;         // (N, H D) rotated, (N, H Dv), (N, H)
    std::byte* kv = nullptr;  // this layer's pages
  };

  int64_t values() const { return value_dim > 0 ? value_dim : head_dim; }
  /// Writes k (N, Hkv D), v (N, Hkv Dv; empty when values lie in keys) to the pages of `layer`;
  /// returns o (N, H Dv).
  Tensor forward(Context&, const Rows&, int64_t layer, Tensor q, Tensor k, Tensor v, Saved*) const;
  /// dq, dk, dv are overwritten.
  void backward(Context&, const Rows&, Tensor dq, Tensor dk, Tensor dv, Tensor d_o,
                const Saved&) const;
  /// Layout of this layer's pages; base is filled in by the caller.
  KvView page_layout(Dtype kv_dtype) const;

 private:
  KvView view(const Context&, const Rows&, std::byte* base) const;
};

struct Attention {
  Linear q_proj, k_proj, v_proj, o_proj;  // (H D, C), (Hkv D, C), (Hkv D, C), (C, H D)
  RmsNorm q_norm, k_norm;                 // (D) of each head, before rotation; shape empty: none
  AttentionCore core;
  const RopeTable* rope_table = nullptr;

  struct Saved {
    Tensor x;  // (N, C)
    AttentionCore::Saved core;
    RmsNorm::Saved q_norm, k_norm;  // of (N H, D) and (N Hkv, D)
  };

  /// h (N, C) += o_proj(attention(x)); keys and values go to the pages of `layer`.
  void forward(Context&, const Rows&, int64_t layer, Tensor h, Tensor x, Saved*) const;
  /// Returns dx (N, C) for dh (N, C).
  Tensor backward(Context&, const Rows&, Tensor dh, const Saved&) const;

  void visit(auto&& f) {
    f("q_proj.weight", q_proj);
    f("k_proj.weight", k_proj);
    f("v_proj.weight", v_proj);
    f("o_proj.weight", o_proj);
    if (has_norms()) {
      f("q_norm.weight", q_norm);
      f("k_norm.weight", k_norm);
    }
  }

 private:
  bool has_norms() const { return !q_norm.weight.shape.empty(); }
};

}  // namespace r1
