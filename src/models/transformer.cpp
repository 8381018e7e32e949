#include "models/transformer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/random.h"
#include "models/shape_block.h"

namespace r1 {
namespace {

/// What a matrix held in `dtype` may be: blocks of 32 need rows that divide into them.
Dtype fitting(Dtype packing, const Parameter& p, Dtype otherwise) {
  const bool blocks = packing == Dtype::kQ8_0 || packing == Dtype::kQ4_0;
  return blocks && p.shape[1] % kQuantRows != 0 ? otherwise : packing;
}

}  // namespace

Transformer::Transformer(const ModelConfig& config, Dtype dtype, StoreUse use,
                         const Packing& packing, bool with_mtp)
    : config_(config),
      dtype_(dtype),
      use_(use),
      blocks_(config.n_layers),
      mtp_(with_mtp ? config.n_mtp_layers : 0) {
  const ModelConfig& c = config_;
  embed_tokens_.shape = {c.vocab_size, c.d_model};
  embed_tokens_.packs = use == StoreUse::kInference;
  embed_tokens_.quantizes = true;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    shape_block(blocks_[i], config_, static_cast<int64_t>(i), rope_table_);
  }
  head_.norm.shape(c.d_model, c.norm_eps);
  head_.projection.shape(c.is_scorer() ? c.n_labels : c.vocab_size, c.d_model);
  if (c.is_scorer()) head_.projection.weight.quantizes = false;
  for (Mtp& mtp : mtp_) {
    mtp.eh_proj.shape(c.d_model, 2 * c.d_model);
    for (RmsNorm* norm : {&mtp.enorm, &mtp.hnorm, &mtp.norm}) norm->shape(c.d_model, c.norm_eps);
    shape_block(mtp.block, config_, c.n_layers - 1, rope_table_);
  }
  int64_t place = 0;
  for (Moe* mixture : mixtures()) mixture->place = place++;
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
    visit_all_linears([&](Linear& linear) {
      if (&linear != &head_.projection || !shares_embedding) f(linear);
    });
  };
  const int64_t embedding_bytes =
      inference ? aligned_bytes(
                      packed_bytes(config_.d_model, config_.vocab_size, dtype_of(embed_tokens_)))
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
  for (size_t k = 0; k < mtp_.size(); ++k) {
    const std::string prefix = "model.layers." + std::to_string(blocks_.size() + k) + ".";
    mtp_[k].visit([&](const std::string& name, auto& part) { add(prefix + name, part); });
  }
  return parameters;
}

std::vector<Moe*> Transformer::mixtures() {
  std::vector<Moe*> found;
  const auto look = [&](Block& block) {
    if (auto* mixture = std::get_if<Moe>(&block.mlp)) found.push_back(mixture);
  };
  for (Block& block : blocks_) look(block);
  for (Mtp& mtp : mtp_) look(mtp.block);
  return found;
}

void Transformer::visit_linears(auto&& f) {
  const auto one = [&](const std::string&, auto& part) {
    if constexpr (std::is_same_v<std::remove_reference_t<decltype(part)>, Linear>) f(part);
  };
  for (Block& block : blocks_) block.visit(one);
  f(head_.projection);
}

void Transformer::visit_all_linears(auto&& f) {
  visit_linears(f);
  for (Mtp& mtp : mtp_) {
    mtp.visit([&](const std::string&, auto& part) {
      if constexpr (std::is_same_v<std::remove_reference_t<decltype(part)>, Linear>) f(part);
    });
  }
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
  bool in_groups = false;
  visit_linears([&](Linear& linear) {
    bool chosen = false;
    for (size_t i = 0; i < found.size(); ++i) {
      if (targets(lora.target_modules[i], linear.weight)) chosen = found[i] = true;
    }
    in_groups = in_groups || (chosen && linear.weight.n_groups() > 1);
    if (chosen) adapted.push_back(&linear);
  });
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) {
      return fail("target_modules: no linear layer is called '{}'", lora.target_modules[i]);
    }
  }
  if (in_groups) {
    return fail(
        "target_modules: kv_b_proj is never a product of its own in absorbed latent attention; "
        "set mla_form = expanded, or leave kv_b_proj out");
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
  visit_all_linears([&](Linear& linear) {
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

void Transformer::reach_positions(const Context& ctx, const Rows& rows) const {
  if (ctx.plans() || rows.batch.N == 0) return;
  const int32_t* at = rows.batch.positions;
  rope_table_.reach(*std::max_element(at, at + rows.batch.N));
}

Tensor Transformer::forward(Context& ctx, const Rows& rows, Saved* saved) const {
  Tensor h = ctx.f32({rows.batch.N, config_.d_model});
  reach_positions(ctx, rows);
  embed_rows(ctx.launch, h, rows.tokens);
  if (saved) saved->blocks.resize(blocks_.size());
  for (size_t i = 0; i < blocks_.size(); ++i) {
    h = blocks_[i].forward(ctx, rows, static_cast<int64_t>(i), h,
                           saved ? &saved->blocks[i] : nullptr);
  }
  if (saved) saved->h = h;
  return h;
}

void Transformer::backward(Context& ctx, const Rows& rows, Tensor dh, const Saved& saved,
                           const InputGradient& at_input) const {
  for (size_t i = blocks_.size(); i-- > 0;) {
    blocks_[i].backward(ctx, rows, static_cast<int64_t>(i), dh, saved.blocks[i]);
    if (at_input) at_input(static_cast<int64_t>(i), dh);
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
  CHECK(from.size() >= to.size(), "models of {} and {} parameters", from.size(), to.size());
  for (size_t i = 0; i < to.size(); ++i) {
    CHECK(to[i]->name == from[i]->name && to[i]->shape == from[i]->shape, "{}", to[i]->name);
    const Tensor source = to[i]->master.empty() ? from[i]->weight : from[i]->master;
    const Tensor target = to[i]->master.empty() ? to[i]->weight : to[i]->master;
    CHECK(source.data && target.data && source.dtype == target.dtype, "{}", to[i]->name);
    std::memcpy(target.data, source.data, static_cast<size_t>(target.nbytes()));
  }
}

}  // namespace r1
