#include "reward/length.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "reward/answer.h"
#include "text/unicode.h"

namespace r1 {
namespace {

double length_of(const Completion& completion, bool in_tokens) {
  if (in_tokens && completion.n_tokens >= 0) return static_cast<double>(completion.n_tokens);
  return static_cast<double>(count_code_points(to_utf8(completion.text)));
}

Result<void> check_unit(const std::string& name, const std::string& unit) {
  if (unit == "tokens" || unit == "characters") return {};
  return fail("reward {}: unit is {}; it must be tokens or characters", name, unit);
}

class Cosine : public Reward {
 public:
  Cosine(LengthOptions options, RewardOptions common)
      : options_(std::move(options)), common_(common) {}

  bool can_judge(const Problem& problem) const override { return !problem.answer.empty(); }

  Verdict score(const Problem& problem, const Completion& completion) const override {
    Verdict verdict = accuracy(problem, completion, common_);
    if (!verdict.valid) return verdict;
    const bool is_right = verdict.value == 1;
    const double at_start = is_right ? options_.max_value_correct : options_.min_value_wrong;
    const double at_end = is_right ? options_.min_value_correct : options_.max_value_wrong;
    const double length = length_of(completion, options_.unit == "tokens");
    const double progress = std::min(1.0, length / static_cast<double>(options_.max_length));
    verdict.value =
        at_end + 0.5 * (at_start - at_end) * (1 + std::cos(progress * std::numbers::pi));
    verdict.reason += fmt::format(", length {:.0f}", length);
    return verdict;
  }

 private:
  LengthOptions options_;
  RewardOptions common_;
};

class Overlong : public Reward {
 public:
  explicit Overlong(OverlongOptions options) : options_(std::move(options)) {}

  bool can_judge(const Problem&) const override { return true; }

  Verdict score(const Problem&, const Completion& completion) const override {
    const double length = length_of(completion, options_.unit == "tokens");
    const auto most = static_cast<double>(options_.max_length);
    const auto cache = static_cast<double>(options_.cache);
    double value = 0;
    if (length > most) {
      value = -1;
    } else if (length > most - cache) {
      value = (most - cache - length) / cache;
    }
    return {value, fmt::format("length {:.0f}", length), true};
  }

 private:
  OverlongOptions options_;
};

}  // namespace

Result<std::unique_ptr<const Reward>> make_length(const RewardSettings& settings) {
  R1_TRY(const LengthOptions options, read_options<LengthOptions>(settings));
  R1_RETURN_IF_ERROR(check_unit("length", options.unit));
  if (options.max_length < 1)
    return fail("reward length: max_length is {}; it must be at least 1", options.max_length);
  for (double value : {options.min_value_wrong, options.max_value_wrong, options.min_value_correct,
                       options.max_value_correct}) {
    if (!std::isfinite(value)) return fail("reward length: a value is not a number");
  }
  return std::make_unique<Cosine>(options, settings.common);
}

Result<std::unique_ptr<const Reward>> make_overlong(const RewardSettings& settings) {
  R1_TRY(const OverlongOptions options, read_options<OverlongOptions>(settings));
  R1_RETURN_IF_ERROR(check_unit("overlong", options.unit));
  if (options.cache < 0 || options.max_length < 1 || options.cache > options.max_length) {
    return fail("reward overlong: cache {} must lie between 0 and max_length {}", options.cache,
                options.max_length);
  }
  return std::make_unique<Overlong>(options);
}

}  // namespace r1
