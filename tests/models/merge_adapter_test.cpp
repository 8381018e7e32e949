#include <gtest/gtest.h>

#include "base/random.h"
#include "base/scratch.h"
#include "checkpoint/stream.h"
#include "models/golden_fixture.h"
#include "models/merge.h"

namespace r1 {
namespace {

template <class T>
testing::AssertionResult ok(const Result<T>& result) {
  if (result.has_value()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message;
}

void ignore(int64_t, int64_t) {}

/// A PEFT folder made by hand: r 2, lora_alpha 6, so scale 3.
class Adapter {
 public:
  void add(const std::string& module, int64_t out, int64_t in, uint64_t seed) {
    add_half(module + ".lora_A.weight", 2, in, seed);
    add_half(module + ".lora_B.weight", out, 2, seed + 1);
    const std::string last = module.substr(module.rfind('.') + 1);
    if (std::ranges::find(targets_, last) == targets_.end()) targets_.push_back(last);
  }
  const Floats& half(const std::string& name) const { return values_.at(name); }

  Path save() {
    const nlohmann::json config{{"peft_type", "LORA"},
                                {"r", 2},
                                {"lora_alpha", 6},
                                {"bias", "none"},
                                {"target_modules", targets_},
                                {"base_model_name_or_path", "base"}};
    EXPECT_TRUE(ok(write_text_atomic(scratch_ / "adapter_config.json", config.dump())));
    std::vector<NamedTensor> tensors;
    for (auto& [name, values] : values_) {
      tensors.push_back({"base_model.model." + name,
                         Tensor(values.data(), Dtype::kF32, {shapes_[name][0], shapes_[name][1]})});
    }
    EXPECT_TRUE(ok(write_safetensors_file(scratch_ / "adapter_model.safetensors", tensors)));
    return scratch_.path();
  }

 private:
  void add_half(const std::string& name, int64_t rows, int64_t cols, uint64_t seed) {
    Rng rng(seed, 0);
    Floats values(static_cast<size_t>(rows * cols));
    for (float& value : values) value = 0.2f * rng.normal();
    values_[name] = values;
    shapes_[name] = {rows, cols};
  }

  Scratch scratch_;
  std::map<std::string, Floats> values_;
  std::map<std::string, std::vector<int64_t>> shapes_;
  std::vector<std::string> targets_;
};

/// An adapter on the attention of every layer of a golden model.
void adapt_attention(Adapter& adapter, const Source& base) {
  uint64_t seed = 1;
  for (const std::string& name : base.names()) {
    const bool fits = name.ends_with("o_proj.weight") || name.ends_with("v_proj.weight") ||
                      name.ends_with("kv_b_proj.weight");
    if (!fits || name.starts_with("model.layers.2")) continue;  // MTP
    const auto& shape = base.find(name)->shape;
    adapter.add(name.substr(0, name.rfind('.')), shape[0], shape[1], seed += 2);
  }
}

Result<Path> merge_into(const Path& output, const Path& base_folder, const Path& adapter_folder) {
  R1_TRY(const MergeInput base, MergeInput::open(base_folder));
  R1_TRY(const PeftAdapter adapter, PeftAdapter::open(adapter_folder));
  R1_TRY(const auto tensors, merge_adapter(base, adapter));
  R1_RETURN_IF_ERROR(
      write_merged(output, tensors, merged_assets(base.assets), *test_pool(2), ignore));
  return output;
}

TEST(MergeAdapter, AddsScaleTimesBAToTheWeightAndNothingElse) {
  Adapter adapter;
  const std::string module = "model.layers.1.mlp.down_proj";
  const Path folder = golden_root() / "llama";
  const Source before = Source::open(folder).value();
  const int64_t C = before.find(module + ".weight")->shape[0];
  const int64_t F = before.find(module + ".weight")->shape[1];
  adapter.add(module, C, F, 7);
  const Scratch scratch;
  ASSERT_TRUE(ok(merge_into(scratch.path(), folder, adapter.save())));
  const Source after = Source::open(scratch.path()).value();
  const Floats &a = adapter.half(module + ".lora_A.weight"),
               &b = adapter.half(module + ".lora_B.weight");
  for (const std::string& name : before.names()) {
    const auto old_bytes = before.find(name)->bytes, new_bytes = after.find(name)->bytes;
    const bool same = std::ranges::equal(old_bytes, new_bytes);
    EXPECT_EQ(same, name != module + ".weight") << name;
    if (same) continue;
    const float* w = reinterpret_cast<const float*>(old_bytes.data());
    const float* merged = reinterpret_cast<const float*>(new_bytes.data());
    for (int64_t o = 0; o < C; ++o) {
      for (int64_t i = 0; i < F; ++i) {
        const double product = b[o * 2] * a[i] + b[o * 2 + 1] * a[F + i];
        ASSERT_NEAR(merged[o * F + i], w[o * F + i] + 3 * product, 1e-6);
      }
    }
  }
}

TEST(MergeAdapter, LogitsAreThoseOfTheAdapterSwitchedOn) {
  for (const char* name : {"llama3", "qwen2", "qwen3_moe", "deepseek_v3"}) {
    const Golden golden(name);
    Adapter adapter;
    adapt_attention(adapter, Source::open(golden.folder).value());
    const Path adapter_folder = adapter.save();
    const Scratch scratch;
    ASSERT_TRUE(ok(merge_into(scratch.path(), golden.folder, adapter_folder)));
    const auto paths = find_model(golden.folder, adapter_folder);
    ASSERT_TRUE(ok(paths));
    const auto adapted = load_model(*paths, {.dtype = "f32"}, best_launch());
    ASSERT_TRUE(ok(adapted));
    Bench bench;
    const Floats on = all_logits(*adapted->model, golden.tokens, bench.ctx);
    const auto merged = load_golden(scratch.path(), StoreUse::kInference);
    EXPECT_LE(max_error(all_logits(*merged, golden.tokens, bench.ctx), on), 1e-5) << name;
    const auto base = load_golden(golden.folder, StoreUse::kInference);
    EXPECT_GT(max_error(all_logits(*base, golden.tokens, bench.ctx), on), 1e-3) << name;
  }
}

TEST(MergeAdapter, AnFp8BaseBecomesBf16) {
  const Path original = golden_root() / "deepseek_v3";
  const Scratch fp8, scratch;
  const Source source = Source::open(original).value();
  ASSERT_TRUE(
      ok(write_folder_weights(fp8.path(), source, StoredDtype::kF8E4M3, *test_pool(2), ignore)));
  auto config = nlohmann::json::parse(read_text(original / "config.json").value());
  config["quantization_config"] = {{"quant_method", "fp8"}, {"weight_block_size", {128, 128}}};
  ASSERT_TRUE(ok(write_text_atomic(fp8 / "config.json", config.dump())));
  Adapter adapter;
  adapt_attention(adapter, source);
  ASSERT_TRUE(ok(merge_into(scratch.path(), fp8.path(), adapter.save())));
  const Source merged = Source::open(scratch.path()).value();
  for (const StoredTensor& t : merged.tensors()) {
    EXPECT_NE(t.dtype, StoredDtype::kF8E4M3) << t.name;
    EXPECT_FALSE(t.name.ends_with("_scale_inv")) << t.name;
  }
  EXPECT_EQ(read_text(scratch / "config.json")->find("quantization_config"), std::string::npos);
  EXPECT_TRUE(ok(load_model(scratch.path(), LoadOptions{}, best_launch())));
}

TEST(MergeAdapter, ModulesThatTheBaseLacksAreListedInOneError) {
  Adapter adapter;
  adapter.add("model.layers.0.self_attn.v_proj", 5, 7, 1);
  adapter.add("model.layers.9.self_attn.o_proj", 4, 4, 3);
  const Scratch scratch;
  const auto refused = merge_into(scratch.path(), golden_root() / "llama", adapter.save());
  ASSERT_FALSE(refused);
  for (const char* part :
       {"the base has no model.layers.9.self_attn.o_proj.weight",
        "model.layers.0.self_attn.v_proj is for a weight of (5, 7), the base has"}) {
    EXPECT_NE(refused.error().message.find(part), std::string::npos) << refused.error().message;
  }
}

TEST(MergeAdapter, AFileIsNoBase) {
  const auto refused = MergeInput::open(golden_root() / "llama/model.safetensors");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("r1 convert"), std::string::npos);
}

}  // namespace
}  // namespace r1
