// A pre-norm transformer block: h += attention(norm(h)); h += mlp(norm(h)).
#pragma once

#include <variant>

#include "nn/mla.h"
#include "nn/mlp.h"
#include "nn/moe.h"
#include "nn/norm.h"

namespace r1 {

struct Block {
  RmsNorm input_layernorm, post_attention_layernorm;
  std::variant<Attention, Mla> self_attn;
  std::variant<Mlp, Moe> mlp;

  struct Parts {  // what one pass through the block's parts leaves behind
    RmsNorm::Saved norm1, norm2;
    std::variant<Attention::Saved, Mla::Saved> attention;
    std::variant<Mlp::Saved, Moe::Saved> mlp;
  };
  struct Saved {
    Tensor input;  // (N, C)
    Parts parts;   // empty when recomputed
  };

  /// Returns the block's output. Without saved, h itself is updated; with it, h is left as it was.
  Tensor forward(Context&, const Rows&, int64_t layer, Tensor h, Saved*) const;
  /// dh (N, C) becomes the gradient of the block's input.
  void backward(Context&, const Rows&, int64_t layer, Tensor dh, const Saved&) const;

  const AttentionCore& core() const {
    return std::visit([](const auto& a) -> const AttentionCore& { return a.core; }, self_attn);
  }

  void visit(auto&& f) {
    const auto in = [&](const char* prefix) {
      return [&f, prefix](const std::string& name, auto& part) { f(prefix + name, part); };
    };
    f("input_layernorm.weight", input_layernorm);
    std::visit([&](auto& part) { part.visit(in("self_attn.")); }, self_attn);
    f("post_attention_layernorm.weight", post_attention_layernorm);
    std::visit([&](auto& part) { part.visit(in("mlp.")); }, mlp);
  }

 private:
  Tensor run(Context&, const Rows&, int64_t layer, Tensor h, Parts*) const;
};

}  // namespace r1
