#include "reward/thought.h"

#include <algorithm>

#include "reward/text_scan.h"

namespace r1 {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kThink = "<think>", kEndThink = "</think>";

}  // namespace

bool begins_in_thought(const Completion& completion, const RewardOptions& options) {
  return completion.opens_think || options.prefilled_think;
}

std::string_view thought_of(const Completion& completion, const RewardOptions& options) {
  std::string_view text = completion.text;
  const size_t open = text.find(kThink), end = text.rfind(kEndThink);
  if (open != kNone && (end == kNone || open < end)) {
    text = text.substr(open + kThink.size(),
                       end == kNone ? end : end - std::min(end, open + kThink.size()));
    return text;
  }
  if (!begins_in_thought(completion, options)) return {};
  return text.substr(0, end);
}

std::string_view said_after_thought(const Completion& completion, const RewardOptions& options) {
  const std::string_view text = completion.text;
  const bool inside = begins_in_thought(completion, options);
  const size_t end = text.rfind(kEndThink);
  const bool has_thought = inside || text.find(kThink) != kNone;
  if (end == kNone) return has_thought ? std::string_view() : text;
  if (options.strict) {
    const bool is_once =
        count_of(text, kEndThink) == 1 && count_of(text, kThink) == (inside ? 0 : 1);
    const size_t open = text.find(kThink);
    if (!is_once || (!inside && (open > end || !is_blank(text.substr(0, open))))) return {};
  }
  return text.substr(end + kEndThink.size());
}

}  // namespace r1
