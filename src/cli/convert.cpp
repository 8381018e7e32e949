// r1 convert: a model from one form to another, streaming.
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "checkpoint/stream.h"
#include "cli/verbs.h"
#include "models/gguf_export.h"
#include "models/gguf_folder.h"
#include "models/model_io.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

struct ConvertConfig {
  std::string source, destination;
  std::string dtype = "auto";
  bool force = false;
  bool keep_mtp = false;
  int threads = 0;

  void visit(auto&& f) {
    f("source", source, "SRC: a Hugging Face folder or a .gguf file");
    f("destination", destination, "DST: a folder, or a file ending in .gguf");
    f("dtype", dtype,
      "auto (as stored), f32, f16, bf16, q8_0 or q4_0 (GGUF only), fp8 (folders only: the "
      "matrices that DeepSeek stores so, in blocks of 128 x 128, the rest bf16)");
    f("force", force, "replace what stands at DST");
    f("keep_mtp", keep_mtp, "write DeepSeek's multi-token prediction blocks into the GGUF file");
    f("threads", threads, "0: every usable core");
  }
};

/// A model opened in either form.
struct Opened {
  ModelAssets assets;
  Source source;
  bool is_gguf = false;
};

bool is_gguf_name(const Path& path) { return path.extension() == ".gguf"; }

Result<Opened> open_model(const Path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return fail("{}: no such file or folder; give a Hugging Face folder or a .gguf file",
                path.string());
  }
  if (!std::filesystem::is_directory(path, ignored)) {
    R1_TRY(GgufFolder folder, open_gguf(path));
    return Opened{std::move(folder.assets), std::move(folder.source), true};
  }
  Opened opened;
  R1_TRY(opened.assets, read_assets(path));
  R1_TRY(opened.source, Source::open(path));
  return opened;
}

Result<std::optional<StoredDtype>> parse_target(const std::string& name, bool to_gguf) {
  if (name == "auto") return std::nullopt;
  if (name == "f32") return StoredDtype::kF32;
  if (name == "f16") return StoredDtype::kF16;
  if (name == "bf16") return StoredDtype::kBF16;
  const bool is_block = name == "q8_0" || name == "q4_0";
  if (is_block && to_gguf) return name == "q8_0" ? StoredDtype::kQ8_0 : StoredDtype::kQ4_0;
  if (name == "fp8" && !to_gguf) return StoredDtype::kF8E4M3;
  if (is_block) return fail("--dtype {} is for GGUF files; let DST end in .gguf", name);
  if (name == "fp8") return fail("GGUF has no FP8; use --dtype q8_0 or bf16, or a folder as DST");
  return fail("unknown dtype '{}'; known: auto, f32, f16, bf16, q8_0, q4_0, fp8", name);
}

/// What the tensors of a GGUF file become in a folder when no type is asked for.
StoredDtype folder_dtype_of(const Source& gguf) {
  const StoredTensor* embedding = gguf.find("model.embed_tokens.weight");
  if (embedding != nullptr && !block_format(embedding->dtype)) return embedding->dtype;
  log_info("the file is quantised: its weights are written as bf16 (--dtype f32 for all bits)");
  return StoredDtype::kBF16;
}

/// config.json for weights of another type: torch_dtype and quantization_config.
Result<std::string> config_for(const std::string& text, StoredDtype dtype) {
  Json config = Json::parse(text, nullptr, false);
  if (!config.is_object()) return fail("config.json: not valid JSON; download it again");
  const bool is_fp8 = dtype == StoredDtype::kF8E4M3;
  const char* name = dtype == StoredDtype::kF32   ? "float32"
                     : dtype == StoredDtype::kF16 ? "float16"
                                                  : "bfloat16";
  if (config.contains("dtype")) config["dtype"] = name;
  if (config.contains("torch_dtype") || !config.contains("dtype")) config["torch_dtype"] = name;
  if (!is_fp8) {
    config.erase("quantization_config");
  } else if (!config.contains("quantization_config")) {
    config["quantization_config"] = {{"activation_scheme", "dynamic"},
                                     {"fmt", "e4m3"},
                                     {"quant_method", "fp8"},
                                     {"weight_block_size", {128, 128}}};
  } else {
    config["quantization_config"]["weight_block_size"] = {128, 128};
  }
  return config.dump(2) + "\n";
}

Result<void> check_paths(const ConvertConfig& config) {
  if (config.source.empty() || config.destination.empty()) {
    return fail("give a source and a destination: r1 convert SRC DST (r1 convert --help)");
  }
  const Path destination = config.destination;
  std::error_code ignored;
  if (std::filesystem::equivalent(config.source, destination, ignored)) {
    return fail("{}: is both source and destination; give another destination",
                destination.string());
  }
  const bool is_folder = std::filesystem::is_directory(destination, ignored);
  if (is_folder && is_gguf_name(destination)) {
    return fail("{}: is a folder; name a file that ends in .gguf", destination.string());
  }
  const bool is_there = std::filesystem::exists(destination, ignored);
  if (is_there && !is_folder && !is_gguf_name(destination)) {
    return fail("{}: is a file; give a folder, or a name that ends in .gguf", destination.string());
  }
  const bool is_empty = is_folder && std::filesystem::is_empty(destination, ignored);
  if (!is_there || is_empty || config.force) return {};
  return fail("{}: exists already; --force replaces it", destination.string());
}

Result<void> write_folder(const Path& folder, Opened& opened, std::optional<StoredDtype> dtype,
                          ThreadPool& pool, const std::function<void(int64_t, int64_t)>& written) {
  if (!dtype && opened.is_gguf) dtype = folder_dtype_of(opened.source);
  if (dtype && opened.assets.contains("config.json")) {
    R1_TRY(opened.assets["config.json"], config_for(opened.assets["config.json"], *dtype));
  }
  R1_RETURN_IF_ERROR(write_folder_weights(folder, opened.source, dtype, pool, written));
  for (const auto& [name, text] : opened.assets) {
    R1_RETURN_IF_ERROR(write_text_atomic(folder / name, text));
  }
  return {};
}

Result<void> convert(const ConvertConfig& config) {
  R1_RETURN_IF_ERROR(check_paths(config));
  const bool to_gguf = is_gguf_name(config.destination);
  R1_TRY(const auto dtype, parse_target(config.dtype, to_gguf));
  R1_TRY(Opened opened, open_model(config.source));
  ThreadPool pool(config.threads > 0 ? config.threads : usable_cores());
  const Timer timer;
  std::optional<Progress> progress;
  int64_t n_bytes = 0;
  const auto written = [&](int64_t done, int64_t total) {
    constexpr int64_t kMiB = 1 << 20;
    if (!progress) progress.emplace("convert (MiB)", (total + kMiB - 1) / kMiB);
    n_bytes = done;
    progress->update(
        (done + kMiB - 1) / kMiB,
        fmt::format("{}/s", human_bytes(static_cast<double>(done) / (timer.seconds() + 1e-3))));
  };
  if (to_gguf) {
    const Path folder = Path(config.source).lexically_normal();
    const Path name = folder.has_filename() ? folder.stem() : folder.parent_path().filename();
    const GgufExport options{dtype, config.keep_mtp, name.string()};
    R1_RETURN_IF_ERROR(
        write_gguf(config.destination, opened.assets, opened.source, options, pool, written));
  } else {
    R1_RETURN_IF_ERROR(write_folder(config.destination, opened, dtype, pool, written));
  }
  written(n_bytes, n_bytes);
  progress->finish();
  log_info("{}: {} in {}", config.destination, human_bytes(static_cast<double>(n_bytes)),
           human_seconds(timer.seconds()));
  return {};
}

}  // namespace

Verb convert_verb() {
  Verb verb{"convert",
            "a model from one form to another: safetensors, GGUF, FP8, bf16, q8_0 …",
            {"r1 convert DeepSeek-R1-Distill-Qwen-1.5B r1-1.5b.gguf --dtype q8_0",
             "r1 convert r1-1.5b.gguf folder", "r1 convert fp8-folder bf16-folder --dtype bf16",
             "r1 convert bf16-folder fp8-folder --dtype fp8"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    ConvertConfig config;
    return run_verb(verb, config,
                    name_positionals(list_fields(config), args, {"source", "destination"}),
                    convert);
  };
  return verb;
}

}  // namespace r1
