#include "models/model_io.h"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "checkpoint/source.h"
#include "models/family.h"

namespace r1 {
namespace {

constexpr const char* kAssetNames[] = {"config.json",       "generation_config.json",
                                       "tokenizer.json",    "tokenizer_config.json",
                                       "tokenizer.model",   "special_tokens_map.json",
                                       "added_tokens.json", "chat_template.jinja",
                                       "vocab.json",        "merges.txt"};

/// generation_config.json overrides the eos ids of config.json.
void apply_generation_config(const std::string& text, ModelConfig& config) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("eos_token_id")) return;
  const auto& eos = json["eos_token_id"];
  std::vector<int32_t> ids;
  for (const auto& id : eos.is_array() ? eos : nlohmann::json::array({eos})) {
    if (id.is_number_integer()) ids.push_back(id.get<int32_t>());
  }
  if (!ids.empty()) config.eos_token_ids = ids;
}

Result<ModelConfig> config_of(const ModelAssets& assets, const Path& folder) {
  const auto it = assets.find("config.json");
  if (it == assets.end()) {
    return fail("{}: no config.json; a model is a Hugging Face folder", folder.string());
  }
  auto config = read_model_config(it->second);
  if (!config) return fail_with(config.error().with(folder.string()));
  if (const auto g = assets.find("generation_config.json"); g != assets.end()) {
    apply_generation_config(g->second, *config);
  }
  return config;
}

Result<Dtype> pick_dtype(const std::string& name, const Source& source) {
  if (name != "auto") {
    R1_TRY(const Dtype dtype, parse_dtype(name));
    if (dtype == Dtype::kF32 || dtype == Dtype::kBF16) return dtype;
    return fail("dtype {} is for storage only; use auto, f32 or bf16", name);
  }
  const StoredTensor* embedding = source.find("model.embed_tokens.weight");
  return embedding && embedding->dtype == StoredDtype::kBF16 ? Dtype::kBF16 : Dtype::kF32;
}

std::string dims(const std::vector<int64_t>& shape) {
  std::string text;
  for (int64_t d : shape) text += (text.empty() ? "(" : ", ") + std::to_string(d);
  return text + ")";
}

/// Everything that does not fit, in one error.
Result<void> compare_names(const Transformer& model, const Source& source) {
  std::string missing, misshapen, unexpected;
  std::vector<std::string> known;
  for (const Parameter* p : model.store().parameters()) {
    known.push_back(p->name);
    const StoredTensor* stored = source.find(p->name);
    if (!stored) {
      missing += "\n  missing: " + p->name;
    } else if (stored->shape != p->shape) {
      misshapen += fmt::format("\n  {}: has shape {}, config.json asks for {}", p->name,
                               stored->shape_text(), dims(p->shape));
    }
  }
  std::sort(known.begin(), known.end());
  for (const std::string& name : source.names()) {
    const bool ignored = name.find("rotary_emb.inv_freq") != std::string::npos ||
                         (name == "lm_head.weight" && model.config().tie_word_embeddings);
    if (!ignored && !std::binary_search(known.begin(), known.end(), name)) {
      unexpected += "\n  unexpected: " + name;
    }
  }
  const std::string all = missing + misshapen + unexpected;
  if (all.empty()) return {};
  return fail("weights do not fit config.json; copy both files from the same model:{}", all);
}

Result<void> read_weights(Transformer& model, const Source& source, ThreadPool& pool) {
  const auto& parameters = model.store().parameters();
  std::mutex mutex;
  Result<void> first;
  pool.parallel_for(static_cast<int64_t>(parameters.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Parameter& p = *parameters[i];
      auto read = read_into(*source.find(p.name), p.master.empty() ? p.weight : p.master);
      const std::lock_guard lock(mutex);
      if (!read && first) first = fail_with(read.error());
    }
  });
  return first;
}

}  // namespace

Result<ModelAssets> read_assets(const Path& folder) {
  ModelAssets assets;
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    return fail("{}: no such model folder", folder.string());
  }
  for (const char* name : kAssetNames) {
    if (!std::filesystem::exists(folder / name, ignored)) continue;
    R1_TRY(assets[name], read_text(folder / name));
  }
  return assets;
}

Result<ModelConfig> open_config(const Path& folder) {
  R1_TRY(const ModelAssets assets, read_assets(folder));
  return config_of(assets, folder);
}

Result<LoadedModel> load_model(const Path& folder, const std::string& dtype_name, StoreUse use,
                               const Launch& launch) {
  R1_TRY(ModelAssets assets, read_assets(folder));
  R1_TRY(const ModelConfig config, config_of(assets, folder));
  R1_TRY(const Source source, Source::open(folder));
  R1_TRY(const Dtype dtype, pick_dtype(dtype_name, source));
  {
    const Transformer plan(config, dtype, StoreUse::kPlan);
    auto fits = compare_names(plan, source);
    if (!fits) return fail_with(fits.error().with(folder.string()));
  }
  LoadedModel loaded{std::make_unique<Transformer>(config, dtype, use), std::move(assets)};
  auto read = read_weights(*loaded.model, source, *launch.pool);
  if (!read) return fail_with(read.error().with(folder.string()));
  loaded.model->refresh(launch);
  return loaded;
}

Result<void> save_model(const Path& folder, const Transformer& model, const ModelAssets& assets) {
  R1_RETURN_IF_ERROR(make_folder(folder));
  std::vector<NamedTensor> tensors;
  std::vector<std::vector<uint16_t>> rounded;  // norms of a bf16 model, back in its dtype
  for (const Parameter* p : model.store().parameters()) {
    Tensor tensor = p->weight;
    if (tensor.dtype != model.dtype()) {
      auto& bits = rounded.emplace_back(p->numel());
      for (int64_t i = 0; i < p->numel(); ++i) bits[i] = f32_to_bf16(p->weight.f32()[i]);
      tensor.dtype = model.dtype();
      tensor.data = bits.data();
    }
    tensors.push_back({p->name, tensor});
  }
  R1_RETURN_IF_ERROR(write_safetensors(folder, tensors));
  for (const auto& [name, text] : assets)
    R1_RETURN_IF_ERROR(write_text_atomic(folder / name, text));
  return {};
}

}  // namespace r1
