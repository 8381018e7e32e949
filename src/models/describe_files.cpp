#include "models/describe_files.h"

#include <algorithm>

#include "models/family.h"
#include "models/gguf_folder.h"
#include "models/load_weights.h"
#include "models/peft.h"

namespace r1 {
namespace {

constexpr int kMostLines = 6;

/// The first lines of a message that may have thousands.
std::string shortened(const std::string& text) {
  size_t end = 0;
  int n_lines = 1;
  for (; end < text.size() && (text[end] != '\n' || n_lines < kMostLines); ++end) {
    n_lines += text[end] == '\n';
  }
  const auto n_more = std::count(text.begin() + static_cast<int64_t>(end), text.end(), '\n');
  return text.substr(0, end) + (n_more > 0 ? fmt::format("\n  and {} more", n_more) : "");
}

bool is_there(const Path& path) {
  std::error_code unreadable;
  return std::filesystem::exists(path, unreadable);
}

/// Plans the model of config.json and holds the weights against it.
Result<void> plan_model(const Path& path, ModelLook& look) {
  const auto config = open_config(path);
  if (!config && !look.weights) return fail_with(config.error());
  if (!config) {
    look.warnings.push_back(config.error().message);
    return {};
  }
  look.plan = std::make_unique<Transformer>(*config, Dtype::kBF16, StoreUse::kPlan);
  if (!look.weights) return {};
  const auto fits = compare_names(*look.plan, *look.weights);
  if (!fits) look.warnings.push_back(shortened(fits.error().message));
  return {};
}

Result<ModelLook> look_at_folder(const Path& folder) {
  ModelLook look;
  R1_TRY(look.assets, read_assets(folder));
  if (is_peft_folder(folder)) {
    look.kind = "PEFT adapter";
    R1_TRY(const PeftAdapter adapter, PeftAdapter::open(folder));
    look.adapter = adapter.config();
    look.adapted = adapter.modules();
    R1_TRY(look.weights, Source::open_file(folder / "adapter_model.safetensors"));
    return look;
  }
  look.kind = "Hugging Face folder";
  if (is_there(folder / kIndexName) || is_there(folder / kWeightsName)) {
    R1_TRY(look.weights, Source::open(folder));
  } else if (!look.assets.contains("config.json")) {
    return fail(
        "{}: neither config.json nor {} in this folder; give a Hugging Face folder, a PEFT "
        "folder, a .gguf or a .safetensors file",
        folder.string(), kWeightsName);
  }
  R1_RETURN_IF_ERROR(plan_model(folder, look));
  return look;
}

Result<ModelLook> look_at_file(const Path& file) {
  ModelLook look;
  if (file.extension() == ".safetensors") {
    look.kind = "safetensors file";
    R1_TRY(look.weights, Source::open_file(file));
    return look;
  }
  if (file.extension() == ".json") {
    look.kind = "config.json";
    R1_TRY(look.assets["config.json"], read_text(file));
    auto config = read_model_config(look.assets["config.json"]);
    if (!config) return fail_with(config.error().with(file.string()));
    look.plan = std::make_unique<Transformer>(*config, Dtype::kBF16, StoreUse::kPlan);
    return look;
  }
  look.kind = "GGUF file";
  R1_TRY(GgufFolder folder, open_gguf(file));
  look.assets = std::move(folder.assets);
  look.weights = std::move(folder.source);
  R1_RETURN_IF_ERROR(plan_model(file, look));
  return look;
}

}  // namespace

Result<ModelLook> look_at_model(const Path& path) {
  std::error_code unreadable;
  if (!is_there(path)) {
    return fail(
        "{}: no such file or folder; give a Hugging Face folder, a PEFT folder, a .gguf or "
        "a .safetensors file",
        path.string());
  }
  return std::filesystem::is_directory(path, unreadable) ? look_at_folder(path)
                                                         : look_at_file(path);
}

}  // namespace r1
