#include "models/merge.h"

#include <gtest/gtest.h>

#include "base/scratch.h"
#include "models/golden_fixture.h"
#include "models/upcycle.h"

namespace r1 {
namespace {

template <class T>
testing::AssertionResult ok(const Result<T>& result) {
  if (result.has_value()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message;
}

void ignore(int64_t, int64_t) {}

Floats floats(const Source& source, const std::string& name) {
  const StoredTensor* t = source.find(name);
  EXPECT_NE(t, nullptr) << name;
  if (!t) return {};
  Floats values(static_cast<size_t>(t->rows() * t->row_elements()));
  const Tensor all(values.data(), Dtype::kF32, {t->rows(), t->row_elements()});
  EXPECT_TRUE(ok(read_rows(*t, 0, t->rows(), all)));
  return values;
}

/// A copy of a golden model with every floating tensor changed by f.
void write_changed(const Path& folder, const std::string& name,
                   const std::function<float(float)>& f) {
  const MergeInput input = MergeInput::open(golden_root() / name).value();
  std::vector<MergedTensor> tensors;
  for (const StoredTensor& t : input.source.tensors()) {
    const RowMaker make = [&t, &f](int64_t begin, int64_t end, float* to) -> Result<void> {
      const int64_t n = (end - begin) * t.row_elements();
      R1_RETURN_IF_ERROR(read_rows(t, begin, end, Tensor(to, Dtype::kF32, {n})));
      for (int64_t i = 0; i < n; ++i) to[i] = f(to[i]);
      return {};
    };
    tensors.push_back({{t.name, t.dtype, t.shape}, &t, [make] { return Result<RowMaker>(make); }});
  }
  ASSERT_TRUE(ok(write_merged(folder, tensors, input.assets, *test_pool(2), ignore)));
}

struct Merged {
  Scratch scratch;
  Source source;

  Merged(const Result<std::vector<MergedTensor>>& tensors, const ModelAssets& assets) {
    EXPECT_TRUE(ok(tensors));
    if (!tensors) return;
    EXPECT_TRUE(ok(write_merged(scratch.path(), *tensors, assets, *test_pool(2), ignore)));
    source = Source::open(scratch.path()).value();
  }
};

std::vector<MergeInput> inputs(const std::vector<Path>& paths) {
  std::vector<MergeInput> models;
  for (const Path& path : paths) {
    auto model = MergeInput::open(path);
    EXPECT_TRUE(ok(model));
    models.push_back(std::move(*model));
  }
  return models;
}

constexpr const char* kUp = "model.layers.1.mlp.up_proj.weight";

TEST(Merge, LinearIsTheWeightedMeanOfEachElement) {
  Scratch b, c;
  write_changed(b.path(), "qwen3", [](float x) { return 3 * x; });
  write_changed(c.path(), "qwen3", [](float x) { return x + 8; });
  const auto models = inputs({golden_root() / "qwen3", b.path(), c.path()});
  const Merged merged(merge_linear(models, {1, 2, 1}), models[0].assets);
  const Floats before = floats(models[0].source, kUp), after = floats(merged.source, kUp);
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_NEAR(after[i], 2 * before[i] + 2, 1e-6) << i;  // (x + 2 * 3x + x + 8) / 4
  }
}

TEST(Merge, AModelWithItselfStaysItself) {
  const Path folder = golden_root() / "llama";
  const auto models = inputs({folder, folder});
  const Merged mean(merge_linear(models, {}), models[0].assets);
  const Merged arc(merge_slerp(models, 0.25, *test_pool(2)), models[0].assets);
  for (const std::string& name : models[0].source.names()) {
    const Floats before = floats(models[0].source, name);
    EXPECT_EQ(floats(mean.source, name), before) << name;
    EXPECT_LE(max_error(floats(arc.source, name), before), 1e-6) << name;
  }
}

// (1, 0) and (0, 2): at a right angle, half way is sin 45° of each.
TEST(Merge, SlerpGoesAlongTheArc) {
  const float a[] = {1, 0}, b[] = {0, 2};
  std::vector<MergeInput> models = inputs({golden_root() / "llama", golden_root() / "llama"});
  models[0].source = Source::of({}, {{"w", StoredDtype::kF32, {2}, std::as_bytes(std::span(a))}});
  models[1].source = Source::of({}, {{"w", StoredDtype::kF32, {2}, std::as_bytes(std::span(b))}});
  for (const double t : {0.0, 0.5, 1.0}) {
    const Merged merged(merge_slerp(models, t, *test_pool(2)), models[0].assets);
    const Floats w = floats(merged.source, "w");
    EXPECT_NEAR(w[0], std::cos(t * M_PI / 2), 1e-6);
    EXPECT_NEAR(w[1], 2 * std::sin(t * M_PI / 2), 1e-6);
  }
}

TEST(Merge, SlerpOfParallelAndOfZeroTensorsIsLinear) {
  const float a[] = {1, 2, 0, 0}, b[] = {3, 6, 0, 0};
  std::vector<MergeInput> models = inputs({golden_root() / "llama", golden_root() / "llama"});
  models[0].source =
      Source::of({}, {{"w", StoredDtype::kF32, {2}, std::as_bytes(std::span(a, 2))},
                      {"zero", StoredDtype::kF32, {2}, std::as_bytes(std::span(a + 2, 2))}});
  models[1].source =
      Source::of({}, {{"w", StoredDtype::kF32, {2}, std::as_bytes(std::span(b, 2))},
                      {"zero", StoredDtype::kF32, {2}, std::as_bytes(std::span(b, 2))}});
  const Merged merged(merge_slerp(models, 0.5, *test_pool(2)), models[0].assets);
  EXPECT_EQ(floats(merged.source, "w"), (Floats{2, 4}));
  EXPECT_EQ(floats(merged.source, "zero"), (Floats{1.5f, 3}));
}

TEST(Merge, AllDifferencesAreInOneError) {
  Scratch scratch;
  std::filesystem::copy(golden_root() / "qwen3", scratch.path(),
                        std::filesystem::copy_options::recursive);
  auto config = nlohmann::json::parse(read_text(scratch / "config.json").value());
  config["rms_norm_eps"] = 0.5;
  ASSERT_TRUE(ok(write_text_atomic(scratch / "config.json", config.dump())));
  const auto eps = merge_linear(inputs({golden_root() / "qwen3", scratch.path()}), {});
  ASSERT_FALSE(eps);
  EXPECT_NE(eps.error().message.find("rms_norm_eps 0.5"), std::string::npos) << eps.error().message;

  const auto other = merge_linear(inputs({golden_root() / "qwen3", golden_root() / "llama"}), {});
  ASSERT_FALSE(other);
  for (const char* part :
       {"architecture LlamaForCausalLM, not Qwen3ForCausalLM",
        "lacks model.layers.{0-1}.self_attn.q_norm.weight", "has in another shape"}) {
    EXPECT_NE(other.error().message.find(part), std::string::npos) << other.error().message;
  }
}

TEST(Merge, SharesThatMakeNoMeanAreRefused) {
  const auto models = inputs({golden_root() / "llama", golden_root() / "llama"});
  EXPECT_FALSE(merge_linear(models, {1}));
  EXPECT_FALSE(merge_linear(models, {1, -1}));
  EXPECT_FALSE(merge_linear(models, {NAN, 1}));
  EXPECT_FALSE(merge_slerp(models, 1.5, *test_pool(2)));
  EXPECT_FALSE(merge_slerp(models, NAN, *test_pool(2)));
  EXPECT_FALSE(merge_slerp(inputs({golden_root() / "llama"}), 0.5, *test_pool(2)));
}

/// Logits of a folder for the golden sequences.
Floats logits_of(const Path& folder, const Golden& golden) {
  const auto model = load_golden(folder, StoreUse::kInference);
  Bench bench;
  return all_logits(*model, golden.tokens, bench.ctx);
}

TEST(Upcycle, ComputesWhatTheDenseModelDid) {
  const Golden golden("qwen3");
  const MergeInput dense = MergeInput::open(golden.folder).value();
  for (const int64_t top_k : {1, 2, 4}) {
    const UpcycleConfig config{.experts = 4, .top_k = top_k};
    const Merged sparse(upcycle(dense, config), upcycled_assets(dense, config));
    EXPECT_EQ(open_config(sparse.scratch.path())->architecture, "Qwen3MoeForCausalLM");
    const Floats ours = logits_of(sparse.scratch.path(), golden);
    EXPECT_LE(max_error(ours, logits_of(golden.folder, golden)), 1e-5) << top_k;
  }
}

TEST(Upcycle, ExpertsAreCopiesUnlessTheyJitter) {
  const MergeInput dense = MergeInput::open(golden_root() / "qwen3").value();
  const UpcycleConfig same{.experts = 3, .top_k = 2},
      noisy{.experts = 3, .top_k = 2, .jitter = 0.01};
  const Merged copies(upcycle(dense, same), upcycled_assets(dense, same));
  const Merged varied(upcycle(dense, noisy), upcycled_assets(dense, noisy));
  const Floats before = floats(dense.source, kUp);
  const auto expert = [](int e) {
    return fmt::format("model.layers.1.mlp.experts.{}.up_proj.weight", e);
  };
  for (int e = 0; e < 3; ++e) EXPECT_EQ(floats(copies.source, expert(e)), before);
  EXPECT_NE(floats(varied.source, expert(0)), floats(varied.source, expert(1)));
  double squares = 0;
  const Floats one = floats(varied.source, expert(2));
  for (size_t i = 0; i < one.size(); ++i) squares += std::pow(one[i] - before[i], 2);
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(one.size())), 0.01, 0.001);
  double router = 0;
  const Floats gate = floats(copies.source, "model.layers.0.mlp.gate.weight");
  for (const float x : gate) router += x * x;
  EXPECT_NEAR(std::sqrt(router / static_cast<double>(gate.size())), 0.02, 0.006);
}

TEST(Upcycle, TheThreadCountChangesNothing) {
  const MergeInput dense = MergeInput::open(golden_root() / "qwen3").value();
  const auto tensors = upcycle(dense, {.experts = 2, .top_k = 1, .jitter = 0.1}).value();
  Scratch one, many;
  ASSERT_TRUE(ok(write_merged(one.path(), tensors, dense.assets, *test_pool(1), ignore)));
  ASSERT_TRUE(ok(write_merged(many.path(), tensors, dense.assets, *test_pool(3), ignore)));
  EXPECT_EQ(read_text(one / kWeightsName).value(), read_text(many / kWeightsName).value());
}

TEST(Upcycle, RefusesByNameWhatItCannotExpress) {
  const auto message = [](const std::string& name, UpcycleConfig config) {
    const auto refused = upcycle(MergeInput::open(golden_root() / name).value(), config);
    return refused ? "" : refused.error().message;
  };
  EXPECT_NE(message("llama", {}).find("LlamaForCausalLM cannot be upcycled"), std::string::npos);
  EXPECT_NE(message("qwen3_moe", {}).find("it has experts already"), std::string::npos);
  EXPECT_NE(message("qwen3", {.experts = 2, .top_k = 3}).find("top_k 3"), std::string::npos);
  EXPECT_NE(message("qwen3", {.experts = 0}).find("experts 0"), std::string::npos);
  EXPECT_NE(message("qwen3", {.jitter = NAN}).find("jitter"), std::string::npos);
}

TEST(Merge, OutputsAreNeitherInputsNorOverwritten) {
  Scratch scratch;
  EXPECT_TRUE(ok(check_output(scratch.path(), {}, false)));
  EXPECT_TRUE(ok(check_output(scratch / "new", {}, false)));
  EXPECT_FALSE(check_output(scratch.path(), {scratch.path() / "."}, true));
  ASSERT_TRUE(ok(write_text_atomic(scratch / "file", "x")));
  EXPECT_FALSE(check_output(scratch.path(), {}, false));
  EXPECT_TRUE(ok(check_output(scratch.path(), {}, true)));
  EXPECT_FALSE(check_output(scratch / "file", {}, true));
  EXPECT_FALSE(check_output("", {}, true));
}

}  // namespace
}  // namespace r1
