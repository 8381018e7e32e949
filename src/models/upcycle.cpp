#include "models/upcycle.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/random.h"

namespace r1 {
namespace {

constexpr float kRouterStd = 0.02f;

Result<void> check(const MergeInput& dense, const UpcycleConfig& c) {
  const std::string& architecture = dense.config.architecture;
  if (architecture != "Qwen3ForCausalLM") {
    const bool sparse = dense.config.moe.routing.n_experts > 0;
    return fail("{}: {} cannot be upcycled: {}", dense.path.string(), architecture,
                sparse ? "it has experts already"
                       : "the only family with experts and grouped attention is Qwen3-MoE, whose "
                         "norm on queries and keys only Qwen3ForCausalLM has");
  }
  if (c.experts < 1 || c.experts > 4096) return fail("experts {}: from 1 to 4096", c.experts);
  if (c.top_k < 1 || c.top_k > c.experts) {
    return fail("top_k {}: from 1 to the number of experts, {}", c.top_k, c.experts);
  }
  if (!(c.jitter >= 0 && c.jitter < 1)) return fail("jitter {}: from 0 to below 1", c.jitter);
  return {};
}

/// Row by row from its own stream: the thread count changes nothing.
void add_noise(float* row, int64_t n, float std, uint64_t seed, uint64_t stream) {
  Rng rng(seed, stream);
  for (int64_t i = 0; i < n; ++i) row[i] += std * rng.normal();
}

/// "model.layers.3.mlp." of one of its projections; empty for other tensors.
std::string mlp_of(const std::string& name) {
  const size_t at = name.find(".mlp.");
  return at == std::string::npos ? "" : name.substr(0, at + 5);
}

/// The dense projection as expert e's; `index` keys the noise.
MergedTensor expert(const StoredTensor& dense, int64_t e, const UpcycleConfig& config,
                    uint64_t index) {
  const std::string mlp = mlp_of(dense.name);
  const std::string name = fmt::format("{}experts.{}.{}", mlp, e, dense.name.substr(mlp.size()));
  MergedTensor tensor{{name, merged_dtype(dense), dense.shape}, &dense};
  if (config.jitter == 0) return tensor;
  const auto make = [&dense, std = static_cast<float>(config.jitter), seed = config.seed, index, e](
                        int64_t begin, int64_t end, float* to) -> Result<void> {
    const int64_t width = dense.row_elements();
    R1_RETURN_IF_ERROR(read_rows(dense, begin, end, Tensor(to, Dtype::kF32, {end - begin, width})));
    for (int64_t row = begin; row < end; ++row) {
      add_noise(to + (row - begin) * width, width, std, seed,
                stream_key({static_cast<uint64_t>(Purpose::kInit), index,
                            static_cast<uint64_t>(e) + 1, static_cast<uint64_t>(row)}));
    }
    return {};
  };
  tensor.open = [make] { return Result<RowMaker>(make); };
  return tensor;
}

/// The router of the layer that a dense gate_proj stands in.
MergedTensor router(const StoredTensor& gate_proj, const UpcycleConfig& config, uint64_t index) {
  const int64_t width = gate_proj.row_elements();
  const auto make = [width, seed = config.seed, index](int64_t begin, int64_t end,
                                                       float* to) -> Result<void> {
    std::fill(to, to + (end - begin) * width, 0.0f);
    for (int64_t row = begin; row < end; ++row) {
      add_noise(to + (row - begin) * width, width, kRouterStd, seed,
                stream_key(
                    {static_cast<uint64_t>(Purpose::kInit), index, 0, static_cast<uint64_t>(row)}));
    }
    return {};
  };
  const std::string name = mlp_of(gate_proj.name) + "gate.weight";
  return {{name, merged_dtype(gate_proj), {config.experts, width}}, nullptr, [make] {
            return Result<RowMaker>(make);
          }};
}

}  // namespace

Result<std::vector<MergedTensor>> upcycle(const MergeInput& dense, const UpcycleConfig& config) {
  R1_RETURN_IF_ERROR(check(dense, config));
  std::vector<MergedTensor> tensors;
  uint64_t index = 0;
  for (const StoredTensor& t : dense.source.tensors()) {
    if (t.is_consumed) continue;
    ++index;
    if (mlp_of(t.name).empty()) {
      tensors.push_back({{t.name, merged_dtype(t), t.shape}, &t});
      continue;
    }
    for (int64_t e = 0; e < config.experts; ++e) tensors.push_back(expert(t, e, config, index));
    if (t.name.ends_with("gate_proj.weight")) tensors.push_back(router(t, config, index));
  }
  return tensors;
}

ModelAssets upcycled_assets(const MergeInput& dense, const UpcycleConfig& c) {
  ModelAssets assets = merged_assets(dense.assets);
  auto json = nlohmann::ordered_json::parse(assets["config.json"], nullptr, false);
  CHECK(json.is_object(), "{}", dense.path.string());
  json["architectures"] = {"Qwen3MoeForCausalLM"};
  json["model_type"] = "qwen3_moe";
  json["num_experts"] = c.experts;
  json["num_experts_per_tok"] = c.top_k;
  json["norm_topk_prob"] = true;
  json["moe_intermediate_size"] = dense.config.d_ff;
  json["decoder_sparse_step"] = 1;
  json["mlp_only_layers"] = nlohmann::ordered_json::array();
  json.erase("layer_types");  // all of them full_attention, and no field of this family
  assets["config.json"] = json.dump(2) + "\n";
  return assets;
}

}  // namespace r1
