// Facts from llama.cpp's llama-vocab.cpp and from the tokenizer.json files it quotes.
#include "models/gguf_pretokenizers.h"

#include <algorithm>

namespace r1 {
namespace {

#define R1_WORDS R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)"
#define R1_SIGNS_AND_SPACES R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"
constexpr const char* kLlama3 = R1_WORDS R"(\p{N}{1,3})" R1_SIGNS_AND_SPACES;
constexpr const char* kQwen2 = R1_WORDS R"(\p{N})" R1_SIGNS_AND_SPACES;
#undef R1_WORDS
#undef R1_SIGNS_AND_SPACES

constexpr const char* kDeepSeekV3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
    R"(| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kCjk = "[一-龥ࠀ-一가-퟿]+";
// clang-format off
constexpr const char* kDeepSeekLlmLetters =
    R"(\s?)"
    "[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-"
    "Ჿᴀ-"
    "ᴫᵫ-"
    "ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\\x{1F7D}ᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-\\x{1FD3}ῖ-\\x{1FDB}ῠ-Ῥ"
    "ῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-"
    "Ｚａ-"
    "ｚ𐐀-"
    "𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+";
// clang-format on

}  // namespace

const char* const kGpt2Regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

std::span<const GgufPreTokenizer> gguf_pre_tokenizers() {
  static const std::vector<GgufPreTokenizer> all = {
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral"}, false, true, {kLlama3}},
      {{"qwen2", "deepseek-r1-qwen", "kormo", "megrez"}, true, false, {kQwen2}},
      {{"deepseek-v3"}, false, false, {R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+", kDeepSeekV3}},
      {{"deepseek-llm"},
       false,
       false,
       {R"([\r\n])", kDeepSeekLlmLetters, "\\s?[!-/:-~！-／：-～‘-‟　-。]+", R"(\s+$)", kCjk,
        R"(\p{N})"}},
      {{"deepseek-coder"},
       false,
       false,
       {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kCjk, R"(\p{N})"}},
      {{"gpt-2", "phi-2", "gigachat", "mellum"}, false, false, {kGpt2Regex}},
      {{"smollm", "starcoder", "refact"}, false, false, {R"(\p{N})", kGpt2Regex}}};
  return all;
}

const GgufPreTokenizer* find_gguf_pre_tokenizer(std::string_view name) {
  for (const GgufPreTokenizer& row : gguf_pre_tokenizers()) {
    if (std::ranges::find(row.names, name) != row.names.end()) return &row;
  }
  return nullptr;
}

std::string known_gguf_pre_tokenizers() {
  std::string text;
  for (const GgufPreTokenizer& row : gguf_pre_tokenizers()) {
    text += (text.empty() ? "" : ", ") + std::string(row.names[0]);
  }
  return text;
}

}  // namespace r1
