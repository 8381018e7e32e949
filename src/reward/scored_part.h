// What a reward model reads of a conversation: the whole response, or the summary after the
// thought.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/chat.h"
#include "reward/reward.h"

namespace r1 {

/// The paper judges helpfulness on the final summary alone, so that the reward does not interfere
/// with the reasoning, and harmlessness on the entire response.       [DeepSeek-R1, section 2.3.4]
enum class ScoredPart { kResponse, kSummary };
Result<ScoredPart> parse_scored_part(const std::string& name);
const char* scored_part_name(ScoredPart part);  // response, summary

/// The tokens to score, the same in training and in a run: the prompt, the part, an end token. Of a
/// response whose thought is never closed the summary is empty. For kSummary the template renders
/// the summary as the assistant's whole answer; for kResponse it writes the prompt, and a <think>
/// with which that already ends is not repeated.
Result<std::vector<int32_t>> scored_tokens(const Chat& chat, const std::vector<Message>& prompt,
                                           std::string_view response, ScoredPart part,
                                           const RewardOptions& options = {});

/// config.json of a reward model says which part it was trained on; nullopt: it does not say.
Result<std::optional<ScoredPart>> read_scored_part(const std::string& config_json);
std::string write_scored_part(const std::string& config_json, ScoredPart part);

}  // namespace r1
