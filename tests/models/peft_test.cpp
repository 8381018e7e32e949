// PEFT folders: written and read back, refused by name, merged by hand; and adapters' gradients on
// every family against those of the dense model.
#include "models/peft.h"

#include <nlohmann/json.hpp>
#include <numeric>

#include "base/random.h"
#include "checkpoint/fixtures.h"
#include "models/golden_fixture.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

Path golden(const std::string& name) { return golden_root() / name; }

LoadedModel load_base(const std::string& name, const std::string& quantize = "") {
  auto loaded = load_model(golden(name), {.dtype = "f32", .quantize = quantize}, best_launch());
  EXPECT_TRUE(ok(loaded));
  return std::move(*loaded);
}

/// Both halves random, so that the adapter does something.
void fill_adapters(Transformer& model, float scale = 0.05f) {
  Rng rng(7, 7);
  for (const Parameter* p : model.trained().parameters()) {
    for (int64_t i = 0; i < p->numel(); ++i) p->master.f32()[i] = scale * rng.normal();
  }
  model.refresh(best_launch());
}

/// A base with a random adapter on it.
LoadedModel adapted(const std::string& name, const LoraConfig& lora = {.r = 3}) {
  LoadedModel loaded = load_base(name);
  EXPECT_TRUE(ok(loaded.model->adapt(lora, 1)));
  fill_adapters(*loaded.model);
  return loaded;
}

Floats logits(const Transformer& model, const std::string& name, bool adapters = true) {
  Bench bench;
  bench.ctx.adapters = adapters;
  return all_logits(model, Golden(name).tokens, bench.ctx);
}

TEST(Peft, ANewAdapterChangesNoBit) {
  const LoadedModel base = load_base("qwen3");
  LoadedModel model = load_base("qwen3");
  ASSERT_TRUE(ok(model.model->adapt({.r = 4}, 3)));
  model.model->refresh(best_launch());
  EXPECT_TRUE(equal_bits(logits(*model.model, "qwen3"), logits(*base.model, "qwen3")));
}

TEST(Peft, AFolderRoundTripsBitForBit) {
  for (const char* name : {"llama", "qwen3_moe", "deepseek_v2"}) {
    TestFolder folder;
    LoraConfig lora{.r = 3, .lora_alpha = 7.5, .use_rslora = true};
    lora.base_model_name_or_path = golden(name).string();
    const LoadedModel model = adapted(name, lora);
    ASSERT_TRUE(ok(save_adapter(folder.path / "a", *model.model, model.assets)));
    const auto paths = find_model(folder.path / "a", "");
    ASSERT_TRUE(ok(paths));
    EXPECT_EQ(paths->base, golden(name));
    const auto back = load_model(*paths, {.dtype = "f32"}, best_launch());
    ASSERT_TRUE(ok(back));
    EXPECT_EQ(back->model->lora().scale(), model.model->lora().scale());
    EXPECT_TRUE(equal_bits(logits(*back->model, name), logits(*model.model, name)));
    EXPECT_TRUE(
        equal_bits(logits(*back->model, name, false), logits(*load_base(name).model, name)));
    ASSERT_TRUE(ok(save_adapter(folder.path / "b", *back->model, back->assets)));
    for (const std::string& file : files_in(folder.path / "a")) {
      EXPECT_EQ(read_bytes(folder.path / "a" / file), read_bytes(folder.path / "b" / file)) << file;
    }
  }
}

TEST(Peft, WritesWhatPeftReads) {
  TestFolder folder;
  LoraConfig lora{.r = 2, .lora_alpha = 8};
  lora.base_model_name_or_path = "models/qwen";
  const LoadedModel model = adapted("qwen2", lora);
  ModelAssets assets = model.assets;
  assets["tokenizer.json"] = "{}";
  ASSERT_TRUE(ok(save_adapter(folder.path, *model.model, assets)));
  EXPECT_EQ(files_in(folder.path),
            (std::vector<std::string>{"adapter_config.json", "adapter_model.safetensors",
                                      "tokenizer.json"}));
  const Json json = Json::parse(read_bytes(folder.path / "adapter_config.json"));
  EXPECT_EQ(json["peft_type"], "LORA");
  EXPECT_EQ(json["task_type"], "CAUSAL_LM");
  EXPECT_EQ(json["base_model_name_or_path"], "models/qwen");
  EXPECT_EQ(json["r"], 2);
  EXPECT_EQ(json["lora_alpha"].dump(), "8");  // an integer, as PEFT types it
  EXPECT_EQ(json["target_modules"],
            (Json{"down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"}));
  const Source source = Source::open_file(folder.path / "adapter_model.safetensors").value();
  const StoredTensor* a =
      source.find("base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight");
  const StoredTensor* b =
      source.find("base_model.model.model.layers.1.mlp.down_proj.lora_B.weight");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->shape, (std::vector<int64_t>{2, 32}));
  EXPECT_EQ(b->shape, (std::vector<int64_t>{32, 2}));
  EXPECT_EQ(source.names().size(), 2u * 7 * 2);
}

TEST(Peft, NamesChooseLinearLayersAsPeftDoes) {
  const auto n_adapted = [](const std::vector<std::string>& targets) -> int64_t {
    LoadedModel base = load_base("qwen2");
    const auto done = base.model->adapt({.r = 1, .target_modules = targets}, 1);
    return done ? static_cast<int64_t>(base.model->trained().parameters().size()) / 2 : -1;
  };
  EXPECT_EQ(n_adapted({"all-linear"}), 14);
  EXPECT_EQ(n_adapted({"q_proj", "v_proj"}), 4);
  EXPECT_EQ(n_adapted({"mlp.up_proj"}), 2);
  EXPECT_EQ(n_adapted({"model.layers.1.self_attn.q_proj"}), 1);
  EXPECT_EQ(n_adapted({"proj"}), -1);          // no part of a name
  EXPECT_EQ(n_adapted({"embed_tokens"}), -1);  // tied: it would change the embedding too
}

TEST(Peft, ALowRankUpdateOfTwoByTwo) {
  LowRank low;
  low.out = low.in = 2, low.r = 1, low.scale = 2;
  low.a = {1, 10};
  low.b = {3, 5};
  Floats w{1, 1, 1, 1};
  low.add_to(w.data(), 0, 2);
  EXPECT_EQ(w, (Floats{7, 61, 11, 101}));
  Floats second{0, 0};
  low.add_to(second.data(), 1, 2);
  EXPECT_EQ(second, (Floats{10, 100}));
}

/// A model with all weights in reach, W + scale · B A.
LoadedModel merge(const std::string& name, const PeftAdapter& adapter) {
  auto loaded =
      load_model(golden(name), {.dtype = "f32", .use = StoreUse::kTraining}, best_launch());
  for (const Parameter* p : loaded->model->store().parameters()) {
    if (!p->name.ends_with(".weight")) continue;
    const auto low = adapter.read(p->name.substr(0, p->name.rfind('.'))).value();
    if (low) low->add_to(p->master.f32(), 0, p->shape[0]);
  }
  loaded->model->refresh(best_launch());
  return std::move(*loaded);
}

/// x (m, k) y (k, n) in double.
Floats product(const Floats& x, const Floats& y, int64_t m, int64_t k, int64_t n, double scale) {
  Floats z(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t l = 0; l < k; ++l) sum += static_cast<double>(x[i * k + l]) * y[l * n + j];
      z[i * n + j] = static_cast<float>(scale * sum);
    }
  }
  return z;
}

Floats transposed(const Floats& x, int64_t rows) {
  const int64_t cols = static_cast<int64_t>(x.size()) / rows;
  Floats y(x.size());
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) y[j * rows + i] = x[i * cols + j];
  }
  return y;
}

/// Gradients of the first sequence's mean log-probability.
void run_backward(const Transformer& model, const std::vector<int32_t>& ids) {
  Bench bench;
  const PackedRows packed = packed_sequences({ids});
  const size_t n = ids.size() - 1;
  std::vector<int32_t> rows(n), targets(ids.begin() + 1, ids.end());
  std::iota(rows.begin(), rows.end(), 0);
  Transformer::Saved saved;
  Tensor h = model.forward(bench.ctx, packed.rows(), &saved);
  const LossRows loss{rows, targets, 1.0f};
  const TokenScores scores = model.head().score(bench.ctx, h, loss);
  Floats dlogp(n, 1.0f / static_cast<float>(n)), dentropy(n, 0.0f);
  Tensor dh = bench.ctx.f32({h.rows(), h.cols()});
  model.head().backward(bench.ctx, dh, h, loss, scores, row_vector(dlogp), row_vector(dentropy));
  model.backward(bench.ctx, packed.rows(), dh, saved);
}

class PeftFamily : public testing::TestWithParam<std::string> {};

TEST_P(PeftFamily, MergedItComputesTheSameAndItsGradientsFollowFromTheDenseOnes) {
  const std::string name = GetParam();
  TestFolder folder;
  const LoadedModel low = adapted(name, {.r = 3, .lora_alpha = 6});
  ASSERT_TRUE(ok(save_adapter(folder.path, *low.model, {})));
  const auto adapter = PeftAdapter::open(folder.path);
  ASSERT_TRUE(ok(adapter));
  const LoadedModel dense = merge(name, *adapter);
  const Floats on = logits(*low.model, name);
  EXPECT_LE(max_error(on, logits(*dense.model, name)), 1e-5 * std::max(1.0, max_abs(on)));

  const std::vector<int32_t> ids = Golden(name).tokens[0];
  run_backward(*low.model, ids);
  run_backward(*dense.model, ids);
  std::map<std::string, Floats> dense_grads;
  for (const Parameter* p : dense.model->store().parameters()) {
    if (!p->grad.empty()) dense_grads[p->name] = floats_of(p->grad);
  }
  // W' = W + s B A  =>  dB = s dW' Aᵀ,  dA = s Bᵀ dW'
  std::map<std::string, const Parameter*> halves;
  for (const Parameter* p : low.model->trained().parameters()) halves[p->name] = p;
  for (const std::string& module : adapter->modules()) {
    const LowRank m = *adapter->read(module).value();
    const Floats& dw = dense_grads.at(module + ".weight");
    const Floats da = product(transposed(m.b, m.out), dw, m.r, m.out, m.in, m.scale);
    const Floats db = product(dw, transposed(m.a, m.r), m.out, m.in, m.r, m.scale);
    const Floats got_a = floats_of(halves.at(module + ".lora_A.weight")->grad);
    const Floats got_b = floats_of(halves.at(module + ".lora_B.weight")->grad);
    EXPECT_LE(max_error(got_a, da), 1e-4 * max_abs(da) + 1e-7) << module;
    EXPECT_LE(max_error(got_b, db), 1e-4 * max_abs(db) + 1e-7) << module;
  }
}

INSTANTIATE_TEST_SUITE_P(, PeftFamily, testing::ValuesIn(golden_names()),
                         [](const auto& info) { return info.param; });

TEST(Peft, AnAdapterOnAQuantisedBaseLeavesTheBaseAsItWas) {
  for (const char* blocks : {"q8_0", "q4_0"}) {
    const LoadedModel base = load_base("qwen2", blocks);
    LoadedModel model = load_base("qwen2", blocks);
    ASSERT_TRUE(ok(model.model->adapt({.r = 3}, 1)));
    fill_adapters(*model.model);
    EXPECT_TRUE(equal_bits(logits(*model.model, "qwen2", false), logits(*base.model, "qwen2")));
    EXPECT_GT(max_error(logits(*model.model, "qwen2"), logits(*base.model, "qwen2")), 1e-2);
  }
}

TEST(Peft, ReadsHalvesOfAnyFloatingType) {
  for (const Dtype dtype : {Dtype::kF16, Dtype::kBF16}) {
    TestFolder folder;
    LoraConfig lora{.r = 2, .target_modules = {"q_proj"}};
    lora.base_model_name_or_path = golden("qwen2").string();
    LoadedModel model = adapted("qwen2", lora);
    ASSERT_TRUE(ok(save_adapter(folder.path, *model.model, {})));
    std::vector<std::vector<uint16_t>> memory;
    std::vector<NamedTensor> tensors;
    for (const Parameter* p : model.model->trained().parameters()) {
      auto& bits = memory.emplace_back();
      for (float& x : std::span(p->master.f32(), static_cast<size_t>(p->numel()))) {
        bits.push_back(dtype == Dtype::kF16 ? f32_to_f16(x) : f32_to_bf16(x));
        x = dtype == Dtype::kF16 ? f16_to_f32(bits.back()) : bf16_to_f32(bits.back());
      }
      tensors.push_back(
          {"base_model.model." + p->name, Tensor(bits.data(), dtype, {p->shape[0], p->shape[1]})});
    }
    model.model->refresh(best_launch());
    ASSERT_TRUE(ok(write_safetensors_file(folder.path / "adapter_model.safetensors", tensors)));
    const auto back = load_model(find_model(folder.path, "").value(), {}, best_launch());
    ASSERT_TRUE(ok(back));
    EXPECT_TRUE(equal_bits(logits(*back->model, "qwen2"), logits(*model.model, "qwen2")));
  }
}

// --- what is refused

TEST(PeftConfig, RefusesByNameWhatWouldChangeTheComputation) {
  const auto refusal = [](const std::string& key, const Json& value) {
    Json json{{"peft_type", "LORA"}, {"r", 4}, {"lora_alpha", 8}, {"target_modules", {"q_proj"}}};
    json[key] = value;
    const auto config = read_lora_config(json.dump());
    return config ? std::string("accepted") : config.error().message;
  };
  const std::vector<std::pair<std::string, Json>> refused{
      {"peft_type", "LOHA"},
      {"peft_type", 3},
      {"task_type", "SEQ_CLS"},
      {"bias", "all"},
      {"use_dora", true},
      {"fan_in_fan_out", true},
      {"modules_to_save", {"lm_head"}},
      {"rank_pattern", {{"q_proj", 8}}},
      {"alpha_pattern", {{"q_proj", 8}}},
      {"layers_to_transform", {0}},
      {"layers_to_transform", 1},
      {"exclude_modules", "k_proj"},
      {"target_parameters", {"experts.gate_up_proj"}},
      {"trainable_token_indices", {1}},
      {"lora_bias", true},
      {"init_lora_weights", "pissa_niter_4"},
      {"use_of_a_later_version", 1},
      {"r", 0},
      {"r", -4},
      {"r", "8"},
      {"lora_alpha", "x"},
      {"use_rslora", 1},
      {"target_modules", {1}},
      {"target_modules", 5},
      {"base_model_name_or_path", 5}};
  for (const auto& [key, value] : refused) {
    EXPECT_TRUE(contains(refusal(key, value), key)) << key << ": " << refusal(key, value);
  }
  const std::vector<std::pair<std::string, Json>> fine{{"use_rslora", true},
                                                       {"lora_dropout", 0.1},
                                                       {"modules_to_save", nullptr},
                                                       {"modules_to_save", Json::array()},
                                                       {"rank_pattern", Json::object()},
                                                       {"init_lora_weights", "gaussian"},
                                                       {"target_modules", ".*q_proj"},
                                                       {"peft_version", "0.21.2"},
                                                       {"megatron_core", "megatron.core"}};
  for (const auto& [key, value] : fine) EXPECT_EQ(refusal(key, value), "accepted") << key;
  for (const char* text : {"", "[", "[1]", "null"}) EXPECT_FALSE(read_lora_config(text)) << text;
}

/// A folder whose adapter targets q_proj of qwen2, with its tensors changed by `edit`.
Result<LoadedModel> load_edited(const Path& folder,
                                const std::function<void(std::vector<NamedTensor>&)>& edit) {
  LoraConfig lora{.r = 2, .target_modules = {"q_proj"}};
  lora.base_model_name_or_path = golden("qwen2").string();
  const LoadedModel model = adapted("qwen2", lora);
  EXPECT_TRUE(ok(save_adapter(folder, *model.model, {})));
  std::vector<NamedTensor> tensors;
  for (const Parameter* p : model.model->trained().parameters()) {
    tensors.push_back({"base_model.model." + p->name, p->weight});
  }
  edit(tensors);
  EXPECT_TRUE(ok(write_safetensors_file(folder / "adapter_model.safetensors", tensors)));
  R1_TRY(const ModelPaths paths, find_model(folder, ""));
  return load_model(paths, {}, best_launch());
}

TEST(Peft, ListsEveryMissingUnexpectedAndMisshapenTensorInOneError) {
  TestFolder folder;
  const auto at = [](NamedTensor& t) -> Tensor& { return t.tensor; };
  expect_error(load_edited(folder.path,
                           [&](std::vector<NamedTensor>& t) {
                             at(t[0]) = Tensor(t[0].tensor.data, Dtype::kF32, {4, 16});
                             t[2].name = "base_model.model.lm_head.weight";
                           }),
               {"unexpected: base_model.model.lm_head.weight",
                "missing: base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight",
                "layers.0.self_attn.q_proj.lora_A.weight: has shape (4, 16), r is 2"});
  expect_error(load_edited(folder.path,
                           [&](std::vector<NamedTensor>& t) {
                             at(t[0]) = Tensor(t[0].tensor.data, Dtype::kF32, {2, 31});
                             for (int i : {2, 3}) t[i].name.replace(t[i].name.find("q_"), 2, "k_");
                           }),
               {"missing: base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight",
                "unexpected: base_model.model.model.layers.1.self_attn.k_proj.lora_A.weight",
                "q_proj.lora_A.weight: has shape (2, 31), the model asks for (2, 32)"});
  expect_error(load_edited(folder.path, [](std::vector<NamedTensor>& t) { t.clear(); }),
               {"holds no adapter"});
}

TEST(Peft, FindsTheBaseBesideTheAdapterOrSaysWhichFieldIsWrong) {
  TestFolder folder;
  const auto write = [&](const std::string& base) {
    LoraConfig lora{.r = 2, .target_modules = {"q_proj"}};
    lora.base_model_name_or_path = base;
    const LoadedModel model = adapted("qwen2", lora);
    EXPECT_TRUE(ok(save_adapter(folder.path / "a", *model.model, {})));
  };
  std::filesystem::create_directory_symlink(golden("qwen2"), folder.path / "base");
  write("../base");
  const auto beside = find_model(folder.path / "a", "");
  ASSERT_TRUE(ok(beside));
  EXPECT_EQ(beside->base, folder.path / "base");
  EXPECT_EQ(beside->words, beside->base);  // the adapter brings no tokenizer
  write("no/such/model");
  expect_error(find_model(folder.path / "a", ""),
               {"adapter_config.json: base_model_name_or_path is 'no/such/model'", "--adapter"});
  write("");
  expect_error(find_model(folder.path / "a", ""), {"base_model_name_or_path is not set"});
  const auto named = find_model(golden("qwen2"), folder.path / "a");  // then it does not matter
  ASSERT_TRUE(ok(named));
  EXPECT_TRUE(ok(load_model(*named, {}, best_launch())));
  expect_error(find_model(folder.path / "a", folder.path / "a"), {"is an adapter itself"});
  expect_error(load_model({golden("qwen2"), golden("qwen3"), {}}, {}, best_launch()),
               {"no adapter_config.json"});
  std::filesystem::remove(folder.path / "a" / "adapter_model.safetensors");
  expect_error(load_model(*named, {}, best_launch()), {"adapter_model.safetensors: no such file"});
}

}  // namespace
}  // namespace r1
