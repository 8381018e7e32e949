// The decoder: embedding, blocks, head. The sampler and the trainer call the same forward.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/config.h"
#include "nn/block.h"
#include "nn/lm_head.h"

namespace r1 {

/// Not thread-safe; kernels inside use the Launch's pool.
class Transformer {
 public:
  struct Saved {
    std::vector<Block::Saved> blocks;
    Tensor h;  // (N, C) the last block's output
  };

  /// Shapes everything and takes the memory (none for StoreUse::kPlan). Weights are not set.
  Transformer(const ModelConfig& config, Dtype dtype, StoreUse use);
  Transformer(const Transformer&) = delete;
  Transformer& operator=(const Transformer&) = delete;
  ~Transformer();

  /// Random weights: N(0, init_std²), outputs of residual branches scaled by 1 / sqrt(2 L).
  /// std = 0 means 1 / sqrt(fan-in). Keyed by (seed, parameter index).
  void init(uint64_t seed, float std, float embedding_std);

  /// After masters changed: rounds, then packs. Call before any forward.
  void refresh(const Launch&);

  /// h (N, C) before the final norm. saved == nullptr: inference.
  Tensor forward(Context&, const Rows&, Saved* saved) const;
  /// Adds to every gradient; dh (N, C) is used up.
  void backward(Context&, const Rows&, Tensor dh, const Saved&) const;

  /// Logits (n, V) of some rows of h.
  Tensor logits(Context& ctx, Tensor h, std::span<const int32_t> rows) const {
    return head_.logits(ctx, h, rows);
  }
  const LmHead& head() const { return head_; }

  const ModelConfig& config() const { return config_; }
  Dtype dtype() const { return dtype_; }
  StoreUse use() const { return use_; }
  const ParameterStore& store() const { return store_; }
  ParameterStore& store() { return store_; }
  int64_t n_parameters() const;
  /// Bytes of one page of 64 keys over all layers.
  int64_t kv_page_bytes(Dtype kv_dtype) const;
  int64_t panel_bytes() const { return panel_bytes_; }

  /// Copies another model's weights; same config.
  void copy_weights_from(const Transformer& other);

 private:
  void visit_linears(auto&& f);
  std::vector<Parameter*> list_parameters();

  ModelConfig config_;
  Dtype dtype_;
  StoreUse use_;
  Parameter embed_tokens_;  // (V, C)
  std::vector<Block> blocks_;
  LmHead head_;
  RopeTable rope_table_;
  ParameterStore store_;
  std::byte* panels_ = nullptr;
  int64_t panel_bytes_ = 0;
};

}  // namespace r1
