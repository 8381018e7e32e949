#include "models/transformer.h"

#include <cmath>
#include <cstring>

#include "base/random.h"

namespace r1 {

Transformer::Transformer(const ModelConfig& config, Dtype dtype, StoreUse use)
    : config_(config), dtype_(dtype), use_(use), blocks_(config.n_layers) {
  const ModelConfig& c = config_;
  embed_tokens_.shape = {c.vocab_size, c.d_model};
  for (Block& block : blocks_) {
    Attention& a = block.self_attn;
    a.n_heads = c.n_heads;
    a.n_kv_heads = c.n_kv_heads;
    a.head_dim = c.head_dim;
    a.rope_table = &rope_table_;
    a.q_proj.shape(c.n_heads * c.head_dim, c.d_model, 1.0f);
    a.k_proj.shape(c.n_kv_heads * c.head_dim, c.d_model, 1.0f);
    a.v_proj.shape(c.n_kv_heads * c.head_dim, c.d_model, 1.0f);
    a.o_proj.shape(c.d_model, c.n_heads * c.head_dim, 1.0f);
    block.mlp.gate_proj.shape(c.d_ff, c.d_model, 1.0f);
    block.mlp.up_proj.shape(c.d_ff, c.d_model, 1.0f);
    block.mlp.down_proj.shape(c.d_model, c.d_ff, 1.0f);
    block.input_layernorm.shape(c.d_model, c.norm_eps);
    block.post_attention_layernorm.shape(c.d_model, c.norm_eps);
  }
  head_.norm.shape(c.d_model, c.norm_eps);
  head_.projection.shape(c.vocab_size, c.d_model, 1.0f);
  store_.allocate(list_parameters(), dtype, use);
  if (c.tie_word_embeddings) head_.projection.weight = embed_tokens_;

  const bool training = use != StoreUse::kInference;
  visit_linears([&](Linear& linear) { panel_bytes_ += linear.packed_size(training); });
  if (use == StoreUse::kPlan) {
    rope_table_.plan(c.max_positions, c.head_dim);
  } else {
    panels_ = allocate_pages(static_cast<size_t>(panel_bytes_));
    rope_table_.build(c.max_positions, c.head_dim, c.rope_theta);
  }
  int64_t offset = 0;
  visit_linears([&](Linear& linear) {
    linear.place_panels(panels_ ? panels_ + offset : nullptr, training);
    offset += linear.packed_size(training);
  });
}

Transformer::~Transformer() { free_pages(panels_, static_cast<size_t>(panel_bytes_)); }

std::vector<Parameter*> Transformer::list_parameters() {
  std::vector<Parameter*> parameters;
  const auto add = [&](const std::string& name, auto& part) {
    Parameter* parameter;
    if constexpr (std::is_same_v<std::remove_reference_t<decltype(part)>, Parameter>) {
      parameter = &part;
    } else {
      parameter = &part.weight;
    }
    parameter->name = name;
    parameters.push_back(parameter);
  };
  add("model.embed_tokens.weight", embed_tokens_);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const std::string prefix = "model.layers." + std::to_string(i) + ".";
    blocks_[i].visit([&](const std::string& name, auto& part) { add(prefix + name, part); });
  }
  add("model.norm.weight", head_.norm);
  if (!config_.tie_word_embeddings) add("lm_head.weight", head_.projection);
  return parameters;
}

void Transformer::visit_linears(auto&& f) {
  const auto one = [&](const std::string&, auto& part) {
    if constexpr (std::is_same_v<std::remove_reference_t<decltype(part)>, Linear>) f(part);
  };
  for (Block& block : blocks_) block.visit(one);
  f(head_.projection);
}

void Transformer::init(uint64_t seed, float std, float embedding_std) {
  CHECK(use_ == StoreUse::kTraining, "init needs masters");
  const float branch = 1.0f / std::sqrt(2.0f * static_cast<float>(config_.n_layers));
  uint64_t index = 0;
  for (Parameter* p : store_.parameters()) {
    Rng rng(seed, stream_key({static_cast<uint64_t>(Purpose::kInit), index++}));
    const bool is_branch =
        p->name.ends_with("o_proj.weight") || p->name.ends_with("down_proj.weight");
    float scale = std > 0 ? std : 1.0f / std::sqrt(static_cast<float>(p->shape.back()));
    if (is_branch) scale *= branch;
    if (p == &embed_tokens_ || p == &head_.projection.weight) scale = embedding_std;
    for (int64_t i = 0; i < p->numel(); ++i) {
      p->master.f32()[i] = p->shape.size() == 1 ? 1.0f : scale * rng.normal();
    }
  }
}

void Transformer::refresh(const Launch& launch) {
  if (launch.plans()) return;
  store_.round_weights(*launch.pool);
  visit_linears([&](Linear& linear) { linear.pack(launch); });
}

Tensor Transformer::forward(Context& ctx, const Rows& rows, Saved* saved) const {
  Tensor h = ctx.f32({rows.batch.N, config_.d_model});
  embed(ctx.launch, h, embed_tokens_.weight, rows.tokens);
  if (saved) saved->blocks.resize(blocks_.size());
  for (size_t i = 0; i < blocks_.size(); ++i) {
    h = blocks_[i].forward(ctx, rows, static_cast<int64_t>(i), h,
                           saved ? &saved->blocks[i] : nullptr);
  }
  if (saved) saved->h = h;
  return h;
}

void Transformer::backward(Context& ctx, const Rows& rows, Tensor dh, const Saved& saved) const {
  for (size_t i = blocks_.size(); i-- > 0;) {
    blocks_[i].backward(ctx, rows, static_cast<int64_t>(i), dh, saved.blocks[i]);
  }
  embed_backward(ctx.launch, embed_tokens_.grad, dh, rows.tokens);
}

int64_t Transformer::n_parameters() const {
  int64_t n = 0;
  for (const Parameter* p : store_.parameters()) n += p->numel();
  return n;
}

int64_t Transformer::kv_page_bytes(Dtype kv_dtype) const {
  int64_t bytes = 0;
  for (const Block& block : blocks_) bytes += block.self_attn.page_layout(kv_dtype).page_bytes();
  return bytes;
}

void Transformer::copy_weights_from(const Transformer& other) {
  const auto& from = other.store_.parameters();
  const auto& to = store_.parameters();
  CHECK(from.size() == to.size(), "models of {} and {} parameters", from.size(), to.size());
  for (size_t i = 0; i < to.size(); ++i) {
    CHECK(to[i]->shape == from[i]->shape, "{}", to[i]->name);
    const Tensor source = to[i]->master.empty() ? from[i]->weight : from[i]->master;
    const Tensor target = to[i]->master.empty() ? to[i]->weight : to[i]->master;
    CHECK(source.dtype == target.dtype && source.numel() == target.numel(), "{}", to[i]->name);
    std::memcpy(target.data, source.data, static_cast<size_t>(target.nbytes()));
  }
}

}  // namespace r1
