// Real vocabularies against published ids: only where R1_SHARED_DATA names the shared data.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>

#include "text/tokenizer.h"
#include "text/tokenizer_samples.h"

namespace r1 {
namespace {

using samples::Json;

Path shared_data() {
  const char* root = std::getenv("R1_SHARED_DATA");
  return root ? Path(root) : Path();
}

#define SKIP_WITHOUT(path)                                                              \
  if (shared_data().empty() || !std::filesystem::exists(path)) {                        \
    GTEST_SKIP() << "set R1_SHARED_DATA to the folder of shared data to run this test"; \
  }

std::string read(const Path& path) { return read_text(path).value(); }

Json byte_level_json(const std::map<std::string, int>& vocab,
                     const std::vector<std::string>& merges, const Json& pre_tokenizer) {
  Json ids = Json::object();
  std::vector<std::string> by_id(vocab.size());
  for (const auto& [token, id] : vocab) by_id[id] = token;
  for (size_t id = 0; id < by_id.size(); ++id)
    ids.get_ref<Json::object_t&>().emplace_back(by_id[id], id);
  return {{"added_tokens", Json::array()},
          {"pre_tokenizer", pre_tokenizer},
          {"decoder", samples::byte_level()},
          {"model", {{"type", "BPE"}, {"vocab", ids}, {"merges", merges}}}};
}

Json from_vocab_and_merges(const Path& folder, const Json& pre_tokenizer) {
  const std::map<std::string, int> vocab =
      nlohmann::json::parse(read(folder / "vocab.json")).get<std::map<std::string, int>>();
  std::vector<std::string> merges;
  std::istringstream lines(read(folder / "merges.txt"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && !line.starts_with("#version")) merges.push_back(line);
  }
  return byte_level_json(vocab, merges, pre_tokenizer);
}

/// Just enough of GGUF to get at two arrays of strings and the token types.
class GgufVocabulary {
 public:
  explicit GgufVocabulary(const Path& path) : bytes_(read(path)) {
    pos_ = 16;  // magic, version, number of tensors
    for (uint64_t n = take<uint64_t>(); n > 0; --n) {
      const std::string key = text();
      value(key, take<uint32_t>());
    }
  }
  std::vector<std::string> tokens, merges;
  std::vector<int> types;

 private:
  template <class T>
  T take() {
    T value;
    std::memcpy(&value, bytes_.data() + pos_, sizeof value);
    pos_ += sizeof value;
    return value;
  }
  std::string text() {
    const auto n = take<uint64_t>();
    pos_ += n;
    return bytes_.substr(pos_ - n, n);
  }
  void value(const std::string& key, uint32_t type) {
    static const int kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    if (type == 8) {
      const std::string one = text();
      if (key == "tokenizer.ggml.tokens") tokens.push_back(one);
      if (key == "tokenizer.ggml.merges") merges.push_back(one);
    } else if (type == 9) {
      const auto inner = take<uint32_t>();
      for (uint64_t n = take<uint64_t>(); n > 0; --n) value(key, inner);
    } else if (key == "tokenizer.ggml.token_type") {
      types.push_back(take<int32_t>());
    } else {
      pos_ += kSizes[type];
    }
  }
  std::string bytes_;
  size_t pos_ = 0;
};

Json from_gguf(const Path& path, const Json& pre_tokenizer) {
  const GgufVocabulary gguf(path);
  std::map<std::string, int> vocab;
  for (size_t id = 0; id < gguf.tokens.size(); ++id) vocab.emplace(gguf.tokens[id], id);
  Json json = byte_level_json(vocab, gguf.merges, pre_tokenizer);
  for (size_t id = 0; id < gguf.tokens.size(); ++id) {
    const int type = gguf.types[id];  // 3 control, 4 user defined
    if (type == 3 || type == 4) {
      json["added_tokens"].push_back(samples::added(id, gguf.tokens[id], type == 3));
    }
  }
  return json;
}

Tokenizer make(const Json& json) {
  auto made = Tokenizer::from_json(json.dump(), "tokenizer.json");
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

/// llama.cpp's test files: texts parted by a line, and a line of ids for each.
void expect_llama_cpp_vectors(const Tokenizer& tokenizer, const Path& prefix) {
  const std::string input = read(prefix.string() + ".inp"), line = "\n__ggml_vocab_test__\n";
  std::istringstream expected(read(prefix.string() + ".out"));
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
    EXPECT_EQ(tokenizer.decode(ids, false), text) << prefix << " case " << n_cases;
  }
  EXPECT_GE(n_cases, 46);
}

void expect_transformers_vectors(const Tokenizer& tokenizer, const Path& path, size_t n_prefix) {
  std::istringstream lines(read(path));
  for (std::string line; std::getline(lines, line);) {
    const auto row = nlohmann::json::parse(line);
    if (row.contains("text_pair")) continue;
    auto ids = row["ids"].get<std::vector<int32_t>>();
    ids.erase(ids.begin(), ids.begin() + n_prefix);
    EXPECT_EQ(tokenizer.encode(row["text"].get<std::string>()), ids) << path << row["case"];
  }
}

TEST(PublishedVectors, Qwen2AndR1DistillQwen) {
  const Path folder = shared_data() / "tokenizer";
  SKIP_WITHOUT(folder);
  Json json =
      from_vocab_and_merges(folder / "qwen2", samples::sequence_of_splits({samples::kQwenPattern}));
  json["normalizer"] = {{"type", "NFC"}};
  json["added_tokens"] = {samples::added(151643, "<|endoftext|>"),
                          samples::added(151644, "<|im_start|>"),
                          samples::added(151645, "<|im_end|>")};
  const Tokenizer tokenizer = make(json);
  expect_llama_cpp_vectors(tokenizer, folder / "qwen2/ggml-vocab-qwen2.gguf");
  expect_llama_cpp_vectors(tokenizer, folder / "deepseek-r1-qwen/ggml-vocab-deepseek-r1-qwen.gguf");
  expect_transformers_vectors(tokenizer,
                              folder / "transformersjs/qwen2__Xenova_Qwen1.5-0.5B-Chat.jsonl", 0);
}

TEST(PublishedVectors, Llama3) {
  const Path folder = shared_data() / "tokenizer";
  SKIP_WITHOUT(folder);
  Json json = from_vocab_and_merges(folder / "llama-bpe",
                                    samples::sequence_of_splits({samples::kLlama3Pattern}));
  json["model"]["ignore_merges"] = true;
  const Tokenizer tokenizer = make(json);
  expect_llama_cpp_vectors(tokenizer, folder / "llama-bpe/ggml-vocab-llama-bpe.gguf");
  expect_transformers_vectors(tokenizer,
                              folder / "transformersjs/llama__Xenova_llama3-tokenizer.jsonl", 0);
}

TEST(PublishedVectors, Gpt2) {
  const Path folder = shared_data() / "tokenizer";
  SKIP_WITHOUT(folder);
  const Tokenizer tokenizer =
      make(from_gguf(folder / "gpt-2/ggml-vocab-gpt-2.gguf", samples::byte_level(true)));
  expect_llama_cpp_vectors(tokenizer, folder / "gpt-2/ggml-vocab-gpt-2.gguf");
  expect_transformers_vectors(tokenizer,
                              folder / "transformersjs/gpt2__openai-community_gpt2.jsonl", 0);
}

// Patterns of the two older DeepSeek tokenizers, as listed in llama.cpp's llama-vocab.cpp.
TEST(PublishedVectors, DeepSeekCoder) {
  const Path folder = shared_data() / "tokenizer";
  SKIP_WITHOUT(folder);
  const Json pre = samples::sequence_of_splits(
      {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", "[一-龥ࠀ-一가-퟿]+", R"(\p{N})"});
  const Tokenizer tokenizer =
      make(from_gguf(folder / "deepseek-coder/ggml-vocab-deepseek-coder.gguf", pre));
  expect_llama_cpp_vectors(tokenizer, folder / "deepseek-coder/ggml-vocab-deepseek-coder.gguf");
  expect_transformers_vectors(
      tokenizer, folder / "transformersjs/llama__Xenova_deepseek-coder-1.3b-instruct.jsonl", 1);
}

TEST(PublishedVectors, DeepSeekLlm) {
  const Path folder = shared_data() / "tokenizer";
  SKIP_WITHOUT(folder);
  // clang-format off
  const std::string letters =
      "[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-"
      "Ჿᴀ-"
      "ᴫᵫ-"
      "ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\\x{1F7D}ᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-\\x{1FD3}ῖ-\\x{1FDB}ῠ-Ῥ"
      "ῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-"
      "Ｚａ-"
      "ｚ𐐀-"
      "𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+";
  // clang-format on
  const Json pre = samples::sequence_of_splits({R"([\r\n])", R"(\s?)" + letters,
                                                "\\s?[!-/:-~！-／：-～‘-‟　-。]+", R"(\s+$)",
                                                "[一-龥ࠀ-一가-퟿]+", R"(\p{N})"});
  const Tokenizer tokenizer =
      make(from_gguf(folder / "deepseek-llm/ggml-vocab-deepseek-llm.gguf", pre));
  expect_llama_cpp_vectors(tokenizer, folder / "deepseek-llm/ggml-vocab-deepseek-llm.gguf");
}

TEST(PublishedVectors, Stories260KFolder) {
  const Path folder = shared_data() / "models/stories260K";
  SKIP_WITHOUT(folder);
  const auto tokenizer = Tokenizer::load(folder / "hf");
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto expected = nlohmann::json::parse(read(folder / "expected.json"));
  const auto ids = expected["ids"].get<std::vector<int32_t>>();
  const auto text = expected["text"].get<std::string>();
  // The ids were sampled, so encoding the text may choose longer tokens; decoding is exact.
  EXPECT_EQ(tokenizer->decode(ids), text);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
  for (const auto& row : expected["prompts"]) {
    const auto prompt = row["prompt_ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer->encode(row["prompt"].get<std::string>()), prompt);
    auto all = prompt;
    for (int32_t id : row["output_ids"]) all.push_back(id);
    EXPECT_EQ(tokenizer->decode(all), row["text"].get<std::string>());
  }
  EXPECT_EQ(tokenizer->encode(text), ids);
  EXPECT_EQ(tokenizer->bos_id(), 1);
  EXPECT_EQ(tokenizer->eos_id(), 2);
  EXPECT_EQ(tokenizer->vocab_size(), 512);
}

TEST(PublishedVectors, FolderWithoutTokenizerJsonSaysWhatStillWorks) {
  const Path folder = shared_data() / "models/verl_arithmetic_tiny_llama";
  SKIP_WITHOUT(folder);
  const auto tokenizer = Tokenizer::load(folder);
  ASSERT_FALSE(tokenizer);
  EXPECT_NE(tokenizer.error().message.find("token ids only"), std::string::npos);
}

}  // namespace
}  // namespace r1
