// r1 convert as a user runs it, and tokenizers that go through a GGUF file.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "checkpoint/gguf.h"
#include "checkpoint/source.h"
#include "cli/program.h"
#include "models/gguf_tokenizer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_samples.h"

namespace r1 {
namespace {

Args convert_args(const Path& from, const Path& to, const Args& more = {}) {
  return Args{"convert", from.string(), to.string()} + more;
}

TEST(Convert, FolderToGgufAndBackIsTheSameFolder) {
  const Scratch scratch;
  must_run(convert_args(tiny_model(), scratch / "copy"));  // tensors sorted by name, no bit changed
  must_run(convert_args(tiny_model(), scratch / "m.gguf"));
  must_run(convert_args(scratch / "m.gguf", scratch / "back"));
  for (const char* name : {"model.safetensors", "tokenizer.json"}) {
    EXPECT_TRUE(slurp(scratch / "copy" / name) == slurp(scratch / "back" / name)) << name;
  }
  EXPECT_TRUE(slurp(tiny_model() / "config.json") == slurp(scratch / "copy/config.json"));
}

TEST(Convert, GgufSaysTheSameWordsAsItsFolder) {
  const Scratch scratch;
  must_run(convert_args(tiny_model(), scratch / "m.gguf"));
  const auto ids_of = [](const Path& model) {
    const std::string line = must_run({"generate", "--model", model.string(), "--ids", "3,4,5",
                                       "--max_tokens", "8", "--temperature", "0", "--json"});
    return nlohmann::json::parse(line)["completions"][0]["ids"];
  };
  EXPECT_EQ(ids_of(scratch / "m.gguf"), ids_of(tiny_model()));
}

TEST(Convert, Fp8ToBf16AndTheConfigThatBelongsToEach) {
  const Scratch scratch;
  must_run(convert_args(tiny_model(), scratch / "fp8", {"--dtype", "fp8"}));
  EXPECT_HAS(slurp(scratch / "fp8/config.json"), "weight_block_size");
  const auto fp8 = Source::open(scratch / "fp8");
  ASSERT_TRUE(fp8) << fp8.error().message;
  EXPECT_EQ(fp8->find("model.layers.0.mlp.up_proj.weight")->dtype, StoredDtype::kF8E4M3);
  EXPECT_EQ(fp8->find("model.embed_tokens.weight")->dtype, StoredDtype::kBF16);
  must_run(convert_args(scratch / "fp8", scratch / "again"));
  for (const char* name : {"model.safetensors", "config.json"}) {
    EXPECT_TRUE(slurp(scratch / "fp8" / name) == slurp(scratch / "again" / name)) << name;
  }
  must_run(convert_args(scratch / "fp8", scratch / "bf16", {"--dtype=bf16"}));
  const std::string config = slurp(scratch / "bf16/config.json");
  EXPECT_EQ(config.find("quantization_config"), std::string::npos);
  EXPECT_HAS(config, "bfloat16");
}

TEST(Convert, OverwritesOnlyWithForce) {
  const Scratch scratch;
  must_run(convert_args(tiny_model(), scratch / "m.gguf"));
  const std::string before = slurp(scratch / "m.gguf");
  EXPECT_HAS(must_fail(convert_args(tiny_model(), scratch / "m.gguf", {"--dtype", "q8_0"})),
             "--force");
  EXPECT_TRUE(slurp(scratch / "m.gguf") == before);
  must_run(Args{"convert", "--force", tiny_model().string(), (scratch / "m.gguf").string(),
                "--dtype", "q8_0"});
  EXPECT_FALSE(slurp(scratch / "m.gguf") == before);
}

TEST(Convert, ErrorsNameTheRemedy) {
  const Scratch scratch;
  EXPECT_HAS(must_fail({"convert"}), "r1 convert SRC DST");
  EXPECT_HAS(must_fail(convert_args(scratch / "none", scratch / "a.gguf")), "no such file");
  EXPECT_HAS(must_fail(convert_args(tiny_model(), tiny_model(), {"--force"})), "both source and");
  EXPECT_HAS(must_fail(convert_args(tiny_model(), scratch / "a", {"--dtype", "q8_0"})), ".gguf");
  EXPECT_HAS(must_fail(convert_args(tiny_model(), scratch / "a.gguf", {"--dtype", "fp8"})), "FP8");
  EXPECT_HAS(must_fail(convert_args(tiny_model(), scratch / "a.gguf", {"--dtype", "q3"})),
             "known: auto");
  spill(scratch / "odd.gguf", "GGUFxxxx");
  EXPECT_HAS(must_fail(convert_args(scratch / "odd.gguf", scratch / "a")), "odd.gguf");
  EXPECT_FALSE(std::filesystem::exists(scratch / "a.gguf"));
}

TEST(Convert, AFullDiskLeavesNoHalfFile) {
  const Scratch scratch;
  Limits limits;
  limits.file_bytes = 4096;
  must_fail(convert_args(tiny_model(), scratch / "m.gguf"), limits);
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

// Tokenizers through the keys of a GGUF file.

Tokenizer tokenizer_of(const std::string& json) {
  auto made = Tokenizer::from_json(json, "tokenizer.json");
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

TEST(ConvertTokenizer, EncodesIdenticallyAfterTheGguf) {
  const char* const kTexts[] = {"hello world",
                                " hello  hell he",
                                "a\nb\r\n\t c",
                                "<|s|>hell<think>",
                                "ünïcode 日本 12345",
                                "abc  abc bca",
                                ""};
  for (samples::Json json : {samples::byte_level_bpe(), samples::byte_fallback_bpe()}) {
    GgufMetadata metadata;
    const ModelAssets assets{{"tokenizer.json", json.dump()}};
    ASSERT_TRUE(add_tokenizer_metadata(assets, 0, metadata));
    ModelAssets back;
    ASSERT_TRUE(add_tokenizer_assets(metadata, back));
    const Tokenizer a = tokenizer_of(json.dump()), b = tokenizer_of(back.at("tokenizer.json"));
    for (const char* text : kTexts) EXPECT_EQ(a.encode(text), b.encode(text)) << text;
  }
}

/// llama.cpp's test files: texts parted by a line, and a line of ids for each.
void expect_vectors(const Tokenizer& tokenizer, const Path& prefix) {
  const std::string input = slurp(prefix.string() + ".inp"), line = "\n__ggml_vocab_test__\n";
  std::istringstream expected(slurp(prefix.string() + ".out"));
  int n_cases = 0;
  for (size_t begin = 0; begin <= input.size(); ++n_cases) {
    const size_t end = std::min(input.find(line, begin), input.size());
    const std::string text = input.substr(begin, end - begin);
    begin = end + line.size();
    std::string row;
    if (!std::getline(expected, row)) break;
    std::istringstream numbers(row);
    std::vector<int32_t> ids;
    for (int32_t id; numbers >> id;) ids.push_back(id);
    EXPECT_EQ(tokenizer.encode(text), ids) << prefix << " case " << n_cases << ": " << text;
  }
  EXPECT_GE(n_cases, 46);
}

class PublishedGguf : public testing::TestWithParam<const char*> {};

TEST_P(PublishedGguf, VocabularyEncodesAsPublished) {
  const char* root = std::getenv("R1_SHARED_DATA");
  const std::string name = GetParam();
  const Path prefix =
      Path(root ? root : "") / "tokenizer" / name / ("ggml-vocab-" + name + ".gguf");
  if (root == nullptr || !std::filesystem::exists(prefix)) {
    GTEST_SKIP() << "set R1_SHARED_DATA to the folder of shared data to run this test";
  }
  const auto file = GgufFile::open(prefix);
  ASSERT_TRUE(file) << file.error().message;
  const auto json = tokenizer_json_of_gguf(file->contents.metadata);
  ASSERT_TRUE(json) << json.error().message;
  auto without_bos = nlohmann::json::parse(*json);  // the published ids have none
  without_bos["post_processor"] = nullptr;
  expect_vectors(tokenizer_of(without_bos.dump()), prefix);
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, PublishedGguf,
                         testing::Values("gpt-2", "deepseek-llm", "deepseek-coder"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace r1
