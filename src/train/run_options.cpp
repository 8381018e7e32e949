#include "train/run_options.h"

#include <algorithm>
#include <string_view>

#include "base/fields.h"
#include "base/log.h"

namespace r1 {
namespace {

/// A name that ends in '.' stands for a whole table.
constexpr std::string_view kFree[] = {
    "output_dir",    "resume",     "overwrite", "save_steps", "save_total_limit",
    "logging_steps", "compute.",   "engine.",   "preset",     "num_completions_to_print",
    "watch_prompts", "watch_steps"};
/// What decides which rows come when, and what the checkpoint's tensors look like; what an
/// adapter looks like is checked where it is read.
constexpr std::string_view kFixed[] = {
    "seed",       "data",          "train_batch_size",       "tokens_per_step",
    "max_length", "prompt_column", "answer_column",          "completion_column",
    "new_model.", "curriculum.by", "curriculum.num_problems"};

template <size_t N>
bool is_in(const std::string_view (&names)[N], const std::string& name) {
  return std::any_of(std::begin(names), std::end(names), [&](std::string_view known) {
    return known.ends_with('.') ? name.starts_with(known) : name == known;
  });
}

/// The file's name of a path that stands in quotes.
std::string file_name(const std::string& quoted) {
  return quoted.substr(quoted.find_last_of("/\"'", quoted.size() - 2) + 1);
}

/// A data set may have moved.
bool has_moved(const std::string& name, const std::string& before, const std::string& after) {
  return name == "data" && file_name(before) == file_name(after);
}

}  // namespace

Result<void> check_resumed_options(const std::string& begun, const std::string& now,
                                   const Path& folder) {
  const auto before = toml_values(begun, "config.toml");
  if (!before) return {};  // nothing to compare with
  R1_TRY(const auto after, toml_values(now, "config"));
  std::string others;
  for (const auto& [name, value] : after) {
    const auto it = before->find(name);
    if (it == before->end() || it->second == value || is_in(kFree, name)) continue;
    if (is_in(kFixed, name) && !has_moved(name, it->second, value)) {
      return fail(
          "{}: --resume has {} = {}, and the run began with {}: that is other data or another "
          "shape; give the same, or begin again with --overwrite",
          folder.string(), name, value, it->second);
    }
    others += fmt::format("{}{} {} (was {})", others.empty() ? "" : ", ", name, value, it->second);
  }
  if (!others.empty())
    log_warn("{} goes on with other options than it began with: {}", folder.string(), others);
  return {};
}

}  // namespace r1
