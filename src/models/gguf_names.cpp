#include "models/gguf_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>

namespace r1 {
namespace {

struct NameRow {
  std::string_view gguf, hugging_face;
};

constexpr std::array kModelNames = {NameRow{"token_embd.weight", "model.embed_tokens.weight"},
                                    NameRow{"output_norm.weight", "model.norm.weight"},
                                    NameRow{"output.weight", "lm_head.weight"}};

/// Below blk.N. and model.layers.N., without .weight or .bias. The first of two equals is written.
constexpr std::array kLayerNames = {NameRow{"attn_norm", "input_layernorm"},
                                    NameRow{"attn_q", "self_attn.q_proj"},
                                    NameRow{"attn_q_a", "self_attn.q_a_proj"},
                                    NameRow{"attn_q_a_norm", "self_attn.q_a_layernorm"},
                                    NameRow{"attn_q_b", "self_attn.q_b_proj"},
                                    NameRow{"attn_k", "self_attn.k_proj"},
                                    NameRow{"attn_v", "self_attn.v_proj"},
                                    NameRow{"attn_q_norm", "self_attn.q_norm"},
                                    NameRow{"attn_k_norm", "self_attn.k_norm"},
                                    NameRow{"attn_kv_a_mqa", "self_attn.kv_a_proj_with_mqa"},
                                    NameRow{"attn_kv_a_norm", "self_attn.kv_a_layernorm"},
                                    NameRow{"attn_kv_b", "self_attn.kv_b_proj"},
                                    NameRow{"attn_output", "self_attn.o_proj"},
                                    NameRow{"ffn_norm", "post_attention_layernorm"},
                                    NameRow{"ffn_gate", "mlp.gate_proj"},
                                    NameRow{"ffn_up", "mlp.up_proj"},
                                    NameRow{"ffn_down", "mlp.down_proj"},
                                    NameRow{"ffn_gate_inp", "mlp.gate"},
                                    NameRow{"ffn_gate_shexp", "mlp.shared_experts.gate_proj"},
                                    NameRow{"ffn_up_shexp", "mlp.shared_experts.up_proj"},
                                    NameRow{"ffn_down_shexp", "mlp.shared_experts.down_proj"},
                                    NameRow{"nextn.eh_proj", "eh_proj"},
                                    NameRow{"nextn.enorm", "enorm"},
                                    NameRow{"nextn.hnorm", "hnorm"},
                                    NameRow{"nextn.embed_tokens", "embed_tokens"},
                                    NameRow{"nextn.shared_head_head", "shared_head.head"},
                                    NameRow{"nextn.shared_head_norm", "shared_head.norm"}};

constexpr std::array kExpertNames = {NameRow{"ffn_gate_exps.weight", "gate_proj.weight"},
                                     NameRow{"ffn_up_exps.weight", "up_proj.weight"},
                                     NameRow{"ffn_down_exps.weight", "down_proj.weight"}};

constexpr std::array<std::string_view, 3> kRouterBias = {"exp_probs_b.bias", "exp_probs_b",
                                                         "ffn_exp_probs_b.bias"};
constexpr std::string_view kHfRouterBias = "mlp.gate.e_score_correction_bias";
constexpr std::string_view kBlock = "blk.", kLayer = "model.layers.";
constexpr std::string_view kRopeFactors = "rope_freqs.weight";

/// blk.3.attn_q.weight -> 3 and attn_q.weight.
struct Place {
  int64_t layer = 0;
  std::string_view rest;
};

/// "12.rest" behind `prefix`, as numbers are written: no sign, no zero in front.
std::optional<Place> split_number(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  Place place;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), place.layer);
  const size_t n = end - name.data();
  const bool is_number = error == std::errc() && n < name.size() && name[n] == '.' &&
                         place.layer >= 0 && place.layer < 100'000 && (name[0] != '0' || n == 1) &&
                         name[0] != '-';
  if (!is_number) return std::nullopt;
  place.rest = name.substr(n + 1);
  return place;
}

/// attn_q.weight -> attn_q and .weight; the second is empty when it is neither weight nor bias.
std::pair<std::string_view, std::string_view> split_suffix(std::string_view name) {
  for (const std::string_view suffix : {".weight", ".bias"}) {
    if (name.ends_with(suffix)) return {name.substr(0, name.size() - suffix.size()), suffix};
  }
  return {name, ""};
}

std::string list_names(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < 8; ++i) text += "\n  " + names[i];
  if (names.size() > 8) text += fmt::format("\n  and {} more", names.size() - 8);
  return text;
}

bool is_rotary(const GgufShape& shape, std::string_view stem) {
  return shape.architecture == "llama" && (stem == "attn_q" || stem == "attn_k");
}

/// From a GGUF file to Hugging Face names.
class Reader {
 public:
  Reader(const GgufShape& shape, const std::vector<StoredTensor>& tensors) : shape_(shape) {
    for (const StoredTensor& tensor : tensors) by_name_.emplace(tensor.name, &tensor);
  }

  Result<std::vector<StoredTensor>> read() {
    for (const auto& [name, tensor] : by_name_) {
      if (name == kRopeFactors) continue;
      R1_TRY(const bool known, add(*tensor));
      if (!known) unknown_.emplace_back(name);
    }
    if (unknown_.empty()) return std::move(out_);
    return fail("{} tensors have no place in {}; they would be lost:{}", unknown_.size(),
                shape_.architecture, list_names(unknown_));
  }

 private:
  Result<bool> add(const StoredTensor& tensor) {
    for (const NameRow& row : kModelNames) {
      if (tensor.name == row.gguf) return keep(tensor, std::string(row.hugging_face));
    }
    const auto place = split_number(tensor.name, kBlock);
    if (!place) return false;
    const std::string prefix = fmt::format("{}{}.", kLayer, place->layer);
    for (const NameRow& row : kExpertNames) {
      if (place->rest == row.gguf) return add_experts(tensor, prefix, row.hugging_face);
    }
    if (std::ranges::find(kRouterBias, place->rest) != kRouterBias.end()) {
      return keep(tensor, prefix + std::string(kHfRouterBias));
    }
    if (place->rest == "attn_k_b.weight") return add_split(tensor, place->layer, prefix);
    if (place->rest == "attn_v_b.weight") return true;  // with its attn_k_b
    const auto [stem, suffix] = split_suffix(place->rest);
    for (const NameRow& row : kLayerNames) {
      if (suffix.empty() || stem != row.gguf) continue;
      StoredTensor named = tensor;
      if (is_rotary(shape_, stem)) {
        if (tensor.rows() % shape_.head_dim != 0) return wrong_shape(tensor);
        named.order = {RowOrder::Kind::kRopePairs, shape_.head_dim, 0};
      }
      return keep(named, fmt::format("{}{}{}", prefix, row.hugging_face, suffix));
    }
    return false;
  }

  Result<bool> keep(StoredTensor tensor, std::string name) {
    tensor.name = std::move(name);
    out_.push_back(std::move(tensor));
    return true;
  }

  tl::unexpected<Error> wrong_shape(const StoredTensor& tensor) {
    return fail("tensor '{}' has shape {}, which the metadata does not allow; {}", tensor.name,
                tensor.shape_text(), "convert the model again from its Hugging Face folder");
  }

  /// (E, N, K) -> E matrices.
  Result<bool> add_experts(const StoredTensor& tensor, const std::string& prefix,
                           std::string_view projection) {
    if (tensor.shape.size() != 3 || tensor.shape[0] != shape_.n_experts) return wrong_shape(tensor);
    const size_t n_bytes = tensor.bytes.size() / tensor.shape[0];
    for (int64_t e = 0; e < tensor.shape[0]; ++e) {
      StoredTensor expert = tensor;
      expert.name = fmt::format("{}mlp.experts.{}.{}", prefix, e, projection);
      expert.shape = {tensor.shape[1], tensor.shape[2]};
      expert.bytes = tensor.bytes.subspan(e * n_bytes, n_bytes);
      out_.push_back(std::move(expert));
    }
    return true;
  }

  /// attn_k_b (H, rank, nope) and attn_v_b (H, v, rank) -> kv_b_proj (H * (nope + v), rank).
  Result<bool> add_split(const StoredTensor& keys, int64_t layer, const std::string& prefix) {
    const auto found = by_name_.find(fmt::format("{}{}.attn_v_b.weight", kBlock, layer));
    if (found == by_name_.end()) {
      return fail("tensor '{}' is there without its attn_v_b; download the file again", keys.name);
    }
    const StoredTensor& values = *found->second;
    const int64_t H = shape_.n_heads, R = shape_.kv_lora_rank;
    if (keys.shape != std::vector<int64_t>{H, R, shape_.qk_nope_head_dim}) return wrong_shape(keys);
    if (values.shape != std::vector<int64_t>{H, shape_.v_head_dim, R}) return wrong_shape(values);
    const int64_t head_rows = shape_.qk_nope_head_dim + shape_.v_head_dim;
    StoredTensor both = keys;
    both.shape = {H * head_rows, R};
    both.order = {RowOrder::Kind::kSplitKeysValues, head_rows, shape_.qk_nope_head_dim};
    both.values_dtype = values.dtype;
    both.values = values.bytes;
    return keep(both, prefix + "self_attn.kv_b_proj.weight");
  }

  const GgufShape& shape_;
  std::map<std::string_view, const StoredTensor*> by_name_;
  std::vector<StoredTensor> out_;
  std::vector<std::string> unknown_;
};

/// From a Hugging Face folder to GGUF's tensors.
class Writer {
 public:
  Writer(const GgufShape& shape, const Source& source, bool keeps_nextn)
      : shape_(shape), source_(source), keeps_nextn_(keeps_nextn) {}

  Result<std::vector<GgufRecipe>> write() {
    for (const StoredTensor& tensor : source_.tensors()) {
      if (tensor.is_consumed || is_dropped(tensor.name)) continue;
      R1_TRY(const bool known, add(tensor));
      if (!known) unknown_.push_back(tensor.name);
    }
    if (!unknown_.empty()) {
      return fail("{} tensors have no place in GGUF's {}; they would be lost:{}", unknown_.size(),
                  shape_.architecture, list_names(unknown_));
    }
    if (!shape_.rope_factors.empty()) {
      GgufRecipe recipe{std::string(kRopeFactors),
                        {static_cast<int64_t>(shape_.rope_factors.size())},
                        GgufRecipe::Kind::kNumbers};
      recipe.numbers = shape_.rope_factors;
      recipes_.emplace(std::pair(int64_t{-1}, recipe.name), std::move(recipe));
    }
    std::vector<GgufRecipe> ordered;
    for (auto& [place, recipe] : recipes_) ordered.push_back(std::move(recipe));
    return ordered;
  }

 private:
  /// Buffers of old files, a head that is the embedding again, and MTP blocks that nobody wants.
  bool is_dropped(const std::string& name) const {
    if (name.find("rotary_emb.inv_freq") != std::string::npos) return true;
    if (name == "lm_head.weight" && shape_.is_tied) return true;
    const auto place = split_number(name, kLayer);
    return place && place->layer >= shape_.n_layers && !keeps_nextn_;
  }

  Result<bool> add(const StoredTensor& tensor) {
    for (const NameRow& row : kModelNames) {
      if (tensor.name == row.hugging_face) return keep(tensor, -1, row.gguf);
    }
    const auto place = split_number(tensor.name, kLayer);
    if (!place) return false;
    if (place->rest == kHfRouterBias) return keep(tensor, place->layer, kRouterBias[0]);
    if (const auto expert = split_number(place->rest, "mlp.experts.")) {
      return add_expert(tensor, place->layer, *expert);
    }
    const auto [stem, suffix] = split_suffix(place->rest);
    if (suffix == ".weight" && stem == "self_attn.kv_b_proj") {
      return add_split(tensor, place->layer);
    }
    for (const NameRow& row : kLayerNames) {
      if (suffix.empty() || stem != row.hugging_face) continue;
      R1_TRY(GgufRecipe* const recipe,
             make(tensor, place->layer, fmt::format("{}{}", row.gguf, suffix)));
      if (!is_rotary(shape_, row.gguf)) return true;
      if (tensor.rows() % shape_.head_dim != 0) return wrong_shape(tensor);
      recipe->kind = GgufRecipe::Kind::kRopePairs;
      recipe->head_rows = shape_.head_dim;
      return true;
    }
    return false;
  }

  tl::unexpected<Error> wrong_shape(const StoredTensor& tensor) {
    return fail("tensor '{}' has shape {}, which config.json does not allow; {}", tensor.name,
                tensor.shape_text(), "copy both files from the same model");
  }

  /// layer -1: of the whole model.
  Result<GgufRecipe*> make(const StoredTensor& tensor, int64_t layer, std::string name) {
    const bool is_empty = std::ranges::find(tensor.shape, 0) != tensor.shape.end();
    if (tensor.shape.empty() || tensor.shape.size() > 2 || is_empty) return wrong_shape(tensor);
    if (layer >= 0) name = fmt::format("{}{}.{}", kBlock, layer, name);
    GgufRecipe recipe{name, tensor.shape};
    recipe.sources = {&tensor};
    return &recipes_.emplace(std::pair(layer, name), std::move(recipe)).first->second;
  }

  Result<bool> keep(const StoredTensor& tensor, int64_t layer, std::string_view name) {
    R1_RETURN_IF_ERROR(make(tensor, layer, std::string(name)));
    return true;
  }

  Result<bool> add_expert(const StoredTensor& tensor, int64_t layer, const Place& expert) {
    const auto row = std::ranges::find(kExpertNames, expert.rest, &NameRow::hugging_face);
    if (row == kExpertNames.end()) return false;
    if (expert.layer >= shape_.n_experts || tensor.shape.size() != 2) return wrong_shape(tensor);
    if (expert.layer != 0) return true;  // the first brings the others
    R1_TRY(GgufRecipe* const recipe, make(tensor, layer, std::string(row->gguf)));
    recipe->shape.insert(recipe->shape.begin(), shape_.n_experts);
    recipe->sources.clear();
    for (int64_t e = 0; e < shape_.n_experts; ++e) {
      const std::string name =
          fmt::format("{}{}.mlp.experts.{}.{}", kLayer, layer, e, row->hugging_face);
      const StoredTensor* found = source_.find(name);
      if (found == nullptr) return fail("tensor '{}' is missing; download all shards", name);
      if (found->shape != tensor.shape) return wrong_shape(*found);
      recipe->sources.push_back(found);
    }
    return true;
  }

  Result<bool> add_split(const StoredTensor& tensor, int64_t layer) {
    const int64_t H = shape_.n_heads, R = shape_.kv_lora_rank;
    const int64_t head_rows = shape_.qk_nope_head_dim + shape_.v_head_dim;
    if (tensor.shape != std::vector<int64_t>{H * head_rows, R}) return wrong_shape(tensor);
    R1_TRY(GgufRecipe* const keys, make(tensor, layer, "attn_k_b.weight"));
    R1_TRY(GgufRecipe* const values, make(tensor, layer, "attn_v_b.weight"));
    keys->kind = GgufRecipe::Kind::kKeys;
    keys->shape = {H, R, shape_.qk_nope_head_dim};
    values->kind = GgufRecipe::Kind::kValues;
    values->shape = {H, shape_.v_head_dim, R};
    for (GgufRecipe* recipe : {keys, values}) {
      recipe->head_rows = head_rows;
      recipe->key_rows = shape_.qk_nope_head_dim;
    }
    return true;
  }

  const GgufShape& shape_;
  const Source& source_;
  bool keeps_nextn_;
  std::map<std::pair<int64_t, std::string>, GgufRecipe> recipes_;
  std::vector<std::string> unknown_;
};

}  // namespace

Result<std::vector<StoredTensor>> hugging_face_tensors(const GgufShape& shape,
                                                       const std::vector<StoredTensor>& tensors) {
  return Reader(shape, tensors).read();
}

Result<std::vector<GgufRecipe>> gguf_recipes(const GgufShape& shape, const Source& source,
                                             bool keeps_nextn) {
  return Writer(shape, source, keeps_nextn).write();
}

}  // namespace r1
