// The decoder: embedding, blocks, head. The sampler and the trainer call the same forward.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/config.h"
#include "models/lora_config.h"
#include "nn/block.h"
#include "nn/lm_head.h"
#include "nn/mtp.h"

namespace r1 {

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
  /// packing is asked for StoreUse::kInference only; none: dtype throughout. with_mtp: with the
  /// modules of multi-token prediction that the config names.
  Transformer(const ModelConfig& config, Dtype dtype, StoreUse use, const Packing& packing = {},
              bool with_mtp = false);
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
  /// Fills in the tables of positions as far as these rows go; forward does it by itself. Several
  /// threads may call forward at once, each with a Context of its own, when this came before.
  void reach_positions(const Context&, const Rows&) const;
  /// Adds to every gradient; dh (N, C) is used up. at_input, where given, is called with each block
  /// and the gradient of its input, last block first, and may add to that.
  using InputGradient = std::function<void(int64_t layer, Tensor dh)>;
  void backward(Context&, const Rows&, Tensor dh, const Saved&,
                const InputGradient& at_input = {}) const;

  /// Module k of multi-token prediction, from 0: h^{k+1} (N, C) before the module's norm. rows hold
  /// the tokens k + 1 places on; h is h^k, and h^0 is the output of head().norm.
  Tensor mtp_forward(Context&, const Rows&, int64_t k, Tensor h, Mtp::Saved*) const;
  /// dy (N, C) is used up, dh (N, C) added to. learns_words: the embedding gets its gradient, too.
  void mtp_backward(Context&, const Rows&, int64_t k, Tensor dh, Tensor dy, const Mtp::Saved&,
                    bool learns_words) const;
  const std::vector<Mtp>& mtp() const { return mtp_; }
  /// The first element in trained() that belongs to a module of multi-token prediction; numel()
  /// where there is none.
  int64_t mtp_begin() const;

  /// Logits (n, V) of some rows of h. other: a norm in place of head().norm.
  Tensor logits(Context& ctx, Tensor h, std::span<const int32_t> rows,
                const RmsNorm* other = nullptr) const {
    return head_.logits(ctx, h, rows, other);
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
  /// The mixtures of experts in the order of their places, those of MTP modules last.
  std::vector<Moe*> mixtures();
  /// Bytes of one page of 64 keys over all layers.
  int64_t kv_page_bytes(Dtype kv_dtype) const;
  int64_t panel_bytes() const { return panel_bytes_; }
  int64_t adapter_panel_bytes() const { return adapter_panel_bytes_; }

  /// Copies another model's weights; same config, but it may have MTP modules that this one has
  /// not. refresh() must follow.
  void copy_weights_from(const Transformer& other);

  /// Whether a saved model repeats embedding and head for each MTP module, as released ones do.
  bool repeats_words = true;

 private:
  void visit_linears(auto&& f);      // without those of MTP modules
  void visit_all_linears(auto&& f);  // with them
  std::vector<Parameter*> list_parameters();
  void place_panels(const Packing& packing);
  void embed_rows(const Launch&, Tensor h, const int32_t* tokens) const;

  ModelConfig config_;
  Dtype dtype_;
  StoreUse use_;
  Parameter embed_tokens_;  // (V, C)
  std::vector<Block> blocks_;
  LmHead head_;
  std::vector<Mtp> mtp_;
  mutable RopeTable rope_table_;  // grows as positions are reached
  ParameterStore store_, adapters_;
  LoraConfig lora_;
  std::byte *panels_ = nullptr, *adapter_panels_ = nullptr;
  int64_t panel_bytes_ = 0, adapter_panel_bytes_ = 0;
};

}  // namespace r1
