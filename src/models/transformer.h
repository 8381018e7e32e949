// The decoder: embedding, blocks, head. The sampler and the trainer call the same forward.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/stored.h"
#include "models/config.h"
#include "models/lora_config.h"
#include "nn/block.h"
#include "nn/lm_head.h"

namespace r1 {

/// Tensors of a checkpoint that no module computes with, kept for saving.
struct KeptTensors {
  std::vector<NamedTensor> tensors;
  Arena memory;
};

/// Not thread-safe; kernels inside use the Launch's pool.
class Transformer {
 public:
  struct Saved {
    std::vector<Block::Saved> blocks;
    Tensor h;  // (N, C) the last block's output
  };
  /// The type that a matrix is held in for inference.
  using Packing = std::function<Dtype(const Parameter&)>;

  /// Shapes everything and takes the memory (none for StoreUse::kPlan). Weights are not set.
  /// packing is asked for StoreUse::kInference only; none: dtype throughout.
  Transformer(const ModelConfig& config, Dtype dtype, StoreUse use, const Packing& packing = {});
  Transformer(const Transformer&) = delete;
  Transformer& operator=(const Transformer&) = delete;
  ~Transformer();

  /// Random weights: N(0, std²), outputs of residual branches scaled by 1 / sqrt(2 L).
  /// std = 0 means 1 / sqrt(fan-in). Keyed by (seed, parameter index).
  void init(uint64_t seed, float std, float embedding_std);

  /// Gives a frozen model trainable adapters: A random, keyed by seed, B zero, so that the model is
  /// what it was until it learns. The error names a target module that does not exist.
  /// plan: shapes only.
  Result<void> adapt(const LoraConfig& lora, uint64_t seed, bool plan = false);
  bool adapted() const { return lora_.r > 0; }
  const LoraConfig& lora() const { return lora_; }

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
  /// All weights but adapters.
  const ParameterStore& store() const { return store_; }
  ParameterStore& store() { return store_; }
  /// What an optimizer moves: the adapters if there are any, else all weights.
  const ParameterStore& trained() const { return adapted() ? adapters_ : store_; }
  int64_t n_parameters() const;
  /// Bytes of one page of 64 keys over all layers.
  int64_t kv_page_bytes(Dtype kv_dtype) const;
  int64_t panel_bytes() const { return panel_bytes_; }
  int64_t adapter_panel_bytes() const { return adapter_panel_bytes_; }

  /// Copies another model's weights; same config. refresh() must follow.
  void copy_weights_from(const Transformer& other);

  KeptTensors kept;

 private:
  void shape_block(Block& block, int64_t layer);
  void visit_linears(auto&& f);
  std::vector<Parameter*> list_parameters();
  void place_panels(const Packing& packing);
  void embed_rows(const Launch&, Tensor h, const int32_t* tokens) const;

  ModelConfig config_;
  Dtype dtype_;
  StoreUse use_;
  Parameter embed_tokens_;  // (V, C)
  std::vector<Block> blocks_;
  LmHead head_;
  mutable RopeTable rope_table_;  // grows as positions are reached
  ParameterStore store_, adapters_;
  LoraConfig lora_;
  std::byte *panels_ = nullptr, *adapter_panels_ = nullptr;
  int64_t panel_bytes_ = 0, adapter_panel_bytes_ = 0;
};

}  // namespace r1
