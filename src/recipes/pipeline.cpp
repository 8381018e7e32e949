#include "recipes/pipeline.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/fields.h"
#include "base/toml.h"
#include "recipes/pipeline_settings.h"

namespace r1 {
namespace {

constexpr StageKind kKinds[] = {
    {"pretrain", "output_dir", "final", true, true},
    {"sft", "output_dir", "final", true, true},
    {"rl", "output_dir", "final", true, true},
    {"distill", "output_dir", "final", true, true},
    {"reward train", "output_dir", "final", true, true},
    {"sample", "output", "rows.jsonl", false, true},
    {"eval", "json", "eval.json", false, true},
    {"data", "output", "rows.jsonl", false, false},
    {"data math", "output", "rows.jsonl", false, false},
    {"data filter", "output", "rows.jsonl", false, false},
};

/// Calls change(text) on every string in a node; what it returns replaces the string.
template <class Change>
void for_each_string(toml::node& node, const Change& change) {
  if (auto* text = node.as_string()) {
    *text = change(text->get());
  } else if (auto* list = node.as_array()) {
    for (toml::node& item : *list) for_each_string(item, change);
  } else if (auto* table = node.as_table()) {
    for (auto&& [key, value] : *table) for_each_string(value, change);
  }
}

/// "@base" and "@base/step_40" name stage base; "" otherwise.
std::string referred(const std::string& text) {
  if (!text.starts_with("@")) return "";
  return text.substr(1, text.find('/') - 1);
}

/// A list leaves out what a stage that is not enabled would have made.
void leave_out(toml::table& table, const std::set<std::string>& disabled) {
  for (auto&& [key, value] : table) {
    if (auto* inner = value.as_table()) leave_out(*inner, disabled);
    auto* list = value.as_array();
    if (!list) continue;
    const bool is_after = key.str() == "after";
    toml::array kept;
    for (toml::node& item : *list) {
      if (auto* one = item.as_table()) leave_out(*one, disabled);
      const std::string text = item.value_or(std::string());
      if (!disabled.contains(is_after ? text : referred(text))) kept.push_back(item);
    }
    *list = std::move(kept);
  }
}

Result<std::string> take_text(toml::table& table, const char* key, const std::string& where) {
  const toml::node* node = table.get(key);
  if (!node) return std::string();
  if (!node->is_string()) return fail("{}: {} must be a text", where, key);
  std::string text = node->as_string()->get();
  table.erase(key);
  return text;
}

/// The stage's own keys are taken off; what stays are options of the verb.
Result<Stage> read_stage(toml::table table, const toml::table& all, const std::string& where) {
  Stage stage;
  R1_TRY(stage.name, take_text(table, "name", where));
  R1_TRY(stage.verb, take_text(table, "verb", where));
  R1_TRY(stage.title, take_text(table, "title", where));
  R1_TRY(stage.role, take_text(table, "role", where));
  if (stage.name.empty() || stage.name.find_first_of("/@. ") != std::string::npos) {
    return fail("{}: name is '{}'; a stage needs one without / @ . and blanks", where, stage.name);
  }
  stage.kind = find_stage_kind(stage.verb);
  if (!stage.kind) {
    std::vector<std::string> known;
    for (const StageKind& kind : kKinds) known.emplace_back(kind.verb);
    return fail("{}: stage {}: verb is '{}'; it is one of {}", where, stage.name, stage.verb,
                fmt::format("{}", fmt::join(known, ", ")));
  }
  for (const char* own : {stage.kind->output, "resume", "overwrite"}) {
    if (table.contains(own))
      return fail("{}: stage {}: {} is set by the pipeline itself", where, stage.name, own);
  }
  if (const toml::node* after = table.get("after")) {
    const toml::array* list = after->as_array();
    if (!list) return fail("{}: stage {}: after must be a list of names", where, stage.name);
    for (const toml::node& item : *list) stage.inputs.push_back(item.value_or(std::string()));
    table.erase("after");
  }
  if (!table.contains("seed")) {
    if (const toml::node* seed = all.get("seed")) table.insert("seed", *seed);
  }
  if (stage.kind->has_compute && !table.contains("compute")) {
    if (const toml::node* compute = all.get("compute")) table.insert("compute", *compute);
  }
  for_each_string(table, [&](const std::string& text) {
    if (const std::string name = referred(text); !name.empty()) stage.inputs.push_back(name);
    return text;
  });
  stage.config = toml_text(table) + "\n";
  return stage;
}

Result<void> check_order(const Pipeline& pipeline, const std::string& file) {
  std::set<std::string> known;
  for (const Stage& stage : pipeline.stages) {
    for (const std::string& input : stage.inputs) {
      if (known.contains(input)) continue;
      return fail("{}: stage {} refers to '{}', {}", file, stage.name, input,
                  pipeline.find(input) ? "which comes later; put it first"
                                       : "which is no stage that is enabled");
    }
    if (!known.insert(stage.name).second)
      return fail("{}: two stages are named {}", file, stage.name);
  }
  return {};
}

}  // namespace

const StageKind* find_stage_kind(const std::string& verb) {
  for (const StageKind& kind : kKinds) {
    if (verb == kind.verb) return &kind;
  }
  return nullptr;
}

const Stage* Pipeline::find(const std::string& name) const {
  for (const Stage& stage : stages) {
    if (stage.name == name) return &stage;
  }
  return nullptr;
}

Result<Pipeline> read_pipeline(const std::string& toml, const std::string& file,
                               const PipelineSettings& settings) {
  R1_TRY(toml::table all, parse_toml(toml, file));
  for (auto&& [key, value] : all) {
    const std::vector<std::string> known{"title",   "notes",     "output_dir", "seed",
                                         "compute", "variables", "stage"};
    const std::string name(key.str());
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string near = nearest_name(name, known);
    return fail("{}:{}: unknown key '{}'{}", file, value.source().begin.line, name,
                near.empty() ? "; options of a verb belong into a [[stage]]"
                             : fmt::format("; did you mean '{}'?", near));
  }
  toml::table variables;
  if (const toml::table* given = all["variables"].as_table()) variables = *given;
  R1_RETURN_IF_ERROR(set_variables(variables, settings, file));
  all.erase("variables");
  R1_RETURN_IF_ERROR(put_variables(all, variables, file));
  Pipeline pipeline;
  pipeline.title = all["title"].value_or(std::string("R1"));
  if (const toml::array* notes = all["notes"].as_array()) {
    for (const toml::node& note : *notes) pipeline.notes.push_back(note.value_or(std::string()));
  }
  pipeline.output_dir = settings.output_dir;
  if (settings.output_dir.empty()) pipeline.output_dir = all["output_dir"].value_or(std::string());
  if (pipeline.output_dir.empty()) return fail("{}: output_dir is not set", file);
  const toml::array* stages = all["stage"].as_array();
  if (!stages || stages->empty()) return fail("{}: has no [[stage]]", file);
  R1_RETURN_IF_ERROR(check_options(*stages, settings));
  std::set<std::string> disabled;
  for (const toml::node& node : *stages) {
    const std::string where = fmt::format("{}:{}", file, node.source().begin.line);
    if (!node.is_table()) return fail("{}: a stage is written [[stage]]", where);
    toml::table table = *node.as_table();
    set_options(table, settings);
    const bool is_wanted = table["enabled"].value_or(true);
    table.erase("enabled");
    if (!is_wanted) {
      disabled.insert(table["name"].value_or(std::string()));
      continue;
    }
    leave_out(table, disabled);
    R1_TRY(Stage stage, read_stage(std::move(table), all, where));
    stage.folder = pipeline.output_dir / stage.name;
    pipeline.stages.push_back(std::move(stage));
  }
  if (pipeline.stages.empty()) return fail("{}: no stage is enabled", file);
  R1_RETURN_IF_ERROR(check_order(pipeline, file));
  return pipeline;
}

std::string resolve_config(const Stage& stage,
                           const std::function<std::string(const std::string& name)>& value,
                           bool with_compute) {
  toml::table table = toml::parse(std::string_view(stage.config));
  if (!with_compute) table.erase("compute");
  for_each_string(table, [&](const std::string& text) {
    const std::string name = referred(text);
    if (name.empty()) return text;
    const size_t rest = text.find('/');
    return value(name) + (rest == std::string::npos ? "" : text.substr(rest));
  });
  return toml_text(table) + "\n";
}

std::vector<std::string> files_of(const Stage& stage) {
  std::vector<std::string> files;
  toml::table table = toml::parse(std::string_view(stage.config));
  for_each_string(table, [&](const std::string& text) {
    std::error_code error;
    if (!text.empty() && !text.starts_with("@") && std::filesystem::exists(text, error))
      files.push_back(text);
    return text;
  });
  return files;
}

}  // namespace r1
