// The settings of one chosen reward: its name, weight, data sets and options, as the user wrote
// them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "reward/reward.h"

namespace r1 {

struct RewardSettings {
  std::string name;   // of the built-in reward
  std::string label;  // in logs; the name unless given
  double weight = 1;
  std::vector<std::string> data;   // data sets it is for; empty: all
  std::vector<std::string> types;  // types of prompts it is for; empty: all
  double from_step_ratio = 0;      // it counts once this share of a run is over
  RewardOptions common;
  std::string options;                                     // its own options, as TOML
  std::vector<std::pair<std::string, std::string>> flags;  // or as "key=value"
};

/// One entry of --reward or one [[reward]] table, in one of three forms:
///   format                                   a name
///   length;max_length=4000;weight=0.5        a name and options, for the command line
///   name = "length"\nmax_length = 4000       TOML
/// The keys name, label, weight, data, types, from_step_ratio, prefilled_think, strict belong to
/// every reward; the others are left for the reward itself.
Result<RewardSettings> parse_reward(const std::string& text, const RewardOptions& common);

/// A reward's own options: the fields of any struct with visit().
template <class Options>
Result<Options> read_options(const RewardSettings& settings) {
  Options options;
  const std::vector<Field> fields = list_fields(options);
  const std::string where = "reward " + settings.name;
  R1_RETURN_IF_ERROR(apply_toml(fields, settings.options, where));
  for (const auto& [key, value] : settings.flags) {
    if (auto set = set_field(fields, key, value); !set) return fail_with(set.error().with(where));
  }
  return options;
}

/// A rule as a Reward. Whether it can judge a problem, it says of an empty completion.
std::unique_ptr<const Reward> make_rule(RewardFunction rule, const RewardOptions& options);

}  // namespace r1
