#include "reward/regex_reward.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "reward/answer.h"
#include "reward/text_scan.h"
#include "reward/thought.h"

namespace r1 {
namespace {

constexpr uint32_t kMatchLimit = 1'000'000, kDepthLimit = 10'000, kHeapKib = 16 << 10;
constexpr std::string_view kReference = "{answer}";

template <auto free_it>
struct Freed {
  void operator()(auto* p) const { free_it(p); }
};
using Code = std::unique_ptr<pcre2_code, Freed<pcre2_code_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>>;

std::string error_text(int code) {
  char text[256] = "";
  pcre2_get_error_message(code, reinterpret_cast<PCRE2_UCHAR*>(text), sizeof text);
  return text;
}

Result<Code> compile(const std::string& pattern, bool whole) {
  int error = 0;
  size_t offset = 0;
  const uint32_t flags = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C |
                         (whole ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0);
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), flags,
                          &error, &offset, nullptr));
  if (code) return code;
  return fail("reward regex: {} at byte {} of {}", error_text(error), offset, pattern);
}

std::string literal_pattern(std::string_view text) {
  std::string result;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && !std::isalnum(byte)) result += '\\';
    result += c;
  }
  return result;
}

class RegexReward : public Reward {
 public:
  RegexReward(RegexOptions options, RewardOptions common, Code fixed)
      : options_(std::move(options)), common_(common), fixed_(std::move(fixed)) {}

  bool can_judge(const Problem& problem) const override {
    return fixed_ || !problem.answer.empty();
  }

  Verdict score(const Problem& problem, const Completion& completion) const override {
    if (!can_judge(problem)) return {0, "the problem has no reference answer", false};
    Verdict verdict;
    verdict.extracted = part_of(completion);
    if (!fixed_) verdict.reference = reference_answer(problem.answer);
    if (!completion.finished) {
      verdict.reason = "truncated";
    } else if (verdict.extracted.empty()) {
      verdict.reason = "nothing to match";
    } else {
      judge(verdict);
    }
    return verdict;
  }

 private:
  void judge(Verdict& verdict) const {
    if (fixed_) return match(*fixed_, verdict);
    std::string pattern = options_.pattern;
    const std::string reference = literal_pattern(verdict.reference);
    for (size_t at = pattern.find(kReference); at != std::string::npos;
         at = pattern.find(kReference, at + reference.size())) {
      pattern.replace(at, kReference.size(), reference);
    }
    const auto code = compile(pattern, options_.whole);
    if (!code) {
      verdict.reason = code.error().message;
      verdict.valid = false;
      return;
    }
    match(**code, verdict);
  }

  void match(const pcre2_code& code, Verdict& verdict) const {
    const MatchData data(pcre2_match_data_create(1, nullptr));
    const MatchContext limits(pcre2_match_context_create(nullptr));
    if (!data || !limits) throw DeviceError("out of memory for a regex match");
    pcre2_set_match_limit(limits.get(), kMatchLimit);
    pcre2_set_depth_limit(limits.get(), kDepthLimit);
    pcre2_set_heap_limit(limits.get(), kHeapKib);
    const int found =
        pcre2_match(&code, reinterpret_cast<PCRE2_SPTR>(verdict.extracted.data()),
                    verdict.extracted.size(), 0, PCRE2_NO_JIT, data.get(), limits.get());
    verdict.value = found >= 0 ? 1 : 0;
    verdict.reason = found >= 0                     ? "matches"
                     : found == PCRE2_ERROR_NOMATCH ? "does not match"
                                                    : error_text(found);
  }

  std::string part_of(const Completion& completion) const {
    if (options_.where == "answer") return find_answer(completion, common_);
    if (options_.where == "said")
      return std::string(trim_space(said_after_thought(completion, common_)));
    if (options_.where == "thought")
      return std::string(trim_space(thought_of(completion, common_)));
    return std::string(completion.text);
  }

  RegexOptions options_;
  RewardOptions common_;
  Code fixed_;  // null when the pattern changes with the reference
};

}  // namespace

Result<std::unique_ptr<const Reward>> make_regex(const RewardSettings& settings) {
  R1_TRY(const RegexOptions options, read_options<RegexOptions>(settings));
  bool is_known = false;
  for (const char* where : {"answer", "said", "thought", "text"})
    is_known = is_known || options.where == where;
  if (!is_known)
    return fail("reward regex: where is {}; known: answer, said, thought, text", options.where);
  Code fixed;
  if (options.pattern.find(kReference) == std::string::npos) {
    R1_TRY(fixed, compile(options.pattern, options.whole));
  }
  return std::make_unique<RegexReward>(options, settings.common, std::move(fixed));
}

}  // namespace r1
