#include "models/plan_shape.h"

#include <cstdlib>

namespace r1 {
namespace {

constexpr const char* kLayers = "model.layers.";

/// The layer of "model.layers.17.…"; -1: of none.
int64_t layer_of(const std::string& name) {
  const std::string prefix = kLayers;
  return name.starts_with(prefix) ? std::atoll(name.c_str() + prefix.size()) : -1;
}

void add_to_block(BlockCount& block, const Parameter& p) {
  const auto has = [&](const char* text) { return p.name.find(text) != std::string::npos; };
  int64_t* part = &block.mlp;
  if (p.shape.size() < 2) {
    part = &block.vectors;
  } else if (has(".q_a_proj") || has(".kv_a_proj")) {
    part = &block.latents;
  } else if (has(".self_attn.")) {
    part = &block.heads;
  } else if (has(".mlp.experts.")) {
    part = &block.experts;
  } else if (has(".shared_experts.")) {
    part = &block.shared;
  } else if (has(".mlp.gate.")) {
    part = &block.router;
  }
  *part += p.numel();
}

/// The share of the experts that a token goes to.
int64_t chosen(const ModelConfig& c, int64_t experts) {
  const Routing& r = c.moe.routing;
  return r.n_experts > 0 ? experts / r.n_experts * r.top_k : 0;
}

void add_flops(TokenFlops& f, const ModelConfig& c, const BlockCount& b) {
  f.attention += 2.0 * static_cast<double>(b.heads + b.latents);
  f.mlp += 2.0 * static_cast<double>(b.mlp + b.projection);
  f.experts += 2.0 * static_cast<double>(chosen(c, b.experts));
  f.shared += 2.0 * static_cast<double>(b.shared);
  f.router += 2.0 * static_cast<double>(b.router);
  const int64_t values = c.is_mla() ? c.mla.v_head_dim : c.head_dim;
  f.per_key += 2.0 * static_cast<double>(c.n_heads * (c.head_dim + values));
}

}  // namespace

int64_t BlockCount::total() const {
  return heads + latents + mlp + experts + shared + router + projection + vectors;
}

ModelShape::ModelShape(const ModelConfig& config)
    : config(config), blocks(static_cast<size_t>(config.n_layers)) {
  ModelConfig main = config;
  main.n_mtp_layers = 0;
  const Transformer plan(main, Dtype::kBF16, StoreUse::kPlan);
  parts = count_parameters(plan);
  for (const Parameter* p : plan.store().parameters()) {
    const int64_t layer = layer_of(p->name);
    if (layer >= 0) {
      add_to_block(blocks[static_cast<size_t>(layer)], *p);
    } else if (p->name.find("embed_tokens") != std::string::npos) {
      embedding = p->numel();
    } else {
      (p->shape.size() == 2 ? head : final_norm) += p->numel();
    }
  }
  for (const BlockCount& block : blocks) add_flops(flops, config, block);
  flops.head = 2.0 * static_cast<double>(head > 0 ? head : embedding);
  if (n_mtp() == 0) return;
  mtp = blocks.back();
  mtp.projection = 2 * config.d_model * config.d_model;
  mtp.vectors += 3 * config.d_model;  // of both inputs and before the head
  for (int64_t i = 0; i < n_mtp(); ++i) add_flops(mtp_flops, config, mtp);
  mtp_flops.head = static_cast<double>(n_mtp()) * flops.head;
}

int64_t ModelShape::mtp_activated() const {
  return n_mtp() * (mtp.total() - mtp.experts + chosen(config, mtp.experts));
}

std::vector<CacheForm> cache_forms(const ModelConfig& c) {
  std::vector<CacheForm> forms;
  const auto add = [&](const char* key, std::string name, std::string formula, std::string numbers,
                       int64_t elements) {
    forms.push_back({key, std::move(name), std::move(formula), std::move(numbers), elements});
  };
  const int64_t H = c.n_heads;
  if (c.is_mla()) {
    const MlaConfig& m = c.mla;
    const int64_t keys = m.qk_nope_head_dim + m.qk_rope_head_dim, d = m.v_head_dim;
    add("mla", "MLA, this model", "kv_lora_rank + qk_rope_head_dim",
        fmt::format("{} + {}", m.kv_lora_rank, m.qk_rope_head_dim),
        m.kv_lora_rank + m.qk_rope_head_dim);
    add("mha", fmt::format("MHA, keys of {}, values of {}", keys, d),
        "heads × (qk_nope_head_dim + qk_rope_head_dim + v_head_dim)",
        fmt::format("{} × ({} + {} + {})", H, m.qk_nope_head_dim, m.qk_rope_head_dim, d),
        H * (keys + d));
    add("mha_plain", fmt::format("MHA, heads of {}", d), "2 × heads × v_head_dim",
        fmt::format("2 × {} × {}", H, d), 2 * H * d);
    add("gqa_8", fmt::format("GQA, 8 groups of {}", d), "2 × groups × v_head_dim",
        fmt::format("2 × 8 × {}", d), 2 * 8 * d);
    add("mqa", fmt::format("MQA, one head of {}", d), "2 × v_head_dim", fmt::format("2 × {}", d),
        2 * d);
    return forms;
  }
  const int64_t d = c.head_dim, G = c.n_kv_heads;
  if (G != H) {
    add("gqa", fmt::format("GQA, this model: {} groups of {}", G, d), "2 × KV heads × head_dim",
        fmt::format("2 × {} × {}", G, d), 2 * G * d);
  }
  add("mha", fmt::format("MHA, {} heads of {}{}", H, d, G == H ? ", this model" : ""),
      "2 × heads × head_dim", fmt::format("2 × {} × {}", H, d), 2 * H * d);
  add("mla", "MLA, latent of 4 heads and half a head of rotary", "4 × head_dim + head_dim / 2",
      fmt::format("4 × {} + {}", d, d / 2), 4 * d + d / 2);
  add("mqa", fmt::format("MQA, one head of {}", d), "2 × head_dim", fmt::format("2 × {}", d),
      2 * d);
  return forms;
}

}  // namespace r1
