// The verdict in a judge's reply.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <charconv>
#include <cmath>

#include "reward/judge_prompt.h"
#include "reward/text_scan.h"
#include "text/unicode.h"

namespace r1 {
namespace {

constexpr uint32_t kMatchLimit = 1'000'000, kDepthLimit = 10'000, kHeapKib = 16 << 10;

template <auto free_it>
struct Freed {
  void operator()(auto* p) const { free_it(p); }
};
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>>;

/// What the judge says after its thought; nothing while that is open.
std::string said(const std::string& reply) {
  const std::string text = to_utf8(reply);
  const size_t close = text.rfind("</think>"), open = text.rfind("<think>");
  if (open != text.npos && (close == text.npos || close < open)) return "";
  return close == text.npos ? text : text.substr(close + 8);
}

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

}  // namespace

struct VerdictPattern::Code {
  std::unique_ptr<pcre2_code, Freed<pcre2_code_free>> code;
};

VerdictPattern::VerdictPattern(JudgeMode mode, double scale, std::unique_ptr<Code> code)
    : mode_(mode), scale_(scale), code_(std::move(code)) {}
VerdictPattern::VerdictPattern(VerdictPattern&&) noexcept = default;
VerdictPattern::~VerdictPattern() = default;

Result<VerdictPattern> VerdictPattern::make(JudgeMode mode, const std::string& pattern,
                                            double scale) {
  std::string chosen = pattern;
  if (chosen.empty()) {
    chosen = mode == JudgeMode::kGrade
                 ? R"((?i)score[\s*_]*[:=][\s*_]*(-?\d+(?:\.\d+)?)(?![.\d]*\d|[eE]))"
                 : R"(\[\[([ABC])\]\])";
  }
  int error = 0;
  size_t offset = 0;
  auto code = std::make_unique<Code>();
  code->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(chosen.data()), chosen.size(),
                                 PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset,
                                 nullptr));
  if (!code->code) {
    char text[256] = "";
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(text), sizeof text);
    return fail("pattern: {} at byte {} of {}", text, offset, chosen);
  }
  return VerdictPattern(mode, scale, std::move(code));
}

std::optional<VerdictPattern::Verdict> VerdictPattern::read(const std::string& reply) const {
  const std::string text = said(reply);
  const MatchData match(pcre2_match_data_create_from_pattern(code_->code.get(), nullptr));
  const MatchContext context(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(context.get(), kMatchLimit);
  pcre2_set_depth_limit(context.get(), kDepthLimit);
  pcre2_set_heap_limit(context.get(), kHeapKib);
  std::string last;
  const size_t* spans = pcre2_get_ovector_pointer(match.get());
  for (size_t at = 0; at <= text.size();) {
    const int n = pcre2_match(code_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()),
                              text.size(), at, PCRE2_NOTEMPTY, match.get(), context.get());
    if (n <= 0) break;
    int group = 0;
    for (int i = n - 1; i > 0; --i) {
      if (spans[2 * i] != PCRE2_UNSET) group = i;
    }
    last = trim_space(
        std::string_view(text).substr(spans[2 * group], spans[2 * group + 1] - spans[2 * group]));
    at = spans[1];
  }
  if (mode_ == JudgeMode::kGrade) {
    const auto number = number_of(last);
    if (!number || *number < 0 || *number > scale_) return std::nullopt;
    return Verdict{*number / scale_, true, last};
  }
  if (last.size() != 1) return std::nullopt;
  const char letter = static_cast<char>(std::toupper(static_cast<unsigned char>(last[0])));
  if (letter == 'A') return Verdict{1, true, "A"};
  if (letter == 'B') return Verdict{0, true, "B"};
  if (letter == 'C') return Verdict{0.5, mode_ == JudgeMode::kCompare, "C"};
  return std::nullopt;
}

}  // namespace r1
