#include "models/peft.h"

#include <algorithm>
#include <cmath>

namespace r1 {
namespace {

constexpr const char* kConfigName = "adapter_config.json";
constexpr const char* kTensorsName = "adapter_model.safetensors";
constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kA = ".lora_A.weight", kB = ".lora_B.weight";

bool is_there(const Path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

std::string in_folder(const Path& folder) { return (folder / kTensorsName).string(); }

std::string dims(const std::vector<int64_t>& shape) {
  return fmt::format("({}, {})", shape[0], shape[1]);
}

Result<std::vector<float>> read_floats(const StoredTensor& stored) {
  std::vector<float> values(static_cast<size_t>(stored.shape[0] * stored.shape[1]));
  Tensor all(values.data(), Dtype::kF32, {stored.shape[0], stored.shape[1]});
  R1_RETURN_IF_ERROR(read_rows(stored, 0, stored.shape[0], all));
  return values;
}

/// The small files that speak of words.
bool is_of_words(const std::string& asset) {
  return asset != "config.json" && asset != "generation_config.json";
}

}  // namespace

void LowRank::add_to(float* w, int64_t begin, int64_t end) const {
  ThreadPool here(1);  // callers split the rows
  const Launch launch{available_backends().back(), &here};
  Arena arena;
  const int64_t n = end - begin;
  const PackedMatrix packed{arena.f32({packed_bytes(in, r, Dtype::kF32) / 4}).data, Dtype::kF32, in,
                            r};
  gemm_pack(launch, packed, Tensor(const_cast<float*>(a.data()), Dtype::kF32, {r, in}), true);
  const Tensor sum = arena.f32({n, in});
  const Tensor rows(const_cast<float*>(b.data() + begin * r), Dtype::kF32, {n, r});
  gemm_transposed(launch, sum, rows, packed, false);
  for (int64_t i = 0; i < n * in; ++i) w[i] += scale * sum.f32()[i];
}

bool is_peft_folder(const Path& folder) {
  // A merged model may have kept the config of the adapter that went into it.
  return is_there(folder / kConfigName) && !is_there(folder / kWeightsName) &&
         !is_there(folder / kIndexName);
}

Result<PeftAdapter> PeftAdapter::open(const Path& folder) {
  if (!is_there(folder / kConfigName)) {
    return fail("{}: no {}; an adapter is a folder as PEFT saves it", folder.string(), kConfigName);
  }
  R1_TRY(const std::string text, read_text(folder / kConfigName));
  auto config = read_lora_config(text);
  if (!config) return fail_with(config.error().with(folder.string()));
  if (!is_there(folder / kTensorsName)) {
    return fail("{}: no such file{}", in_folder(folder),
                is_there(folder / "adapter_model.bin")
                    ? "; save adapter_model.bin anew with safe_serialization=True"
                    : "");
  }
  PeftAdapter adapter;
  adapter.folder_ = folder;
  adapter.config_ = std::move(*config);
  R1_TRY(adapter.source_, Source::open_file(folder / kTensorsName));
  R1_RETURN_IF_ERROR(adapter.list_modules());
  return adapter;
}

/// Each module has both halves, of the config's rank.
Result<void> PeftAdapter::list_modules() {
  std::string wrong;
  for (const StoredTensor& tensor : source_.tensors()) {
    const std::string& name = tensor.name;
    const bool is_a = name.ends_with(kA), is_b = name.ends_with(kB);
    if (!name.starts_with(kPrefix) || !(is_a || is_b)) {
      wrong += "\n  unexpected: " + name;
      continue;
    }
    const size_t n = name.size() - kPrefix.size() - kA.size();
    const std::string module = name.substr(kPrefix.size(), n);
    const std::string other = module + std::string(is_a ? kB : kA);
    if (!find(other)) wrong += fmt::format("\n  missing: {}{}", kPrefix, other);
    if (tensor.shape.size() != 2 || tensor.shape[is_a ? 0 : 1] != config_.r) {
      wrong += fmt::format("\n  {}: has shape {}, r is {}", name, tensor.shape_text(), config_.r);
    }
    if (is_a) modules_.push_back(module);
  }
  if (!wrong.empty()) {
    return fail("{} does not fit {}:{}", in_folder(folder_), kConfigName, wrong);
  }
  if (modules_.empty()) return fail("{}: holds no adapter", in_folder(folder_));
  std::sort(modules_.begin(), modules_.end());
  return {};
}

const StoredTensor* PeftAdapter::find(const std::string& parameter) const {
  return source_.find(std::string(kPrefix) + parameter);
}

Result<std::optional<LowRank>> PeftAdapter::read(const std::string& module) const {
  const StoredTensor* a = find(module + std::string(kA));
  const StoredTensor* b = find(module + std::string(kB));
  if (!a || !b) return std::optional<LowRank>();
  LowRank low;
  low.out = b->shape[0];
  low.in = a->shape[1];
  low.r = config_.r;
  low.scale = config_.scale();
  R1_TRY(low.a, read_floats(*a));
  R1_TRY(low.b, read_floats(*b));
  return std::optional(std::move(low));
}

Result<Path> PeftAdapter::find_base() const {
  const Path base = config_.base_model_name_or_path;
  const std::string field = (folder_ / kConfigName).string() + ": base_model_name_or_path";
  constexpr const char* kRemedy = "name the model: --model BASE --adapter";
  if (base.empty()) return fail("{} is not set; {} {}", field, kRemedy, folder_.string());
  if (is_there(folder_ / base)) return (folder_ / base).lexically_normal();  // base, if absolute
  if (is_there(base)) return base;
  return fail("{} is '{}', which is neither beside the adapter nor here; {} {}", field,
              base.string(), kRemedy, folder_.string());
}

Result<void> PeftAdapter::put_on(Transformer& model, const Path& base, const Launch& launch) const {
  LoraConfig lora = config_;
  lora.base_model_name_or_path = base.string();
  if (lora.target_modules.empty()) lora.target_modules = modules_;
  Transformer plan(model.config(), Dtype::kF32, StoreUse::kPlan);
  auto adapted = plan.adapt(lora, 0, true);
  if (!adapted) return fail_with(adapted.error().with((folder_ / kConfigName).string()));
  std::string missing, misshapen, unexpected;
  std::vector<std::string> known;
  for (const Parameter* p : plan.trained().parameters()) {
    const StoredTensor* stored = find(p->name);
    known.push_back(std::string(kPrefix) + p->name);
    if (!stored) {
      missing += "\n  missing: " + known.back();
    } else if (stored->shape != p->shape) {
      misshapen += fmt::format("\n  {}: has shape {}, the model asks for {}", stored->name,
                               stored->shape_text(), dims(p->shape));
    }
  }
  std::sort(known.begin(), known.end());
  for (const std::string& name : source_.names()) {
    if (!std::binary_search(known.begin(), known.end(), name)) {
      unexpected += "\n  unexpected: " + name;
    }
  }
  if (const std::string all = missing + misshapen + unexpected; !all.empty()) {
    return fail("{} does not fit the model {}:{}", in_folder(folder_), base.string(), all);
  }
  R1_RETURN_IF_ERROR(model.adapt(lora, 0));
  for (const Parameter* p : model.trained().parameters()) {
    const StoredTensor* stored = find(p->name);
    auto read = read_rows(*stored, 0, p->shape[0], p->master);
    if (!read) return fail_with(read.error().with(in_folder(folder_)));
  }
  model.refresh(launch);
  return {};
}

Result<ModelPaths> find_model(const Path& model, const Path& adapter) {
  ModelPaths paths{model, adapter, model};
  if (is_peft_folder(model)) {
    if (!adapter.empty()) {
      return fail(
          "model {} is an adapter itself; two on one base are not implemented: "
          "r1 merge the first",
          model.string());
    }
    paths.adapter = model;
    R1_TRY(const PeftAdapter opened, PeftAdapter::open(model));
    R1_TRY(paths.base, opened.find_base());
    if (is_peft_folder(paths.base)) {
      return fail("{}: its base {} is an adapter too; r1 merge that first", model.string(),
                  paths.base.string());
    }
  }
  const bool brings_words = !paths.adapter.empty() && is_there(paths.adapter / "tokenizer.json");
  paths.words = brings_words ? paths.adapter : paths.base;
  return paths;
}

Result<LoadedModel> load_model(const ModelPaths& paths, const LoadOptions& options,
                               const Launch& launch) {
  if (paths.adapter.empty()) return load_model(paths.base, options, launch);
  R1_TRY(const PeftAdapter adapter, PeftAdapter::open(paths.adapter));
  R1_TRY(LoadedModel loaded, load_model(paths.base, options, launch));
  R1_RETURN_IF_ERROR(adapter.put_on(*loaded.model, paths.base, launch));
  if (paths.words != paths.adapter) return loaded;
  std::erase_if(loaded.assets, [](const auto& asset) { return is_of_words(asset.first); });
  R1_TRY(ModelAssets own, read_assets(paths.adapter));
  std::erase_if(own, [](const auto& asset) { return !is_of_words(asset.first); });
  loaded.assets.merge(own);
  return loaded;
}

Result<void> save_adapter(const Path& folder, const Transformer& model, const ModelAssets& assets) {
  CHECK(model.adapted(), "a model without an adapter");
  R1_RETURN_IF_ERROR(make_folder(folder));
  std::vector<NamedTensor> tensors;
  for (const Parameter* p : model.trained().parameters()) {
    tensors.push_back({std::string(kPrefix) + p->name, p->weight});
  }
  R1_RETURN_IF_ERROR(write_safetensors_file(folder / kTensorsName, tensors));
  for (const auto& [name, text] : assets) {
    if (is_of_words(name)) R1_RETURN_IF_ERROR(write_text_atomic(folder / name, text));
  }
  return write_text_atomic(folder / kConfigName, write_lora_config(model));
}

}  // namespace r1
