#include <nlohmann/json.hpp>

#include "data/last_digit.h"
#include "data/last_digit_words.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

struct TaggedWord {
  const char* text;
  bool special;  // hidden from people; the tags are not
};
constexpr TaggedWord kTags[] = {{"<pad>", true},     {"<bos>", true},       {"<eos>", true},
                                {"<user>", true},    {"<assistant>", true}, {"<think>", false},
                                {"</think>", false}, {"<answer>", false},   {"</answer>", false}};
constexpr const char* kUnknown = "<unk>";

std::vector<std::string> vocabulary() {
  std::vector<std::string> words;
  for (const auto& tag : kTags) words.push_back(tag.text);
  for (char c : std::string_view("0123456789+-*=;?abcdefghijklmnopqrstuvwxyz")) {
    words.push_back(std::string(1, c));
  }
  words.insert(words.end(), kEnglishWords.begin(), kEnglishWords.end());
  words.insert(words.end(), kFrenchWords.begin(), kFrenchWords.end());
  words.push_back(kUnknown);
  return words;
}

Json added_token(size_t id, const std::string& content, bool special) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
}

// System messages are left out: the task has no words for them. An assistant turn ends with <eos>.
constexpr const char* kChatTemplate =
    "<bos>{% for message in messages %}"
    "{% if message['role'] == 'user' %} <user> {{ message['content'] }}"
    "{% elif message['role'] == 'assistant' %} <assistant> {{ message['content'] }} <eos>"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %} <assistant>{% endif %}";

}  // namespace

std::string last_digit_tokenizer_json() {
  const auto words = vocabulary();
  Json added = Json::array(), ids = Json::object();
  for (size_t id = 0; id < std::size(kTags); ++id) {
    added.push_back(added_token(id, kTags[id].text, kTags[id].special));
  }
  added.push_back(added_token(words.size() - 1, kUnknown, true));
  for (size_t id = 0; id < words.size(); ++id) ids[words[id]] = id;
  const Json tokenizer = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", added},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
      {"post_processor", nullptr},
      {"decoder", nullptr},  // words are joined with single spaces
      {"model", {{"type", "WordLevel"}, {"vocab", ids}, {"unk_token", kUnknown}}},
  };
  return tokenizer.dump(2) + "\n";
}

std::string last_digit_tokenizer_config_json() {
  const Json config = {
      {"tokenizer_class", "PreTrainedTokenizerFast"},
      {"bos_token", "<bos>"},
      {"eos_token", "<eos>"},
      {"pad_token", "<pad>"},
      {"unk_token", kUnknown},
      {"add_bos_token", false},
      {"clean_up_tokenization_spaces", false},
      {"model_max_length", 256},
      {"chat_template", kChatTemplate},
  };
  return config.dump(2) + "\n";
}

}  // namespace r1
