#include "reward/settings.h"

#include <algorithm>
#include <cmath>

#include "base/toml.h"

namespace r1 {
namespace {

/// The keys that every reward has.
struct CommonKeys {
  RewardSettings& s;
  void visit(auto&& f) {
    f("name", s.name, "which reward");
    f("label", s.label, "its name in logs");
    f("weight", s.weight, "its share of the sum");
    f("data", s.data, "data sets it is for");
    f("types", s.types, "types of prompts it is for");
    f("from_step_ratio", s.from_step_ratio, "the share of a run from which on it counts");
    s.common.visit(f);
  }
};

bool is_name(const std::string& text) {
  for (char c : text) {
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_')
      return false;
  }
  return !text.empty();
}

Result<void> read_table(const std::string& text, RewardSettings& settings) {
  auto parsed = parse_toml(text, "[[reward]]");
  if (!parsed)
    return fail("reward '{}': {} (a NAME, NAME;key=value;…, or TOML)", text,
                parsed.error().message);
  toml::table table = std::move(*parsed);
  CommonKeys keys{settings};
  const std::vector<Field> fields = list_fields(keys);
  toml::table common;
  for (const Field& field : fields) {
    if (const toml::node* node = table.get(field.name)) {
      common.insert(field.name, *node);
      table.erase(field.name);
    }
  }
  R1_RETURN_IF_ERROR(apply_toml(fields, toml_text(common), "[[reward]]"));
  settings.options = toml_text(table);
  return {};
}

Result<void> read_flags(const std::string& text, RewardSettings& settings) {
  CommonKeys keys{settings};
  const std::vector<Field> fields = list_fields(keys);
  size_t at = text.find(';');
  settings.name = text.substr(0, at);
  while (at != std::string::npos) {
    const size_t end = text.find(';', at + 1);
    const std::string item = text.substr(at + 1, end == std::string::npos ? end : end - at - 1);
    at = end;
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    if (equals == std::string::npos) return fail("reward '{}': '{}' is not key=value", text, item);
    const std::string key = item.substr(0, equals), value = item.substr(equals + 1);
    const bool is_common = std::any_of(fields.begin(), fields.end(),
                                       [&](const Field& field) { return field.name == key; });
    if (!is_common) {
      settings.flags.emplace_back(key, value);
    } else if (auto set = set_field(fields, key, value); !set) {
      return fail_with(set.error().with("reward " + settings.name));
    }
  }
  return {};
}

/// A rule as a Reward. Whether it can judge a problem, it says of an empty completion.
class RuleReward : public Reward {
 public:
  RuleReward(RewardFunction function, const RewardOptions& options)
      : function_(function), options_(options) {}
  Verdict score(const Problem& problem, const Completion& completion) const override {
    return function_(problem, completion, options_);
  }
  bool can_judge(const Problem& problem) const override {
    return function_(problem, {"", true}, options_).valid;
  }

 private:
  RewardFunction function_;
  RewardOptions options_;
};

}  // namespace

std::unique_ptr<const Reward> make_rule(RewardFunction rule, const RewardOptions& options) {
  return std::make_unique<RuleReward>(rule, options);
}

Result<RewardSettings> parse_reward(const std::string& text, const RewardOptions& common) {
  RewardSettings settings;
  settings.common = common;
  if (is_name(text)) {
    settings.name = text;
  } else if (const size_t at = text.find(';');
             at != std::string::npos && is_name(text.substr(0, at))) {
    R1_RETURN_IF_ERROR(read_flags(text, settings));
  } else {
    R1_RETURN_IF_ERROR(read_table(text, settings));
  }
  if (settings.name.empty()) return fail("a [[reward]] has no name (name = \"accuracy\")");
  if (settings.label.empty()) settings.label = settings.name;
  if (!std::isfinite(settings.weight))
    return fail("reward {}: its weight is not a number", settings.name);
  if (!(settings.from_step_ratio >= 0 && settings.from_step_ratio < 1)) {
    return fail("reward {}: from_step_ratio is {}; it is a share of the run, from 0 to below 1",
                settings.name, settings.from_step_ratio);
  }
  return settings;
}

}  // namespace r1
