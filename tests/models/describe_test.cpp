#include "models/describe.h"

#include <gtest/gtest.h>

#include "base/scratch.h"
#include "models/describe_files.h"
#include "models/describe_tensors.h"
#include "models/family.h"
#include "models/golden_fixture.h"

namespace r1 {
namespace {

Transformer plan_of(const std::string& config_json) {
  const auto config = read_model_config(config_json);
  EXPECT_TRUE(config) << config.error().message;
  return {*config, Dtype::kBF16, StoreUse::kPlan};
}

int64_t total(const Transformer& model) { return sum_of(count_parameters(model)).total; }

int64_t part(const Transformer& model, const std::string& name, bool activated = false) {
  for (const PartCount& p : count_parameters(model)) {
    if (p.name == name) return activated ? p.activated : p.total;
  }
  return 0;
}

constexpr const char* kV2Lite = R"({"architectures": ["DeepseekV2ForCausalLM"],
  "vocab_size": 102400, "hidden_size": 2048, "num_hidden_layers": 27, "num_attention_heads": 16,
  "num_key_value_heads": 16, "q_lora_rank": null, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
  "qk_rope_head_dim": 64, "v_head_dim": 128, "intermediate_size": 10944,
  "moe_intermediate_size": 1408, "first_k_dense_replace": 1, "n_routed_experts": 64,
  "n_shared_experts": 2, "num_experts_per_tok": 6, "topk_method": "greedy",
  "scoring_func": "softmax", "max_position_embeddings": 163840})";

constexpr const char* kV3 = R"({"architectures": ["DeepseekV3ForCausalLM"],
  "vocab_size": 129280, "hidden_size": 7168, "num_hidden_layers": 61, "num_attention_heads": 128,
  "num_key_value_heads": 128, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
  "qk_rope_head_dim": 64, "v_head_dim": 128, "intermediate_size": 18432,
  "moe_intermediate_size": 2048, "first_k_dense_replace": 3, "n_routed_experts": 256,
  "n_shared_experts": 1, "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4,
  "scoring_func": "sigmoid", "topk_method": "noaux_tc", "norm_topk_prob": true,
  "num_nextn_predict_layers": 1, "max_position_embeddings": 163840})";

// The figures of DeepSeek's reports, and what their configs add up to by hand.
TEST(Describe, CountsDeepseekV2LiteExactly) { EXPECT_EQ(total(plan_of(kV2Lite)), 15'706'484'224); }

TEST(Describe, CountsDeepseekV3ExactlyPartByPart) {
  const Transformer v3 = plan_of(kV3);
  EXPECT_EQ(total(v3), 671'026'419'200);
  EXPECT_EQ(part(v3, "experts"), 58 * 256 * int64_t{44'040'192});
  EXPECT_EQ(part(v3, "experts", true), 58 * 8 * int64_t{44'040'192});
  EXPECT_EQ(part(v3, "shared experts"), 58 * int64_t{44'040'192});
  EXPECT_EQ(part(v3, "router"), 58 * int64_t{1'835'008 + 256});
  EXPECT_EQ(part(v3, "mlp"), 3 * int64_t{396'361'728});
  EXPECT_EQ(part(v3, "attention"), 61 * int64_t{187'107'328 - 1536 - 512});
  EXPECT_EQ(part(v3, "embedding"), int64_t{129'280} * 7168);
  EXPECT_EQ(part(v3, "head"), int64_t{129'280} * 7168);
  EXPECT_EQ(part(v3, "norms"), 61 * (2 * 7168 + 1536 + 512) + 7168);
  EXPECT_EQ(sum_of(count_parameters(v3)).activated / 10'000'000, 3755);  // 37.55B
  EXPECT_EQ(count_mtp_parameters(v3), int64_t{11'507'286'272} + 3 * 7168 + 7168 * 14'336);
}

TEST(Describe, CountsLlamaAndTheDistilledQwenExactly) {
  EXPECT_EQ(total(plan_of(R"({"architectures": ["LlamaForCausalLM"], "vocab_size": 128256,
    "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336})")),
            8'030'261'248);
  EXPECT_EQ(total(plan_of(R"({"architectures": ["Qwen2ForCausalLM"], "vocab_size": 151936,
    "hidden_size": 1536, "num_hidden_layers": 28, "num_attention_heads": 12,
    "num_key_value_heads": 2, "intermediate_size": 8960, "tie_word_embeddings": false})")),
            1'777'088'000);
}

TEST(Describe, InferenceBytesAreThoseOfALoadedModel) {
  for (const char* name : {"llama3", "qwen2", "qwen3", "qwen3_moe", "deepseek_v3"}) {
    const Path folder = golden_root() / name;
    const Transformer plan(open_config(folder).value(), Dtype::kBF16, StoreUse::kPlan);
    for (const Dtype dtype : {Dtype::kBF16, Dtype::kQ8_0, Dtype::kQ4_0}) {
      LoadOptions options{.dtype = "bf16"};
      if (is_quantised(dtype)) options.quantize = dtype_name(dtype);
      const auto loaded = load_model(folder, options, best_launch());
      ASSERT_TRUE(loaded) << loaded.error().message;
      const Transformer& model = *loaded->model;
      EXPECT_EQ(inference_bytes(plan, dtype), model.panel_bytes() + model.store().n_bytes())
          << name << " " << dtype_name(dtype);
    }
  }
}

TEST(Describe, TrainingBytesAreThoseOfAnAllocatedModel) {
  const auto config = open_config(golden_root() / "qwen3").value();
  const Transformer plan(config, Dtype::kBF16, StoreUse::kPlan);
  const Transformer model(config, Dtype::kBF16, StoreUse::kTraining);
  const NamedBytes bytes = training_bytes(plan, 4);
  ASSERT_EQ(bytes.size(), 3u);
  EXPECT_EQ(bytes[0].second,
            model.store().n_bytes() + model.panel_bytes() + 8 * model.store().numel());
  EXPECT_EQ(bytes[1].first, "LoRA r 4 over bf16");
  EXPECT_GT(bytes[1].second, inference_bytes(plan, Dtype::kBF16));
}

TEST(Describe, WordsSayWhatAReaderWantsToKnow) {
  Words words = describe_config(read_model_config(kV3).value());
  std::string text;
  for (const auto& [name, value] : words) text += name + ": " + value + "\n";
  for (const char* part : {"61 layers of width 7,168", "KV rank 512, query rank 1536",
                           "8 of 256 experts a token, width 2,048, in 58 of 61 layers",
                           "sigmoid, 4 of 8 groups", "head of its own"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
  }
}

TEST(Describe, CommasStandEveryThreeDigits) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1'000), "1,000");
  EXPECT_EQ(with_commas(671'026'419'200), "671,026,419,200");
  EXPECT_EQ(with_commas(-123), "-123");
  EXPECT_EQ(with_commas(-1'234), "-1,234");
}

TEST(DescribeTensors, LayersAndExpertsBecomeRanges) {
  const Source source = Source::open(golden_root() / "deepseek_v3").value();
  std::vector<std::string> names;
  int64_t n = 0, n_bytes = 0, all_bytes = 0;
  for (const TensorGroup& group : group_tensors(source, "")) {
    names.push_back(group.name);
    n += group.n_tensors;
    n_bytes += group.n_bytes;
  }
  for (const StoredTotal& t : stored_totals(source)) all_bytes += t.n_bytes;
  EXPECT_EQ(n, static_cast<int64_t>(source.tensors().size()));
  EXPECT_EQ(n_bytes, all_bytes);
  EXPECT_LT(names.size(), source.tensors().size() / 2);
  EXPECT_NE(std::ranges::find(names, "model.embed_tokens.weight"), names.end());
  const auto has_expert = [](const std::string& name) {
    return name.find(".mlp.experts.{0-") != std::string::npos;
  };
  EXPECT_TRUE(std::ranges::any_of(names, has_expert));
}

TEST(DescribeTensors, NumbersInNamesAreOrderedAsNumbers) {
  const float x = 1;
  std::vector<StoredTensor> tensors;
  for (const char* name : {"layers.10.w", "layers.2.w", "layers.1.w"}) {
    tensors.push_back({name, StoredDtype::kF32, {1}, std::as_bytes(std::span(&x, 1))});
  }
  const Source source = Source::of({}, tensors);
  const auto list = list_tensors(source, "layers");
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[1].name, "layers.2.w");
  EXPECT_EQ(list[2].name, "layers.10.w");
  EXPECT_EQ(group_tensors(source, "")[0].name, "layers.{1-2,10}.w");
  EXPECT_TRUE(list_tensors(source, "nowhere").empty());
  EXPECT_EQ(stored_elements(source), 3);
}

TEST(DescribeFiles, EveryGoldenFolderFitsItsConfig) {
  for (const std::string& name : golden_names()) {
    const auto look = look_at_model(golden_root() / name);
    ASSERT_TRUE(look) << look.error().message;
    EXPECT_TRUE(look->warnings.empty()) << name << ": " << look->warnings[0];
    // Files with MTP modules repeat embedding and head for them.
    const int64_t mtp = count_mtp_parameters(*look->plan);
    const int64_t words = 2 * look->config().vocab_size * look->config().d_model;
    EXPECT_EQ(stored_elements(*look->weights), total(*look->plan) + mtp + (mtp > 0 ? words : 0))
        << name;
  }
}

TEST(DescribeFiles, AConfigAloneIsEnough) {
  const Scratch scratch;
  std::filesystem::copy(golden_root() / "qwen3/config.json", scratch / "config.json");
  for (const Path& path : {scratch.path(), scratch / "config.json"}) {
    const auto look = look_at_model(path);
    ASSERT_TRUE(look) << look.error().message;
    EXPECT_FALSE(look->weights);
    EXPECT_EQ(look->config().architecture, "Qwen3ForCausalLM");
  }
}

TEST(DescribeFiles, AnUnknownArchitectureIsAWarningBesideItsTensors) {
  const Scratch scratch;
  std::filesystem::copy(golden_root() / "qwen3/model.safetensors", scratch / "model.safetensors");
  ASSERT_TRUE(write_text_atomic(scratch / "config.json", R"({"architectures": ["MambaForAll"]})"));
  const auto look = look_at_model(scratch.path());
  ASSERT_TRUE(look) << look.error().message;
  EXPECT_EQ(look->plan, nullptr);
  ASSERT_EQ(look->warnings.size(), 1u);
  EXPECT_NE(look->warnings[0].find("MambaForAll"), std::string::npos);
  std::filesystem::remove(scratch / "model.safetensors");
  EXPECT_FALSE(look_at_model(scratch.path()));
}

TEST(DescribeFiles, AConfigOfMillionsOfExpertsIsRefusedBeforeItTakesMemory) {
  const Scratch scratch;
  const std::string text = kV3;
  const size_t at = text.find("256,");
  ASSERT_TRUE(
      write_text_atomic(scratch / "config.json", std::string(text).replace(at, 3, "65000")));
  const auto look = look_at_model(scratch.path());
  ASSERT_FALSE(look);
  EXPECT_NE(look.error().message.find("number of experts in all layers"), std::string::npos);
}

TEST(DescribeFiles, WhatIsNoModelIsOneError) {
  const Scratch scratch;
  const auto empty = look_at_model(scratch.path());
  ASSERT_FALSE(empty);
  EXPECT_NE(empty.error().message.find("neither config.json"), std::string::npos);
  EXPECT_FALSE(look_at_model(scratch / "nowhere"));
  for (const char* name : {"a.safetensors", "a.gguf", "a.json"}) {
    ASSERT_TRUE(write_text_atomic(scratch / name, "\x10"));
    EXPECT_FALSE(look_at_model(scratch / name)) << name;
  }
}

}  // namespace
}  // namespace r1
