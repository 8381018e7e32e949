// Models of every family into GGUF files and back.
#include "models/gguf_folder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/scratch.h"
#include "checkpoint/gguf.h"
#include "checkpoint/stream.h"
#include "models/family.h"
#include "models/gguf_export.h"

namespace r1 {
namespace {

const char* const kModels[] = {
    "llama",     "llama3",      "llama_linear",     "qwen2",       "qwen2_yarn",      "qwen3",
    "qwen3_moe", "deepseek_v2", "deepseek_v2_lite", "deepseek_v3", "deepseek_v3_lite"};

Path golden(const std::string& name) { return Path(R1_SOURCE_DIR) / "tests" / "golden" / name; }

void ignore(int64_t, int64_t) {}

template <class T>
testing::AssertionResult ok(const Result<T>& result) {
  if (result.has_value()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message;
}

std::vector<std::byte> bytes_of(const StoredTensor& tensor, StoredDtype as) {
  std::vector<std::byte> bytes(tensor.rows() * stored_bytes(as, tensor.row_elements()));
  EXPECT_TRUE(ok(read_rows_as(tensor, 0, tensor.rows(), as, bytes.data()))) << tensor.name;
  return bytes;
}

bool is_head_again(const Source& source, const std::string& name) {
  return name == "lm_head.weight" && source.find(name) == nullptr;
}

/// Every tensor of `before` is in `after`, with the same bytes in the type it had.
void expect_same_tensors(const Source& before, const Source& after) {
  for (const std::string& name : before.names()) {
    const StoredTensor *a = before.find(name), *b = after.find(name);
    if (b == nullptr && is_head_again(after, name)) continue;
    ASSERT_NE(b, nullptr) << name;
    EXPECT_EQ(a->shape, b->shape) << name;
    EXPECT_EQ(bytes_of(*a, a->dtype), bytes_of(*b, a->dtype)) << name;
  }
}

class GgufRoundTrip : public testing::TestWithParam<const char*> {};

TEST_P(GgufRoundTrip, KeepsEveryTensorByteForByte) {
  const Path model = golden(GetParam());
  ThreadPool pool(2);
  for (const StoredDtype dtype : {StoredDtype::kF32, StoredDtype::kF16, StoredDtype::kBF16}) {
    Scratch scratch;
    const auto original = Source::open(model);
    ASSERT_TRUE(ok(original));
    ASSERT_TRUE(ok(write_folder_weights(scratch / "hf", *original, dtype, pool, ignore)));
    const auto source = Source::open(scratch / "hf");
    const auto assets = read_assets(model);
    ASSERT_TRUE(ok(source));
    ASSERT_TRUE(ok(assets));
    const Path file = scratch / "model.gguf";
    ASSERT_TRUE(ok(write_gguf(file, *assets, *source, {std::nullopt, true, "tiny"}, pool, ignore)));
    const auto folder = open_gguf(file);
    ASSERT_TRUE(ok(folder));
    expect_same_tensors(*source, folder->source);
    EXPECT_EQ(folder->source.names().size(), source->names().size());
    ASSERT_TRUE(ok(write_folder_weights(scratch / "back", folder->source, dtype, pool, ignore)));
    EXPECT_EQ(*read_text(scratch / "hf" / "model.safetensors"),
              *read_text(scratch / "back" / "model.safetensors"));
  }
}

TEST_P(GgufRoundTrip, KeepsWhatConfigSaysOfTheComputation) {
  Scratch scratch;
  ThreadPool pool(1);
  const auto source = Source::open(golden(GetParam()));
  const auto assets = read_assets(golden(GetParam()));
  ASSERT_TRUE(ok(source));
  ASSERT_TRUE(ok(assets));
  const Path file = scratch / "model.gguf";
  ASSERT_TRUE(ok(write_gguf(file, *assets, *source, {std::nullopt, true, ""}, pool, ignore)));
  const auto folder = open_gguf(file);
  ASSERT_TRUE(ok(folder));
  const auto before = nlohmann::json::parse(assets->at("config.json"));
  const auto after = nlohmann::json::parse(folder->assets.at("config.json"));
  for (const auto& [key, value] : after.items()) {
    const bool is_elsewhere = key.starts_with("rope_") || key == "torch_dtype" || value.is_null();
    if (!before.contains(key) || is_elsewhere) continue;
    EXPECT_EQ(before[key], value) << key;
  }
  const bool is_new = before.contains("rope_parameters");
  const auto rope_before =
      before.value(is_new ? "rope_parameters" : "rope_scaling", nlohmann::json());
  const double theta =
      is_new ? rope_before.value("rope_theta", 0.0) : before.value("rope_theta", 0.0);
  EXPECT_EQ(after["rope_theta"].get<double>(), theta);
  if (!rope_before.is_object() || rope_before.value("rope_type", "") == "default") return;
  for (const auto& [key, value] : rope_before.items()) {
    if (key == "type" || key == "rope_type" || key == "rope_theta") continue;
    EXPECT_EQ(after["rope_scaling"].value(key, nlohmann::json()), value) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, GgufRoundTrip, testing::ValuesIn(kModels),
                         [](const auto& info) { return std::string(info.param); });

/// A GGUF file of a golden model, q8_0, and its tensors by their GGUF names.
std::map<std::string, StoredDtype> dtypes_of(const Path& file) {
  std::map<std::string, StoredDtype> dtypes;
  const auto opened = GgufFile::open(file);
  EXPECT_TRUE(ok(opened));
  for (const StoredTensor& tensor : opened->contents.tensors) dtypes[tensor.name] = tensor.dtype;
  return dtypes;
}

TEST(GgufExport, TypesAreThoseThatReadersExpect) {
  Scratch scratch;
  ThreadPool pool(1);
  const auto source = Source::open(golden("qwen3_moe"));
  const auto assets = read_assets(golden("qwen3_moe"));
  const Path file = scratch / "model.gguf";
  ASSERT_TRUE(
      ok(write_gguf(file, *assets, *source, {StoredDtype::kQ4_0, false, ""}, pool, ignore)));
  auto dtypes = dtypes_of(file);
  EXPECT_EQ(dtypes["blk.0.attn_q.weight"], StoredDtype::kQ4_0);
  EXPECT_EQ(dtypes["token_embd.weight"], StoredDtype::kQ8_0);
  EXPECT_EQ(dtypes["blk.0.attn_norm.weight"], StoredDtype::kF32);
  EXPECT_EQ(dtypes["blk.0.ffn_gate_inp.weight"], StoredDtype::kF32);
  // Rows of 7 are no blocks of 32.
  EXPECT_EQ(dtypes["blk.0.ffn_down_exps.weight"], StoredDtype::kF16);
}

TEST(GgufExport, MtpBlocksStayBehindUnlessAskedFor) {
  Scratch scratch;
  ThreadPool pool(1);
  const auto source = Source::open(golden("deepseek_v3"));
  const auto assets = read_assets(golden("deepseek_v3"));
  const Path file = scratch / "model.gguf";
  ASSERT_TRUE(ok(write_gguf(file, *assets, *source, {std::nullopt, false, ""}, pool, ignore)));
  const auto dtypes = dtypes_of(file);
  EXPECT_FALSE(dtypes.contains("blk.2.nextn.eh_proj.weight"));
  EXPECT_TRUE(dtypes.contains("blk.1.attn_k_b.weight"));
  const auto folder = open_gguf(file);
  ASSERT_TRUE(ok(folder));
  const auto config = nlohmann::json::parse(folder->assets.at("config.json"));
  EXPECT_EQ(config["num_hidden_layers"], 2);
  EXPECT_FALSE(config.contains("num_nextn_predict_layers"));
  EXPECT_EQ(config["architectures"][0], "DeepseekV3ForCausalLM");
}

TEST(GgufExport, RopeScalingThatGgufCannotSayIsRefusedByName) {
  Scratch scratch;
  ThreadPool pool(1);
  const auto source = Source::open(golden("llama_yarn_bias"));
  const auto assets = read_assets(golden("llama_yarn_bias"));
  const auto written = write_gguf(scratch / "a.gguf", *assets, *source, {}, pool, ignore);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("attention_factor"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(scratch / "a.gguf"));
}

/// The llama fixture as a GGUF file, changed by `edit`.
template <class Edit>
Result<GgufFolder> edited_llama(const Path& folder, Edit edit) {
  R1_TRY(const Source source, Source::open(golden("llama")));
  R1_TRY(ModelAssets assets, read_assets(golden("llama")));
  assets["tokenizer.json"] =
      R"({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
          "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})";
  ThreadPool pool(1);
  R1_RETURN_IF_ERROR(write_gguf(folder / "a.gguf", assets, source, {}, pool, ignore));
  R1_TRY(GgufFile file, GgufFile::open(folder / "a.gguf"));
  std::vector<GgufTensor> tensors;
  for (const StoredTensor& t : file.contents.tensors) tensors.push_back({t.name, t.dtype, t.shape});
  edit(file.contents.metadata, tensors);
  R1_TRY(GgufWriter writer, GgufWriter::create(folder / "b.gguf", file.contents.metadata, tensors));
  for (const StoredTensor& t : file.contents.tensors) R1_RETURN_IF_ERROR(writer.write(t.bytes));
  R1_RETURN_IF_ERROR(writer.commit());
  return open_gguf(folder / "b.gguf");
}

using Tensors = std::vector<GgufTensor>;

void expect_refused(const Result<GgufFolder>& folder, std::initializer_list<const char*> parts) {
  ASSERT_FALSE(folder.has_value());
  for (const char* part : parts) {
    EXPECT_NE(folder.error().message.find(part), std::string::npos) << folder.error().message;
  }
}

TEST(GgufFolder, WhatIsNotImplementedIsRefusedByName) {
  const Scratch s;
  expect_refused(edited_llama(s.path(),
                              [](GgufMetadata& m, Tensors&) {
                                m.set("general.architecture", GgufValue::text("gemma3"));
                              }),
                 {"b.gguf", "general.architecture", "gemma3", "qwen3moe"});
  expect_refused(edited_llama(s.path(),
                              [](GgufMetadata& m, Tensors&) {
                                m.set("llama.rope.scaling.type", GgufValue::text("longrope"));
                              }),
                 {"llama.rope.scaling.type"});
  expect_refused(
      edited_llama(s.path(), [](GgufMetadata& m,
                                Tensors&) { m.set("llama.expert_count", GgufValue::u32(8)); }),
      {"llama.expert_count"});
  expect_refused(edited_llama(s.path(),
                              [](GgufMetadata& m, Tensors&) {
                                m.set("llama.final_logit_softcapping", GgufValue::f32(30));
                              }),
                 {"llama.final_logit_softcapping"});
  expect_refused(edited_llama(s.path(),
                              [](GgufMetadata& m, Tensors&) {
                                m.set("tokenizer.ggml.pre", GgufValue::text("viking"));
                              }),
                 {"tokenizer.ggml.pre", "viking", "llama-bpe"});
  expect_refused(edited_llama(s.path(), [](GgufMetadata& m,
                                           Tensors&) { m.set("split.count", GgufValue::u32(3)); }),
                 {"3 splits", "--merge"});
  expect_refused(
      edited_llama(s.path(), [](GgufMetadata&, Tensors& t) { t[5].name = "blk.0.attn_sinks"; }),
      {"attn_sinks", "llama"});
  expect_refused(
      edited_llama(s.path(), [](GgufMetadata&, Tensors& t) { t[0].name = "rope_freqs.weight"; }),
      {"rope_freqs.weight"});
}

TEST(GgufFolder, SizesFarFromTheTensorsAreRefusedWithoutHarm) {
  const Scratch s;
  for (const char* key : {"llama.attention.key_length", "llama.block_count",
                          "llama.attention.head_count", "llama.embedding_length"}) {
    for (const int64_t value : {int64_t{0}, int64_t{7}, int64_t{INT32_MAX}, int64_t{UINT32_MAX}}) {
      const auto folder = edited_llama(
          s.path(), [&](GgufMetadata& m, Tensors&) { m.set(key, GgufValue::u32(value)); });
      EXPECT_TRUE(folder.has_value() || !folder.error().message.empty());
    }
  }
}

}  // namespace
}  // namespace r1
