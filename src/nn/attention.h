// Grouped-query attention with rotary positions.           [Vaswani et al. 2017; Ainslie et al.
// 2023]
#pragma once

#include "nn/linear.h"
#include "nn/rope_table.h"

namespace r1 {

struct Attention {
  Linear q_proj, k_proj, v_proj, o_proj;  // (H D, C), (Hkv D, C), (Hkv D, C), (C, H D)
  int64_t n_heads = 0, n_kv_heads = 0, head_dim = 0;
  const RopeTable* rope_table = nullptr;

  struct Saved {
    Tensor x, q, o, lse;      // (N, C), (N, H D) rotated, (N, H D), (N, H)
    std::byte* kv = nullptr;  // this layer's pages
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
  }

  /// Layout of this layer's pages; base is filled in by the caller.
  KvView page_layout(Dtype kv_dtype) const;

 private:
  float scale() const;
  KvView view(const Context&, const Rows&, std::byte* base) const;
};

}  // namespace r1
