#include "models/transformer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/random.h"

namespace r1 {
namespace {

/// What a matrix held in `dtype` may be: blocks of 32 need rows that divide into them.
Dtype fitting(Dtype packing, const Parameter& p, Dtype otherwise) {
  const bool blocks = packing == Dtype::kQ8_0 || packing == Dtype::kQ4_0;
  return blocks && p.shape[1] % kQuantRows != 0 ? otherwise : packing;
}

int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

void shape_mlp(Mlp& mlp, int64_t C, int64_t F, bool bias) {
  mlp.gate_proj.shape(F, C, bias);
  mlp.up_proj.shape(F, C, bias);
  mlp.down_proj.shape(C, F, bias);
}

void shape_attention(Attention& a, const ModelConfig& c) {
  a.q_proj.shape(c.n_heads * c.head_dim, c.d_model, c.qkv_bias);
  a.k_proj.shape(c.n_kv_heads * c.head_dim, c.d_model, c.qkv_bias);
  a.v_proj.shape(c.n_kv_heads * c.head_dim, c.d_model, c.qkv_bias);
  a.o_proj.shape(c.d_model, c.n_heads * c.head_dim, c.o_bias);
  if (!c.qk_norm) return;
  a.q_norm.shape(c.head_dim, c.norm_eps);
  a.k_norm.shape(c.head_dim, c.norm_eps);
}

void shape_mla(Mla& a, const ModelConfig& c) {
  constexpr float kLatentEps = 1e-6f;  // whatever rms_norm_eps says
  const MlaConfig& m = c.mla;
  a.nope = m.qk_nope_head_dim;
  a.rope_dim = m.qk_rope_head_dim;
  a.q_rank = m.q_lora_rank;
  a.kv_rank = m.kv_lora_rank;
  a.core.value_dim = m.v_head_dim;
  if (a.q_rank == 0) {
    a.q_proj.shape(c.n_heads * c.head_dim, c.d_model);
  } else {
    a.q_a_proj.shape(a.q_rank, c.d_model);
    a.q_a_layernorm.shape(a.q_rank, kLatentEps);
    a.q_b_proj.shape(c.n_heads * c.head_dim, a.q_rank);
  }
  a.kv_a_proj_with_mqa.shape(a.kv_rank + a.rope_dim, c.d_model);
  a.kv_a_layernorm.shape(a.kv_rank, kLatentEps);
  a.kv_b_proj.shape(c.n_heads * (a.nope + m.v_head_dim), a.kv_rank);
  a.o_proj.shape(c.d_model, c.n_heads * m.v_head_dim);
}

void shape_moe(Moe& moe, const ModelConfig& c) {
  moe.routing = c.moe.routing;
  moe.gate.shape(c.moe.routing.n_experts, c.d_model);
  moe.gate.weight.quantizes = false;  // the choice of experts is as good as its scores
  if (c.moe.correction_bias) {
    moe.e_score_correction_bias.shape = {c.moe.routing.n_experts};
    moe.e_score_correction_bias.buffer = true;
    moe.e_score_correction_bias.first_value = 0.0f;
  }
  moe.experts = std::vector<Mlp>(static_cast<size_t>(c.moe.routing.n_experts));
  for (Mlp& expert : moe.experts) shape_mlp(expert, c.d_model, c.moe.d_ff, false);
  if (c.moe.shared_d_ff > 0) shape_mlp(moe.shared_experts, c.d_model, c.moe.shared_d_ff, false);
}

}  // namespace

void Transformer::shape_block(Block& block, int64_t layer) {
  const ModelConfig& c = config_;
  if (c.is_mla()) {
    shape_mla(block.self_attn.emplace<Mla>(), c);
  } else {
    shape_attention(std::get<Attention>(block.self_attn), c);
  }
  std::visit(
      [&](auto& attention) {
        attention.core.n_heads = c.n_heads;
        attention.core.n_kv_heads = c.n_kv_heads;
        attention.core.head_dim = c.head_dim;
        attention.core.scale = c.attention_scale;
        attention.rope_table = &rope_table_;
      },
      block.self_attn);
  if (c.is_sparse(layer)) {
    shape_moe(block.mlp.emplace<Moe>(), c);
  } else {
    shape_mlp(std::get<Mlp>(block.mlp), c.d_model, c.d_ff, c.mlp_bias);
  }
  block.input_layernorm.shape(c.d_model, c.norm_eps);
  block.post_attention_layernorm.shape(c.d_model, c.norm_eps);
}

Transformer::Transformer(const ModelConfig& config, Dtype dtype, StoreUse use,
                         const Packing& packing)
    : config_(config), dtype_(dtype), use_(use), blocks_(config.n_layers) {
  const ModelConfig& c = config_;
  embed_tokens_.shape = {c.vocab_size, c.d_model};
  embed_tokens_.packs = use == StoreUse::kInference;
  embed_tokens_.quantizes = true;
  for (size_t i = 0; i < blocks_.size(); ++i) shape_block(blocks_[i], static_cast<int64_t>(i));
  head_.norm.shape(c.d_model, c.norm_eps);
  head_.projection.shape(c.is_scorer() ? c.n_labels : c.vocab_size, c.d_model);
  if (c.is_scorer()) head_.projection.weight.quantizes = false;
  store_.allocate(list_parameters(), dtype, use);
  if (c.tie_word_embeddings) {
    head_.projection.weight = embed_tokens_;
    head_.projection.weight.packs = true;
  }
  place_panels(packing);
  const int64_t rope_dim = c.is_mla() ? c.mla.qk_rope_head_dim : c.head_dim;
  if (use == StoreUse::kPlan) {
    rope_table_.plan(c.max_positions, rope_dim);
  } else {
    rope_table_.build(c.max_positions, rope_dim, c.rope_theta, c.rope_scaling);
  }
}

Transformer::~Transformer() {
  free_pages(panels_, static_cast<size_t>(panel_bytes_));
  free_pages(adapter_panels_, static_cast<size_t>(adapter_panel_bytes_));
}

/// Two rounds over the matrices: one counts, one gives each its place.
void Transformer::place_panels(const Packing& packing) {
  const bool inference = use_ == StoreUse::kInference;
  const bool trained = use_ == StoreUse::kTraining || use_ == StoreUse::kPlan;
  const bool shares_embedding = inference && config_.tie_word_embeddings;
  const auto dtype_of = [&](const Parameter& p) {
    return inference && packing ? fitting(packing(p), p, dtype_) : dtype_;
  };
  const auto each = [&](auto&& f) {
    visit_linears([&](Linear& linear) {
      if (&linear != &head_.projection || !shares_embedding) f(linear);
    });
  };
  const int64_t embedding_bytes =
      inference
          ? aligned(packed_bytes(config_.d_model, config_.vocab_size, dtype_of(embed_tokens_)))
          : 0;
  panel_bytes_ = embedding_bytes;
  each([&](Linear& l) { panel_bytes_ += l.packed_size(dtype_of(l.weight), trained); });
  if (use_ != StoreUse::kPlan) panels_ = allocate_pages(static_cast<size_t>(panel_bytes_));
  if (inference) {
    embed_tokens_.panels = {panels_, dtype_of(embed_tokens_), config_.d_model, config_.vocab_size};
    if (shares_embedding) head_.projection.weight.panels = embed_tokens_.panels;
  }
  int64_t offset = embedding_bytes;
  each([&](Linear& l) {
    l.place_panels(panels_ ? panels_ + offset : nullptr, dtype_of(l.weight), trained);
    offset += l.packed_size(dtype_of(l.weight), trained);
  });
}

std::vector<Parameter*> Transformer::list_parameters() {
  std::vector<Parameter*> parameters;
  const auto add_one = [&](const std::string& name, Parameter& parameter) {
    parameter.name = name;
    parameters.push_back(&parameter);
  };
  const auto add = [&](const std::string& name, auto& part) {
    using Part = std::remove_reference_t<decltype(part)>;
    if constexpr (std::is_same_v<Part, Parameter>) {
      add_one(name, part);
    } else {
      add_one(name, part.weight);
    }
    if constexpr (std::is_same_v<Part, Linear>) {
      const std::string module = name.substr(0, name.rfind('.'));
      if (!part.bias.shape.empty()) add_one(module + ".bias", part.bias);
    }
  };
  add("model.embed_tokens.weight", embed_tokens_);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const std::string prefix = "model.layers." + std::to_string(i) + ".";
    blocks_[i].visit([&](const std::string& name, auto& part) { add(prefix + name, part); });
  }
  add("model.norm.weight", head_.norm);
  if (config_.is_scorer()) {
    add("score.weight", head_.projection);
  } else if (!config_.tie_word_embeddings) {
    add("lm_head.weight", head_.projection);
  }
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
    float* values = p->buffer ? p->weight.f32() : p->master.f32();
    for (int64_t i = 0; i < p->numel(); ++i) {
      values[i] = p->shape.size() == 1 ? p->first_value : scale * rng.normal();
    }
  }
}

namespace {

/// model.layers.3.mlp.up_proj.weight -> model.layers.3.mlp.up_proj, whose last part is up_proj.
std::string module_of(const std::string& weight) { return weight.substr(0, weight.rfind('.')); }

bool targets(const std::string& target, const Parameter& p) {
  const std::string module = module_of(p.name), last = module.substr(module.rfind('.') + 1);
  if (last == "embed_tokens") return false;  // a tied head: the embedding would change with it
  if (target == "all-linear") return last != "lm_head" && last != "score" && last != "gate";
  return target == module || module.ends_with("." + target);
}

/// Kaiming uniform with a = sqrt(5), as PEFT begins: ± 1 / sqrt(fan-in).
void draw_first_half(Linear& a, uint64_t seed, uint64_t index) {
  Rng rng(seed, stream_key({static_cast<uint64_t>(Purpose::kInit), 1'000'000 + index}));
  const float bound = 1.0f / std::sqrt(static_cast<float>(a.in()));
  for (int64_t i = 0; i < a.weight.numel(); ++i) {
    a.weight.master.f32()[i] = bound * (2.0f * rng.uniform() - 1.0f);
  }
}

}  // namespace

Result<void> Transformer::adapt(const LoraConfig& lora, uint64_t seed, bool plan) {
  CHECK(use_ != StoreUse::kTraining && !adapted(), "adapters sit on a frozen model, once");
  if (lora.r < 1) return fail("r {}: the rank of an adapter is at least 1", lora.r);
  std::vector<Linear*> adapted;
  std::vector<bool> found(lora.target_modules.size(), false);
  visit_linears([&](Linear& linear) {
    bool chosen = false;
    for (size_t i = 0; i < found.size(); ++i) {
      if (targets(lora.target_modules[i], linear.weight)) chosen = found[i] = true;
    }
    if (chosen) adapted.push_back(&linear);
  });
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) {
      return fail("target_modules: no linear layer is called '{}'", lora.target_modules[i]);
    }
  }
  lora_ = lora;
  std::vector<Parameter*> parameters;
  std::vector<Linear*> halves;
  for (Linear* linear : adapted) {
    linear->adapt(lora.r, lora.scale());
    const std::string module = module_of(linear->weight.name);
    linear->lora->a.weight.name = module + ".lora_A.weight";
    linear->lora->b.weight.name = module + ".lora_B.weight";
    for (Linear* half : {&linear->lora->a, &linear->lora->b}) {
      parameters.push_back(&half->weight);
      halves.push_back(half);
      adapter_panel_bytes_ += half->packed_size(Dtype::kF32, true);
    }
  }
  adapters_.allocate(parameters, Dtype::kF32, plan ? StoreUse::kPlan : StoreUse::kTraining);
  if (!plan) adapter_panels_ = allocate_pages(static_cast<size_t>(adapter_panel_bytes_));
  int64_t offset = 0;
  for (size_t i = 0; i < halves.size(); ++i) {
    halves[i]->place_panels(plan ? nullptr : adapter_panels_ + offset, Dtype::kF32, true);
    offset += halves[i]->packed_size(Dtype::kF32, true);
    if (!plan && i % 2 == 0) draw_first_half(*halves[i], seed, i);
  }
  return {};
}

void Transformer::refresh(const Launch& launch) {
  if (launch.plans()) return;
  store_.round_weights(*launch.pool);
  visit_linears([&](Linear& linear) {
    if (use_ != StoreUse::kInference) linear.pack(launch);
    if (!linear.lora) return;
    linear.lora->a.pack(launch);
    linear.lora->b.pack(launch);
  });
}

void Transformer::embed_rows(const Launch& launch, Tensor h, const int32_t* tokens) const {
  if (launch.plans()) return;
  if (!embed_tokens_.only_panels()) return embed(launch, h, embed_tokens_.weight, tokens);
  launch.pool->parallel_for(h.rows(), 4, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      gemm_unpack_row(embed_tokens_.panels, tokens[n], h.row(n));
    }
  });
}

Tensor Transformer::forward(Context& ctx, const Rows& rows, Saved* saved) const {
  Tensor h = ctx.f32({rows.batch.N, config_.d_model});
  if (!ctx.plans() && rows.batch.N > 0) {
    const int32_t* at = rows.batch.positions;
    rope_table_.reach(*std::max_element(at, at + rows.batch.N));
  }
  embed_rows(ctx.launch, h, rows.tokens);
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
  if (!embed_tokens_.grad.empty()) {
    embed_backward(ctx.launch, embed_tokens_.grad, dh, rows.tokens);
  }
}

int64_t Transformer::n_parameters() const {
  int64_t n = 0;
  for (const Parameter* p : store_.parameters()) n += p->numel();
  return n;
}

int64_t Transformer::kv_page_bytes(Dtype kv_dtype) const {
  int64_t bytes = 0;
  for (const Block& block : blocks_) bytes += block.core().page_layout(kv_dtype).page_bytes();
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
    CHECK(source.data && target.data && source.dtype == target.dtype, "{}", to[i]->name);
    std::memcpy(target.data, source.data, static_cast<size_t>(target.nbytes()));
  }
}

}  // namespace r1
