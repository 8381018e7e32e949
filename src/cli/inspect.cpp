// r1 inspect: what a model is, what its files hold, and the memory that it needs.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cli/inspect_findings.h"
#include "cli/verbs.h"
#include "text/tokenizer.h"
#include "train/memory.h"

namespace r1 {
namespace {

constexpr int64_t kTrainedTokens = 2048;  // of the micro-batch whose activations are counted
constexpr int64_t kCachedTokens = 1000;
constexpr int64_t kRank = 16;

bool has_chat_template(const ModelAssets& assets) {
  if (assets.contains("chat_template.jinja")) return true;
  const auto config = assets.find("tokenizer_config.json");
  if (config == assets.end()) return false;
  const auto json = nlohmann::json::parse(config->second, nullptr, false);
  return json.is_object() && json.contains("chat_template") && !json["chat_template"].is_null();
}

TokenizerFindings find_tokenizer(const ModelAssets& assets) {
  TokenizerFindings found{"none", 0, has_chat_template(assets)};
  const auto json = assets.find("tokenizer.json");
  if (json == assets.end()) {
    if (assets.contains("tokenizer.model")) found.kind = "tokenizer.model, which r1 does not read";
    return found;
  }
  const auto tokenizer = Tokenizer::from_json(json->second, "tokenizer.json");
  if (!tokenizer) {
    found.kind = tokenizer.error().message;
    return found;
  }
  found.kind = tokenizer->is_byte_level() ? "byte-level BPE" : "BPE of characters";
  found.n_tokens = tokenizer->vocab_size();
  return found;
}

MemoryFindings find_memory(const Transformer& model) {
  MemoryFindings found;
  for (const Dtype dtype : {Dtype::kBF16, Dtype::kQ8_0, Dtype::kQ4_0}) {
    found.run.emplace_back(dtype_name(dtype), inference_bytes(model, dtype));
  }
  found.kv_bf16 = model.kv_page_bytes(Dtype::kBF16) * kCachedTokens / kPageSize;
  found.kv_f32 = model.kv_page_bytes(Dtype::kF32) * kCachedTokens / kPageSize;
  found.train = training_bytes(model, kRank);
  found.n_tokens = std::min(kTrainedTokens, model.config().max_positions);
  TrainingArguments args;
  args.gradient_checkpointing = true;
  args.micro_batch_tokens = found.n_tokens;
  const MemoryPlan plan =
      plan_training(model.config(), Dtype::kBF16, Dtype::kBF16, args, found.n_tokens);
  for (const auto& [name, bytes] : plan.parts) {
    if (name == "activations") found.activations = bytes;
  }
  return found;
}

void find_stored(const InspectConfig& config, Findings& found) {
  const Source& source = *found.look.weights;
  found.tensors =
      config.tensors ? list_tensors(source, config.filter) : group_tensors(source, config.filter);
  for (const StoredTensor& t : source.tensors()) {
    if (t.scale.empty()) continue;
    ++found.n_fp8;
    found.fp8_rows = t.scale_rows;
    found.fp8_cols = t.scale_cols;
  }
}

Result<void> inspect(const InspectConfig& config) {
  if (config.model.empty()) return fail("give a model: r1 inspect MODEL (r1 inspect --help)");
  Findings found;
  found.path = config.model;
  R1_TRY(found.look, look_at_model(config.model));
  found.tokenizer = find_tokenizer(found.look.assets);
  if (const Transformer* model = found.look.plan.get()) {
    found.parts = count_parameters(*model);
    found.n_mtp = count_mtp_parameters(*model);
    found.memory = find_memory(*model);
    const std::string mtp = fmt::format("model.layers.{}.", model->config().n_layers);
    found.stores_mtp = found.look.weights && !list_tensors(*found.look.weights, mtp).empty();
  }
  if (found.look.weights) find_stored(config, found);
  for (const std::string& warning : found.look.warnings) log_warn("{}", warning);
  const std::string text = config.json ? inspect_json(found) : inspect_text(found);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return {};
}

}  // namespace

Verb inspect_verb() {
  Verb verb{"inspect",
            "what a model is: shape, parameters, tensors, tokenizer, memory to run and to train",
            {"r1 inspect DeepSeek-R1-Distill-Qwen-1.5B", "r1 inspect model.gguf --tensors",
             "r1 inspect folder --filter experts.0. --tensors", "r1 inspect config.json --json"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    InspectConfig config;
    return run_verb(verb, config, name_positionals(list_fields(config), args, {"model"}), inspect);
  };
  return verb;
}

}  // namespace r1
