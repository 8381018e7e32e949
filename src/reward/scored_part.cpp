#include "reward/scored_part.h"

#include <nlohmann/json.hpp>

#include "reward/text_scan.h"
#include "reward/thought.h"

namespace r1 {
namespace {

constexpr EncodeOptions kAsWritten{.add_special = false, .parse_special = true};
constexpr const char* kKey = "reward_part";  // in config.json, where transformers ignores it

void end(std::vector<int32_t>& tokens, const Tokenizer& tokenizer) {
  const auto eos = tokenizer.eos_id();
  if (eos && (tokens.empty() || tokens.back() != *eos)) tokens.push_back(*eos);
}

Result<std::vector<int32_t>> response_tokens(const Chat& chat, const std::vector<Message>& prompt,
                                             std::string_view response) {
  std::vector<int32_t> tokens;
  if (prompt.empty()) {  // a conversation in one text: it begins as the tokenizer begins texts
    tokens = chat.tokenizer().encode(response, {.add_special = true, .parse_special = true});
  } else {
    R1_TRY(tokens, chat.prompt(prompt));
    for (std::string_view tag : {"<think>\n", "<think>"}) {  // the template has written it already
      if (!response.starts_with(tag) || !chat.opens_think(tokens)) continue;
      response.remove_prefix(tag.size());
      break;
    }
    const std::vector<int32_t> words = chat.tokenizer().encode(response, kAsWritten);
    tokens.insert(tokens.end(), words.begin(), words.end());
  }
  end(tokens, chat.tokenizer());
  return tokens;
}

}  // namespace

Result<ScoredPart> parse_scored_part(const std::string& name) {
  if (name == "response") return ScoredPart::kResponse;
  if (name == "summary") return ScoredPart::kSummary;
  return fail("part '{}': it is response or summary", name);
}

const char* scored_part_name(ScoredPart part) {
  return part == ScoredPart::kSummary ? "summary" : "response";
}

Result<std::vector<int32_t>> scored_tokens(const Chat& chat, const std::vector<Message>& prompt,
                                           std::string_view response, ScoredPart part,
                                           const RewardOptions& options) {
  if (part == ScoredPart::kResponse) return response_tokens(chat, prompt, response);
  const std::string summary(trim_space(said_after_thought({.text = response}, options)));
  if (!chat.has_template() || prompt.empty()) return response_tokens(chat, prompt, summary);
  std::vector<Message> messages = prompt;
  messages.push_back({.role = "assistant", .content = summary});
  const Tokenizer& tokenizer = chat.tokenizer();
  R1_TRY(const std::string text, render_chat(tokenizer.chat_template(), messages, false,
                                             tokenizer.bos_token(), tokenizer.eos_token()));
  std::vector<int32_t> tokens = tokenizer.encode(text, kAsWritten);
  end(tokens, tokenizer);
  return tokens;
}

Result<std::optional<ScoredPart>> read_scored_part(const std::string& config_json) {
  const auto json = nlohmann::json::parse(config_json, nullptr, false);
  const auto part = json.is_object() ? json.find(kKey) : json.end();
  if (part == json.end()) return std::nullopt;
  if (!part->is_string()) return fail("config.json: {} is {}", kKey, part->dump());
  auto parsed = parse_scored_part(part->get<std::string>());
  if (!parsed) return fail_with(parsed.error().with("config.json"));
  return *parsed;
}

std::string write_scored_part(const std::string& config_json, ScoredPart part) {
  auto json = nlohmann::ordered_json::parse(config_json);
  json[kKey] = scored_part_name(part);
  return json.dump(2) + "\n";
}

}  // namespace r1
