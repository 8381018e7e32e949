#include "models/model_io.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "checkpoint/safetensors.h"
#include "models/family.h"
#include "models/gguf_folder.h"
#include "models/load_weights.h"

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

Result<ModelConfig> config_of(const ModelAssets& assets, const Path& model) {
  const auto it = assets.find("config.json");
  if (it == assets.end()) {
    std::error_code ignored;
    if (std::filesystem::exists(model / "adapter_config.json", ignored)) {
      return fail("{}: an adapter, and a model is needed here; r1 merge makes one of it",
                  model.string());
    }
    return fail("{}: no config.json; a model is a Hugging Face folder or a .gguf file",
                model.string());
  }
  auto config = read_model_config(it->second);
  if (!config) return fail_with(config.error().with(model.string()));
  if (const auto g = assets.find("generation_config.json"); g != assets.end()) {
    apply_generation_config(g->second, *config);
  }
  return config;
}

bool is_gguf(const Path& model) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(model, ignored);
}

/// What a model's files hold: a folder's, or those that a GGUF file stands for.
struct ModelFiles {
  ModelAssets assets;
  Source source;
};

Result<ModelFiles> open_files(const Path& model) {
  if (is_gguf(model)) {
    R1_TRY(GgufFolder folder, open_gguf(model));
    return ModelFiles{std::move(folder.assets), std::move(folder.source)};
  }
  R1_TRY(ModelAssets assets, read_assets(model));
  R1_RETURN_IF_ERROR(config_of(assets, model));  // before the weights: a clearer error
  R1_TRY(Source source, Source::open(model));
  return ModelFiles{std::move(assets), std::move(source)};
}

bool is_blocks(StoredDtype dtype) { return block_format(dtype).has_value(); }

/// The type of what is not quantised.
Result<Dtype> pick_dtype(const LoadOptions& options, const Source& source) {
  const bool inference = options.use == StoreUse::kInference;
  if (options.dtype != "auto") {
    const bool fp8 = options.dtype == "fp8" && options.use == StoreUse::kTraining;
    R1_TRY(const Dtype dtype, parse_dtype(fp8 ? "bf16" : options.dtype));
    if (dtype == Dtype::kF32 || dtype == Dtype::kBF16) return dtype;
    if (dtype == Dtype::kF16 && inference) return dtype;
    return fail("dtype {} is for {}; use auto, f32 or bf16", options.dtype,
                dtype == Dtype::kF16 ? "inference" : "storage only");
  }
  const StoredTensor* embedding = source.find("model.embed_tokens.weight");
  if (!embedding) return Dtype::kF32;
  if (embedding->dtype == StoredDtype::kF16 && inference) return Dtype::kF16;
  return embedding->dtype == StoredDtype::kBF16 ? Dtype::kBF16 : Dtype::kF32;
}

/// The type that a matrix of an inference model is held in.
Result<Transformer::Packing> pick_packing(const LoadOptions& options, const Source& source,
                                          Dtype dtype) {
  if (options.quantize.empty()) {
    const bool as_stored = options.dtype == "auto";
    return [&source, dtype, as_stored](const Parameter& p) {
      const StoredTensor* stored = source.find(p.name);
      if (!as_stored || !stored || !is_blocks(stored->dtype)) return dtype;
      // Blocks that run across our rows (GGUF's attn_k_b) would have to be quantised once more.
      if (stored->order.kind == RowOrder::Kind::kSplitKeysValues) return dtype;
      return stored->dtype == StoredDtype::kQ4_0 ? Dtype::kQ4_0 : Dtype::kQ8_0;
    };
  }
  R1_TRY(const Dtype blocks, parse_dtype(options.quantize));
  if (blocks != Dtype::kQ8_0 && blocks != Dtype::kQ4_0) {
    return fail("quantize {}: it is q8_0 or q4_0", options.quantize);
  }
  if (options.use != StoreUse::kInference) {
    return fail("quantize {} is for weights that do not learn: add an adapter (lora.r) or leave it",
                options.quantize);
  }
  return [blocks, dtype](const Parameter& p) {
    if (!p.quantizes) return dtype;
    // Four bits cost the vocabulary's rows more than they save.
    const bool words = p.name == "model.embed_tokens.weight" || p.name == "lm_head.weight";
    return words ? Dtype::kQ8_0 : blocks;
  };
}

/// What the caller wants of a model: that it writes, or that it scores.
Result<void> match_head(const LoadOptions& options, const Path& model, ModelAssets& assets,
                        ModelConfig& config) {
  if (config.is_scorer() && !options.scorer) {
    return fail(
        "{}: a reward model, which scores what others write: it goes into a reward "
        "(reward_model;model=DIR), and here a language model is needed",
        model.string());
  }
  if (!options.scorer || config.is_scorer()) return {};
  assets["config.json"] = scorer_config(assets["config.json"]);
  R1_TRY(ModelConfig scorer, config_of(assets, model));
  scorer.mla.absorbed = config.mla.absorbed;
  scorer.fp8 = config.fp8;
  config = std::move(scorer);
  return {};
}

/// An FP8 model is computed, and saved, in bf16.
void forget_fp8(ModelAssets& assets) {
  auto json = nlohmann::ordered_json::parse(assets["config.json"], nullptr, false);
  if (!json.is_object() || json.erase("quantization_config") == 0) return;
  assets["config.json"] = json.dump(2) + "\n";
}

}  // namespace

Result<ModelAssets> read_assets(const Path& model) {
  if (is_gguf(model)) {
    R1_TRY(GgufFolder folder, open_gguf(model));
    return std::move(folder.assets);
  }
  ModelAssets assets;
  std::error_code ignored;
  if (!std::filesystem::is_directory(model, ignored)) {
    return fail("{}: no such model folder", model.string());
  }
  for (const char* name : kAssetNames) {
    if (!std::filesystem::exists(model / name, ignored)) continue;
    R1_TRY(assets[name], read_text(model / name));
  }
  return assets;
}

Result<ModelConfig> open_config(const Path& model) {
  R1_TRY(const ModelAssets assets, read_assets(model));
  return config_of(assets, model);
}

Result<void> set_mla_form(ModelConfig& config, const std::string& form) {
  if (form != "expanded" && form != "absorbed") {
    return fail("mla_form is '{}'; it is expanded or absorbed", form);
  }
  config.mla.absorbed = form == "absorbed";
  if (!config.mla.absorbed || config.is_mla()) return {};
  return fail("mla_form is absorbed, and {} has no latent attention; leave it expanded",
              config.architecture);
}

Result<void> set_fp8(ModelConfig& config, const std::string& dtype, const std::string& tile) {
  if (tile != "1x128" && tile != "128x128") {
    return fail("fp8_gradient_tile is '{}'; it is 1x128 or 128x128", tile);
  }
  config.fp8 = {dtype == "fp8", tile == "128x128"};
  if (!config.fp8.enabled || !config.mla.absorbed) return {};
  return fail("dtype fp8 trains latent attention in its expanded form; leave mla_form expanded");
}

Result<LoadedModel> load_model(const Path& model, const LoadOptions& options,
                               const Launch& launch) {
  R1_TRY(ModelFiles files, open_files(model));
  if (!options.config_json.empty()) files.assets["config.json"] = options.config_json;
  R1_TRY(ModelConfig config, config_of(files.assets, model));
  R1_RETURN_IF_ERROR(set_mla_form(config, options.mla_form));
  R1_RETURN_IF_ERROR(set_fp8(config, options.dtype, options.fp8_gradient_tile));
  R1_TRY(const Dtype dtype, pick_dtype(options, files.source));
  R1_TRY(const Transformer::Packing packing, pick_packing(options, files.source, dtype));
  const auto any = [&](const auto& is_one) {
    const auto& all = files.source.tensors();
    return std::any_of(all.begin(), all.end(),
                       [&](const StoredTensor& t) { return is_one(t.name, config); });
  };
  // transformers leaves the modules out when it saves, and its config names them all the same
  const bool wants_mtp = options.mtp || options.use == StoreUse::kTraining;
  const bool with_mtp = wants_mtp && !options.scorer && any(is_mtp);
  {
    const Transformer plan(config, Dtype::kF32, StoreUse::kPlan, {}, with_mtp);
    auto fits = compare_names(plan, files.source);
    if (!fits) return fail_with(fits.error().with(model.string()));
  }
  R1_RETURN_IF_ERROR(match_head(options, model, files.assets, config));
  LoadedModel loaded{std::make_unique<Transformer>(config, dtype, options.use, packing, with_mtp),
                     std::move(files.assets)};
  auto read = read_weights(*loaded.model, files.source, launch);
  if (!read) return fail_with(read.error().with(model.string()));
  loaded.model->repeats_words = any(repeats_words);
  forget_fp8(loaded.assets);
  loaded.model->refresh(launch);
  return loaded;
}

Result<void> save_model(const Path& folder, const Transformer& model, const ModelAssets& assets) {
  R1_RETURN_IF_ERROR(make_folder(folder));
  std::vector<NamedTensor> tensors;
  std::vector<NamedTensor> words;              // embedding and head, as MTP modules repeat them
  std::vector<std::vector<uint16_t>> rounded;  // norms of a bf16 model, back in its dtype
  for (const Parameter* p : model.store().parameters()) {
    CHECK(!p->only_panels(), "{} is held in panels alone; only a trained model is saved", p->name);
    Tensor tensor = p->weight;
    if (tensor.dtype != model.dtype() && !p->buffer) {
      auto& bits = rounded.emplace_back(p->numel());
      for (int64_t i = 0; i < p->numel(); ++i) bits[i] = f32_to_bf16(p->weight.f32()[i]);
      tensor.dtype = model.dtype();
      tensor.data = bits.data();
    }
    tensors.push_back({p->name, tensor});
    if (p->name == "model.embed_tokens.weight") words.push_back({"embed_tokens.weight", tensor});
    const char* head =
        model.config().tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
    if (p->name == head) words.push_back({"shared_head.head.weight", tensor});
  }
  for (size_t k = 0; model.repeats_words && k < model.mtp().size(); ++k) {
    for (const NamedTensor& t : words) {
      const auto layer = model.config().n_layers + static_cast<int64_t>(k);
      tensors.push_back({fmt::format("model.layers.{}.{}", layer, t.name), t.tensor});
    }
  }
  R1_RETURN_IF_ERROR(write_safetensors(folder, tensors));
  for (const auto& [name, text] : assets)
    R1_RETURN_IF_ERROR(write_text_atomic(folder / name, text));
  return {};
}

}  // namespace r1
