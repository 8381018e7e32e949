#include "checkpoint/source.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "checkpoint/fixtures.h"

namespace r1 {
namespace {

const char* const kIndex = "model.safetensors.index.json";

/// Three tensors in two shards.
struct ShardedModel {
  TestFolder folder;
  OwnedTensor a{Dtype::kF32, {2}}, b{Dtype::kF32, {2}, 5}, c{Dtype::kBF16, {2, 2}, 9};
  ShardedModel() {
    const std::vector<NamedTensor> named = {{"c", c.tensor}, {"b", b.tensor}, {"a", a.tensor}};
    EXPECT_TRUE(ok(write_safetensors(folder.path, named, 16)));
  }
  void edit_index(const std::string& from, const std::string& to) const {
    std::string text = read_bytes(folder.path / kIndex);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    write_bytes(folder.path / kIndex, text.replace(at, from.size(), to));
  }
};

TEST(Source, FindsByNameInSortedOrder) {
  const ShardedModel model;
  auto opened = Source::open(model.folder.path);
  ASSERT_TRUE(ok(opened));
  const Source source = std::move(*opened);  // views outlive the move
  EXPECT_EQ(source.names(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(source.find("d"), nullptr);
  EXPECT_EQ(source.find(""), nullptr);
  OwnedTensor out(Dtype::kF32, {2, 2});
  ASSERT_TRUE(ok(read_into(*source.find("c"), out.tensor)));
  EXPECT_EQ(out.tensor.f32()[3], 12.0f);
}

TEST(Source, MissingShardsAreListed) {
  const ShardedModel model;
  std::filesystem::remove(model.folder.path / "model-00002-of-00002.safetensors");
  expect_error(Source::open(model.folder.path),
               {"1 of 2 shards", "model-00002-of-00002.safetensors", "download"});
}

TEST(Source, ADamagedShardIsNamed) {
  const ShardedModel model;
  const auto shard = model.folder.path / "model-00001-of-00002.safetensors";
  write_bytes(shard, read_bytes(shard).substr(0, 100));
  expect_error(Source::open(model.folder.path), {"model-00001-of-00002", "truncated"});
}

TEST(Source, NamesThatIndexAndShardsDoNotShareAreListed) {
  const ShardedModel model;
  model.edit_index("\"b\"", "\"lost\"");
  expect_error(Source::open(model.folder.path),
               {kIndex, "lack lost", "not list b", "one revision"});
}

TEST(Source, ATensorInAnotherShardThanTheIndexSaysIsRefused) {
  const ShardedModel model;
  model.edit_index("\"b\": \"model-00001-of-00002", "\"b\": \"model-00002-of-00002");
  expect_error(Source::open(model.folder.path), {"b (in model-00001-of", "b (in model-00002-of"});
}

TEST(Source, LongListsAreCut) {
  const ShardedModel model;
  nlohmann::json index = nlohmann::json::parse(read_bytes(model.folder.path / kIndex));
  for (int i = 0; i < 100; ++i)
    index["weight_map"]["x" + std::to_string(i)] = index["weight_map"]["a"];
  write_bytes(model.folder.path / kIndex, index.dump());
  expect_error(Source::open(model.folder.path), {"and 92 more"});
}

TEST(Source, AnIndexThatLiesIsRefused) {
  const TestFolder folder;
  const auto open = [&](const std::string& index) {
    write_bytes(folder.path / kIndex, index);
    return Source::open(folder.path);
  };
  expect_error(open("{"), {kIndex, "not valid JSON"});
  expect_error(open("[]"), {kIndex, "'weight_map'"});
  expect_error(open(R"({"weight_map":[]})"), {"'weight_map'"});
  expect_error(open(R"({"weight_map":{"a":7}})"), {"'a'"});
  expect_error(open(R"({"weight_map":{"a":"../x.safetensors"}})"), {"'a'", "this folder"});
  expect_error(open(R"({"weight_map":{"a":"/etc/passwd"}})"), {"'a'", "this folder"});
  expect_error(open(R"({"weight_map":{"a":"x.safetensors","a":"y.safetensors"}})"), {"twice"});
}

TEST(Source, FoldersWithoutWeightsSaySo) {
  const TestFolder folder;
  expect_error(Source::open(folder.path), {"neither model.safetensors nor"});
  expect_error(Source::open(folder.path / "none"), {"no such folder"});
}

struct KnownModel {
  const char* folder;
  size_t n_tensors;
};

class SharedSource : public testing::TestWithParam<KnownModel> {};

TEST_P(SharedSource, HasTheShapesOfItsConfig) {
  const char* data = std::getenv("R1_SHARED_DATA");
  if (data == nullptr) GTEST_SKIP() << "R1_SHARED_DATA is not set";
  const auto folder = std::filesystem::path(data) / "models" / GetParam().folder;
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  const auto config = nlohmann::json::parse(read_bytes(folder / "config.json"));
  const auto source = Source::open(folder);
  ASSERT_TRUE(ok(source));
  EXPECT_EQ(source->names().size(), GetParam().n_tensors);
  const int64_t d_model = config["hidden_size"], d_ff = config["intermediate_size"],
                n_heads = config["num_attention_heads"], n_kv_heads = config["num_key_value_heads"],
                kv_cols = d_model / n_heads * n_kv_heads;
  using Shape = std::vector<int64_t>;
  const auto shape = [&](const std::string& name) {
    const StoredTensor* tensor = source->find(name);
    return tensor == nullptr ? Shape{} : tensor->shape;
  };
  EXPECT_EQ(shape("model.embed_tokens.weight"), (Shape{config["vocab_size"], d_model}));
  EXPECT_EQ(source->find("lm_head.weight") == nullptr, config["tie_word_embeddings"].get<bool>());
  for (int i = 0; i < config["num_hidden_layers"].get<int>(); ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    EXPECT_EQ(shape(layer + "input_layernorm.weight"), Shape{d_model});
    EXPECT_EQ(shape(layer + "self_attn.k_proj.weight"), (Shape{kv_cols, d_model}));
    EXPECT_EQ(shape(layer + "mlp.down_proj.weight"), (Shape{d_model, d_ff}));
  }
  OwnedTensor norm(Dtype::kF32, {d_model});
  ASSERT_TRUE(ok(read_into(*source->find("model.norm.weight"), norm.tensor)));
  for (int64_t i = 0; i < d_model; ++i) EXPECT_LT(std::abs(norm.tensor.f32()[i]), 100.0f);
}

INSTANTIATE_TEST_SUITE_P(Source, SharedSource,
                         testing::Values(KnownModel{"verl_arithmetic_tiny_llama", 39},
                                         KnownModel{"stories260K/hf", 47}));

}  // namespace
}  // namespace r1
