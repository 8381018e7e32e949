// r1 merge: an adapter into its base, several models into one, a dense model into experts.
#include <cstdio>
#include <optional>

#include "base/log.h"
#include "cli/verbs.h"
#include "models/merge.h"
#include "models/upcycle.h"

namespace r1 {
namespace {

struct MergeConfig {
  std::string method = "auto";
  std::string model, adapter;
  std::vector<std::string> models;
  std::vector<double> weights;
  double t = 0.5;
  UpcycleConfig upcycle;
  std::string output_dir;
  bool force = false;
  int threads = 0;

  void visit(auto&& f) {
    f("method", method, "adapter, linear, slerp or upcycle; auto: adapter or linear");
    f("model", model, "adapter: the base, or the adapter where it names one; upcycle: the model");
    f("adapter", adapter, "adapter: PEFT folder");
    f("models", models, "linear, slerp: the models, one after the other");
    f("weights", weights, "linear: a share for each model; empty: equal shares");
    f("t", t, "slerp: 0 is the first model, 1 the second");
    upcycle.visit(f);
    f("output_dir", output_dir, "folder of the merged model");
    f("force", force, "replace a model that stands there");
    f("threads", threads, "0: every usable core");
  }
};

/// Counts MiB on a bar, then says what was written.
Result<void> write_with_progress(const MergeConfig& config,
                                 const std::vector<MergedTensor>& tensors,
                                 const ModelAssets& assets, ThreadPool& pool) {
  const Timer timer;
  std::optional<Progress> progress;
  int64_t n_bytes = 0;
  R1_RETURN_IF_ERROR(
      write_merged(config.output_dir, tensors, assets, pool, [&](int64_t done, int64_t total) {
        constexpr int64_t kMiB = 1 << 20;
        if (!progress) progress.emplace("merge (MiB)", (total + kMiB - 1) / kMiB);
        n_bytes = done;
        const double rate = static_cast<double>(done) / (timer.seconds() + 1e-3);
        progress->update((done + kMiB - 1) / kMiB, human_bytes(rate) + "/s");
      }));
  if (progress) progress->finish();
  std::printf("%s in %s\nmodel: %s\ntry:   r1 chat --model %s\n",
              human_bytes(static_cast<double>(n_bytes)).c_str(),
              human_seconds(timer.seconds()).c_str(), config.output_dir.c_str(),
              config.output_dir.c_str());
  return {};
}

/// The tokenizer's files of the adapter take the place of the base's, as when both are loaded.
Result<ModelAssets> assets_with_adapter(const MergeInput& base, const ModelPaths& paths) {
  ModelAssets assets = merged_assets(base.assets);
  if (paths.words != paths.adapter) return assets;
  R1_TRY(ModelAssets own, read_assets(paths.adapter));
  for (const char* config : {"config.json", "generation_config.json"}) {
    own.erase(config);
    if (assets.contains(config)) own[config] = assets[config];
  }
  return own;
}

Result<void> run_adapter(const MergeConfig& config, ThreadPool& pool) {
  R1_TRY(const ModelPaths paths, find_model(config.model, config.adapter));
  if (paths.adapter.empty()) {
    return fail("{}: no adapter; give --adapter PEFT_DIR, or --models A B for whole models",
                config.model);
  }
  R1_RETURN_IF_ERROR(check_output(config.output_dir, {paths.base, paths.adapter}, config.force));
  R1_TRY(const PeftAdapter adapter, PeftAdapter::open(paths.adapter));
  R1_TRY(const MergeInput base, MergeInput::open(paths.base));
  R1_TRY(const auto tensors, merge_adapter(base, adapter));
  R1_TRY(const ModelAssets assets, assets_with_adapter(base, paths));
  log_info("{} adapted weights of {}", adapter.modules().size(), paths.base.string());
  return write_with_progress(config, tensors, assets, pool);
}

/// Words of two tokenizers cannot be mixed: the first model's are kept.
void warn_of_tokenizers(const std::vector<MergeInput>& models) {
  const auto tokenizer = [](const MergeInput& model) {
    const auto it = model.assets.find("tokenizer.json");
    return it == model.assets.end() ? std::string() : it->second;
  };
  for (size_t m = 1; m < models.size(); ++m) {
    if (tokenizer(models[m]) == tokenizer(models[0])) continue;
    log_warn("{}: another tokenizer.json; the merged model has that of {}", models[m].path.string(),
             models[0].path.string());
  }
}

Result<void> run_models(const MergeConfig& config, ThreadPool& pool) {
  if (config.models.empty()) return fail("give the models: --models A B");
  R1_RETURN_IF_ERROR(
      check_output(config.output_dir, {config.models.begin(), config.models.end()}, config.force));
  std::vector<MergeInput> models;
  for (const std::string& path : config.models) {
    R1_TRY(MergeInput model, MergeInput::open(path));
    models.push_back(std::move(model));
  }
  R1_TRY(const auto tensors, config.method == "slerp" ? merge_slerp(models, config.t, pool)
                                                      : merge_linear(models, config.weights));
  warn_of_tokenizers(models);
  return write_with_progress(config, tensors, merged_assets(models[0].assets), pool);
}

Result<void> run_upcycle(const MergeConfig& config, ThreadPool& pool) {
  if (config.model.empty()) return fail("give the dense model: --model DIR");
  R1_RETURN_IF_ERROR(check_output(config.output_dir, {config.model}, config.force));
  R1_TRY(const MergeInput dense, MergeInput::open(config.model));
  R1_TRY(const auto tensors, upcycle(dense, config.upcycle));
  return write_with_progress(config, tensors, upcycled_assets(dense, config.upcycle), pool);
}

Result<void> merge(MergeConfig config) {
  if (config.method == "auto") {
    if (config.model.empty() && config.models.empty()) {
      return fail("give --model BASE --adapter PEFT_DIR, or --models A B (r1 merge --help)");
    }
    config.method = config.models.empty() ? "adapter" : "linear";
  }
  const bool mixes = config.method == "linear" || config.method == "slerp";
  if (mixes && !config.model.empty()) {
    return fail("--method {} takes --models A B, not --model", config.method);
  }
  if (!mixes && !config.models.empty()) {
    return fail("--method {} takes --model DIR, not --models", config.method);
  }
  ThreadPool pool(config.threads > 0 ? config.threads : usable_cores());
  if (mixes) return run_models(config, pool);
  if (config.method == "adapter") return run_adapter(config, pool);
  if (config.method == "upcycle") return run_upcycle(config, pool);
  return fail("unknown method '{}'; known: adapter, linear, slerp, upcycle", config.method);
}

/// --models A B C is one value to the parser: A,B,C.
std::vector<std::string> join_lists(const std::vector<std::string>& args) {
  std::vector<std::string> joined;
  for (size_t i = 0; i < args.size(); ++i) {
    joined.push_back(args[i]);
    if (args[i] != "--models" && args[i] != "--weights") continue;
    std::string list;
    int n_words = 0;
    for (; i + 1 < args.size() && !args[i + 1].starts_with("--"); ++n_words) {
      list += (list.empty() ? "" : ",") + args[++i];
    }
    if (n_words > 0) joined.push_back(list);
  }
  return joined;
}

}  // namespace

Verb merge_verb() {
  Verb verb{"merge",
            "an adapter into its base, several models into one, a dense model into experts",
            {"r1 merge --model BASE --adapter runs/lora/final --output_dir merged",
             "r1 merge --models A B --weights 0.7 0.3 --output_dir mixed",
             "r1 merge --models A B --method slerp --t 0.5 --output_dir mixed",
             "r1 merge --model Qwen3-0.6B --method upcycle --experts 8 --top_k 2 --output_dir moe"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    MergeConfig config;
    return run_verb(verb, config, join_lists(args), merge);
  };
  return verb;
}

}  // namespace r1
