#include "reward/format.h"

#include <fmt/core.h>

#include <initializer_list>

#include "reward/text_scan.h"

namespace r1 {
namespace {

constexpr std::string_view kThink = "<think>", kEndThink = "</think>";
constexpr std::string_view kAnswer = "<answer>", kEndAnswer = "</answer>";

Verdict good() { return {1, "well formed", true}; }
Verdict bad(std::string reason) { return {0, std::move(reason), true}; }

/// The completion as if the model had written the opening tag itself.
std::string whole_text(const Completion& completion, const RewardOptions& options) {
  return (options.prefilled_think || completion.opens_think ? std::string(kThink) : "") +
         std::string(completion.text);
}

/// With open-r1's line breaks a template that opens the thought ends its line too.
std::string whole_lines(const Completion& completion, const RewardOptions& options) {
  const std::string text = whole_text(completion, options);
  if (text.size() == completion.text.size() || completion.text.starts_with('\n')) return text;
  return std::string(kThink) + "\n" + std::string(completion.text);
}

/// Why a part says nothing, or "". Strict: dots and dashes say nothing either.
std::string part_fault(std::string_view part, const char* name, const RewardOptions& options) {
  if (is_blank(part)) return fmt::format("the {} is empty", name);
  if (options.strict && !has_word(part)) return fmt::format("the {} has no word", name);
  return "";
}

/// Why the tags are not each there once, or "".
std::string tag_fault(std::string_view text, std::initializer_list<std::string_view> tags) {
  for (std::string_view tag : tags) {
    const int n = count_of(text, tag);
    if (n != 1) return fmt::format("{} occurs {} times", tag, n);
  }
  return "";
}

/// Cuts `text` at the tag: what stood before it; the text goes on behind it. Nothing when the tag
/// is not (or no longer) there.
bool cut(std::string_view& text, std::string_view tag, std::string_view& before) {
  const size_t at = text.find(tag);
  if (at == std::string_view::npos) return false;
  before = text.substr(0, at);
  text.remove_prefix(at + tag.size());
  return true;
}

struct Parts {
  std::string_view before, thought, between, answer, after;
};

Verdict check_zero(std::string_view text, Parts& parts, const RewardOptions& options) {
  const std::string fault = tag_fault(text, {kThink, kEndThink, kAnswer, kEndAnswer});
  if (!fault.empty()) return bad(fault);
  if (!cut(text, kThink, parts.before) || !cut(text, kEndThink, parts.thought) ||
      !cut(text, kAnswer, parts.between) || !cut(text, kEndAnswer, parts.answer)) {
    return bad("the tags are in another order");
  }
  parts.after = text;
  for (const std::string& empty : {part_fault(parts.thought, "thought", options),
                                   part_fault(parts.answer, "answer", options)}) {
    if (!empty.empty()) return bad(empty);
  }
  for (std::string_view outside : {parts.before, parts.between, parts.after}) {
    if (!trim_space(outside).empty()) return bad("text outside the tags");
  }
  return good();
}

}  // namespace

Verdict format_zero(const Problem&, const Completion& completion, const RewardOptions& options) {
  if (!completion.finished) return bad("truncated");
  Parts parts;
  const std::string text = whole_text(completion, options);
  return check_zero(text, parts, options);
}

Verdict format_r1(const Problem&, const Completion& completion, const RewardOptions& options) {
  if (!completion.finished) return bad("truncated");
  const std::string text = whole_text(completion, options);
  const std::string fault = tag_fault(text, {kThink, kEndThink});
  if (!fault.empty()) return bad(fault);
  std::string_view rest = text, before, thought;
  if (!cut(rest, kThink, before) || !cut(rest, kEndThink, thought)) {
    return bad("the tags are in another order");
  }
  if (!trim_space(before).empty()) return bad("text before the thought");
  if (const std::string empty = part_fault(thought, "thought", options); !empty.empty())
    return bad(empty);
  const std::string said = without(without(rest, kAnswer), kEndAnswer);  // tags say nothing
  if (is_blank(said) || (options.strict && !has_word(said)))
    return bad("nothing after the thought");
  return good();
}

Verdict format_open_r1(const Problem&, const Completion& completion, const RewardOptions& options) {
  if (!completion.finished) return bad("truncated");
  Parts parts;
  const std::string text = whole_lines(completion, options);
  const Verdict verdict = check_zero(text, parts, options);
  if (verdict.value == 0) return verdict;
  const auto framed = [](std::string_view part) {
    return part.size() >= 3 && part.starts_with('\n') && part.ends_with('\n');
  };
  if (!parts.before.empty() || parts.between != "\n" || !parts.after.empty() ||
      !framed(parts.thought) || !framed(parts.answer)) {
    return bad("the line breaks are not <think>\\n…\\n</think>\\n<answer>\\n…\\n</answer>");
  }
  return good();
}

Verdict format_tag_count(const Problem&, const Completion& completion,
                         const RewardOptions& options) {
  const std::string text = whole_lines(completion, options);
  int n = 0;
  for (std::string_view tag : {"<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>"}) {
    n += count_of(text, tag) == 1;
  }
  if (options.strict && n == 4) {
    Parts parts;
    const Verdict verdict = check_zero(text, parts, options);
    if (verdict.value == 0 || !completion.finished)
      return {0.75, completion.finished ? verdict.reason : "truncated", true};
  }
  return {0.25 * n, fmt::format("{} of 4 tags", n), true};
}

Result<std::unique_ptr<const Reward>> make_format(const RewardSettings& settings) {
  R1_TRY(const FormatOptions options, read_options<FormatOptions>(settings));
  const std::pair<const char*, RewardFunction> presets[] = {{"zero", format_zero},
                                                            {"r1", format_r1},
                                                            {"open_r1", format_open_r1},
                                                            {"tag_count", format_tag_count}};
  for (const auto& [name, rule] : presets) {
    if (options.preset == name) return make_rule(rule, settings.common);
  }
  return fail("reward format: unknown preset {} (known: zero, r1, open_r1, tag_count)",
              options.preset);
}

}  // namespace r1
