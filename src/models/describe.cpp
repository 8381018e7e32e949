#include "models/describe.h"

#include <algorithm>

#include "base/log.h"
#include "nn/optimizer.h"

namespace r1 {
namespace {

enum Part { kEmbedding, kAttention, kMlp, kExperts, kShared, kRouter, kNorms, kHead, kParts };

constexpr const char* kPartNames[] = {"embedding",      "attention", "mlp",   "experts",
                                      "shared experts", "router",    "norms", "head"};

Part part_of(const std::string& name) {
  const auto has = [&](const char* text) { return name.find(text) != std::string::npos; };
  if (has("embed_tokens")) return kEmbedding;
  if (has("lm_head") || has("score.weight")) return kHead;
  if (has("norm.weight")) return kNorms;
  if (has(".self_attn.")) return kAttention;
  if (has(".mlp.experts.")) return kExperts;
  if (has(".mlp.shared_experts.")) return kShared;
  if (has(".mlp.gate.")) return kRouter;
  CHECK(has(".mlp."), "{} belongs to no part", name);
  return kMlp;
}

int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

/// A matrix and where its rows begin a new cache line, as panels are placed.
int64_t panels_of(const Parameter& p, Dtype dtype) {
  return aligned(packed_bytes(p.shape[1], p.shape[0], dtype));
}

/// The type that load_model packs a matrix in.
Dtype held_in(const Parameter& p, Dtype dtype) {
  if (!is_quantised(dtype)) return dtype;
  if (!p.quantizes || p.shape[1] % kQuantRows != 0) return Dtype::kBF16;
  const bool words = part_of(p.name) == kEmbedding || part_of(p.name) == kHead;
  return words ? Dtype::kQ8_0 : dtype;
}

int64_t full_training_bytes(const Transformer& model) {
  return model.store().n_bytes() + model.panel_bytes() + AdamW::state_bytes(model.store());
}

/// Of an adapter: f32 weights with gradients and AdamW, and panels for both directions.
int64_t adapter_bytes(const Transformer& adapted) {
  int64_t bytes = adapted.trained().n_bytes() + AdamW::state_bytes(adapted.trained());
  for (const Parameter* p : adapted.trained().parameters()) {
    bytes +=
        panels_of(*p, Dtype::kF32) + aligned(packed_bytes(p->shape[0], p->shape[1], Dtype::kF32));
  }
  return bytes;
}

std::string scaling_words(const RopeScaling& s) {
  switch (s.kind) {
    case RopeScaling::Kind::kNone:
      return "";
    case RopeScaling::Kind::kLinear:
      return fmt::format(", linear scaling x {}", s.factor);
    case RopeScaling::Kind::kLlama3:
      return fmt::format(", llama3 scaling x {} from {}", s.factor,
                         with_commas(s.original_max_positions));
    case RopeScaling::Kind::kYarn:
      break;
  }
  return fmt::format(", YaRN x {} from {}", s.factor, with_commas(s.original_max_positions));
}

std::string attention_words(const ModelConfig& c) {
  if (c.is_mla()) {
    const MlaConfig& m = c.mla;
    return fmt::format(
        "latent (MLA): {} heads, keys {} + {} rotary, values {}; KV rank {}, {}", c.n_heads,
        m.qk_nope_head_dim, m.qk_rope_head_dim, m.v_head_dim, m.kv_lora_rank,
        m.q_lora_rank > 0 ? fmt::format("query rank {}", m.q_lora_rank) : "queries without rank");
  }
  std::string text = c.n_heads == c.n_kv_heads
                         ? fmt::format("{} heads of {}", c.n_heads, c.head_dim)
                         : fmt::format("grouped: {} query heads over {} KV heads of {}", c.n_heads,
                                       c.n_kv_heads, c.head_dim);
  if (c.qkv_bias) text += c.o_bias ? ", biases" : ", biases on q, k, v";
  if (c.qk_norm) text += ", norm on q and k";
  return text;
}

/// "layers 3-60", or "none"
std::string experts_words(const ModelConfig& c) {
  const Routing& r = c.moe.routing;
  const auto n_sparse = std::ranges::count(c.moe.sparse, true);
  std::string text = fmt::format("{} of {} experts a token, width {}, in {} of {} layers", r.top_k,
                                 r.n_experts, with_commas(c.moe.d_ff), n_sparse, c.n_layers);
  if (c.moe.shared_d_ff > 0) text += fmt::format("; shared {}", with_commas(c.moe.shared_d_ff));
  return text;
}

std::string routing_words(const Routing& r) {
  std::string text = r.scoring == Routing::Scoring::kSigmoid ? "sigmoid" : "softmax";
  if (r.n_group > 1) text += fmt::format(", {} of {} groups", r.topk_group, r.n_group);
  if (r.norm_topk_prob) text += ", weights sum to 1";
  if (r.routed_scaling_factor != 1.0f) text += fmt::format(", times {}", r.routed_scaling_factor);
  return text;
}

std::string id_words(const std::vector<int32_t>& ids) {
  std::string text;
  for (const int32_t id : ids) text += (text.empty() ? "" : ", ") + std::to_string(id);
  return text.empty() ? "none" : text;
}

}  // namespace

std::vector<PartCount> count_parameters(const Transformer& model) {
  PartCount counts[kParts];
  const Routing& r = model.config().moe.routing;
  for (const Parameter* p : model.store().parameters()) {
    const Part part = part_of(p->name);
    counts[part].total += p->numel();
    if (part != kExperts) counts[part].activated += p->numel();
  }
  if (r.n_experts > 0) {  // experts are equal in size
    counts[kExperts].activated = counts[kExperts].total / r.n_experts * r.top_k;
  }
  std::vector<PartCount> parts;
  for (int part = 0; part < kParts; ++part) {
    counts[part].name = kPartNames[part];
    if (counts[part].total > 0) parts.push_back(counts[part]);
  }
  return parts;
}

PartCount sum_of(const std::vector<PartCount>& parts) {
  PartCount sum{"all"};
  for (const PartCount& part : parts) {
    sum.total += part.total;
    sum.activated += part.activated;
  }
  return sum;
}

int64_t count_mtp_parameters(const Transformer& model) {
  const ModelConfig& c = model.config();
  const std::string last = fmt::format("model.layers.{}.", c.n_layers - 1);
  int64_t block = 0;
  for (const Parameter* p : model.store().parameters()) {
    if (p->name.starts_with(last)) block += p->numel();
  }
  return c.n_mtp_layers * (block + 3 * c.d_model + 2 * c.d_model * c.d_model);
}

int64_t inference_bytes(const Transformer& model, Dtype dtype) {
  int64_t bytes = 0;
  for (const Parameter* p : model.store().parameters()) {
    bytes += p->shape.size() == 2 ? panels_of(*p, held_in(*p, dtype)) : aligned(p->numel() * 4);
  }
  return bytes;
}

NamedBytes training_bytes(const Transformer& model, int64_t r) {
  NamedBytes bytes{{"all weights, AdamW", full_training_bytes(model)}};
  Transformer adapted(model.config(), Dtype::kBF16, StoreUse::kPlan);
  const auto done = adapted.adapt({.r = r}, 0, true);
  CHECK(done.has_value(), "{}", done.error().message);
  const int64_t adapter = adapter_bytes(adapted);
  for (const Dtype base : {Dtype::kBF16, Dtype::kQ8_0}) {
    bytes.emplace_back(fmt::format("LoRA r {} over {}", r, dtype_name(base)),
                       inference_bytes(model, base) + adapter);
  }
  return bytes;
}

Words describe_config(const ModelConfig& c) {
  Words words{{"architecture", c.architecture},
              {"shape", fmt::format("{} layers of width {}", c.n_layers, with_commas(c.d_model))},
              {"attention", attention_words(c)}};
  const auto n_sparse = std::ranges::count(c.moe.sparse, true);
  if (n_sparse < c.n_layers) {
    words.emplace_back("mlp", fmt::format("SwiGLU, width {}{}", with_commas(c.d_ff),
                                          c.mlp_bias ? ", biases" : ""));
  }
  if (c.moe.routing.n_experts > 0) {
    words.emplace_back("experts", experts_words(c));
    words.emplace_back("routing", routing_words(c.moe.routing));
  }
  words.emplace_back(
      "positions",
      fmt::format("up to {}, rotary, theta {}{}", with_commas(c.max_positions),
                  with_commas(static_cast<int64_t>(c.rope_theta)), scaling_words(c.rope_scaling)));
  const char* head = c.is_scorer()           ? "one score, read at the last token"
                     : c.tie_word_embeddings ? "tied to the embedding"
                                             : "of its own";
  words.emplace_back("vocabulary", fmt::format("{}, head {}", with_commas(c.vocab_size), head));
  words.emplace_back("end tokens", id_words(c.eos_token_ids));
  return words;
}

std::string with_commas(int64_t n) {
  std::string text = std::to_string(n);
  for (int64_t at = static_cast<int64_t>(text.size()) - 3; at > (n < 0 ? 1 : 0); at -= 3) {
    text.insert(static_cast<size_t>(at), ",");
  }
  return text;
}

}  // namespace r1
